"""Rows about disputes, payouts, reports, news and repairs to break rules with, straight into the tables.

They tell no true story (nothing was ever settled or paid out), so they are taken away again.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, transaction
from django.db.models import UUIDField

from payments.ledger import recipes
from payments.ledger.posting import Cause, post_for
from payments.lifecycles import Mode
from payments.models import (
    ApiKey,
    BankLine,
    CircuitBreaker,
    DeliveryAttempt,
    Discrepancy,
    Dispute,
    Event,
    Merchant,
    NewsReplay,
    Payment,
    Payout,
    PayoutSchedule,
    PlatformFee,
    ProcessorAccount,
    ProcessorCall,
    ProcessorEvent,
    Repair,
    Report,
    RoutingRule,
    SettlementLine,
    WebhookDelivery,
    WebhookEndpoint,
)
from payments.money import Money
from payments.operations.api_keys import issue_api_key
from tests.books import Books

OWN = {"mode": Mode.TEST, "currency": "EUR"}


@transaction.atomic
def write_more_books(made: Books) -> Books:
    """Return the ids of what is written beside books that the API has made, by name."""
    now: datetime = made["now"]
    merchant_id, other_merchant_id = made["merchant"], made["other_merchant"]
    payment = Payment.objects.get(pk=made["disputed"])
    call = ProcessorCall.objects.get(pk=made["disputed_call"])
    dispute = _dispute(payment, "dp-1", now)
    books: Books = {"dispute": dispute.id, "loose_dispute": _dispute(payment, "dp-2", now).id}
    books["other_dispute"] = _dispute(Payment.objects.get(pk=made["other_payment"]), "dp-3", now).id
    opened = recipes.dispute_opened(held=Money(700, "EUR"))
    books["dispute_entry"] = _entry(merchant_id, opened, now, cause=dispute, payment_id=payment.id)
    books["dispute_call"] = _call(dispute, "submit_evidence", now, payment=payment, dispute=dispute)
    books |= _payouts(merchant_id, other_merchant_id, now)
    books |= _reports(payment, call, dispute, books["payout"], now)
    books |= _news(now)
    books |= _keys(made, now)
    books |= _routing(merchant_id, other_merchant_id, now)
    books |= _discrepancies(payment, made | books, other_merchant_id, now)
    books |= _webhooks(made, now)
    return books | _repairs(made | books, now)


def take_away(books: Books) -> None:
    """Delete what `write_more_books` wrote, past every rule, so that no later test in this database meets it."""
    keys = [key for key in books.values() if isinstance(key, UUID)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model in apps.get_app_config("payments").get_models():
            if isinstance(model._meta.pk, UUIDField):
                cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = ANY (%s)", [keys])
        cursor.execute("DELETE FROM payments_journalline WHERE entry_id = ANY (%s)", [keys])
        cursor.execute("DELETE FROM payments_deliveryattempt WHERE delivery_id = ANY (%s)", [keys])
        cursor.execute("DELETE FROM payments_payoutschedule WHERE id = %s", [books["schedule"]])
        cursor.execute("DELETE FROM payments_platformfee WHERE id = %s", [books["platform_fee"]])
        cursor.execute("DELETE FROM payments_circuitbreaker WHERE id = %s", [books["breaker"]])


def _keys(made: Books, now: datetime) -> Books:
    """Write keys that no request has used: one that was rolled and revoked, its replacement, and others."""
    merchant = Merchant.objects.get(pk=made["merchant"])
    other = Merchant.objects.get(pk=made["other_merchant"])

    def issue(owner: Merchant, mode: Mode = Mode.TEST) -> ApiKey:
        return issue_api_key(merchant=owner, mode=mode, name="unused", now=now).key

    rolled, fresh = issue(merchant), issue(merchant)
    ApiKey.objects.filter(pk=rolled.pk).update(replaced_by=fresh, expires_at=now, revoked_at=now)
    return {
        "rolled_key": rolled.pk,
        "fresh_key": fresh.pk,
        "spare_key": issue(merchant).pk,
        "live_key": issue(merchant, Mode.LIVE).pk,
        "other_key": issue(other).pk,
    }


def _dispute(payment: Payment, reference: str, now: datetime) -> Dispute:
    return Dispute.objects.create(
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        currency=payment.currency,
        status="needs_response",
        amount=500,
        fee=200,
        reason="fraudulent",
        connector="sandbox",
        # Committed books of several modules stand in one database.
        processor_reference=f"{reference}-{payment.id}",
        evidence_due_at=now,
        created_at=now,
        updated_at=now,
    )


def _call(owner: Dispute | Payout, kind: str, now: datetime, **about: Any) -> UUID:
    """Write a call that was declined: nothing is open that a test would want to open."""
    call = ProcessorCall.objects.create(
        merchant_id=owner.merchant_id,
        mode=owner.mode,
        currency=owner.currency,
        connector="sandbox",
        kind=kind,
        amount=owner.amount,
        final=False,
        payment_method="ba_sandbox",
        status="created",
        created_at=now,
        **about,
    )
    ProcessorCall.objects.filter(pk=call.pk).update(status="declined", answered_at=now)
    return call.pk


def _entry(
    merchant_id: UUID, recipe: recipes.Recipe, now: datetime, *, cause: Cause, payment_id: UUID | None = None
) -> UUID:
    entry = post_for(merchant_id, Mode.TEST, recipe, cause=cause, payment_id=payment_id, effective_at=now)
    return entry.pk


def _payouts(merchant_id: UUID, other_merchant_id: UUID, now: datetime) -> Books:
    def payout(owner_id: UUID, **changes: Any) -> Payout:
        values = {"amount": 300, "destination": "ba_sandbox", "connector": "sandbox", "status": "pending"}
        return Payout.objects.create(**OWN | values | changes, merchant_id=owner_id, created_at=now, updated_at=now)

    first = payout(merchant_id, scheduled_for=date(2026, 3, 2), processor_reference=f"sbp-{merchant_id}")
    schedule = PayoutSchedule.objects.create(
        **OWN, merchant_id=merchant_id, interval="weekly", weekday=0, destination="ba_sandbox"
    )
    fee = PlatformFee.objects.create(merchant_id=merchant_id, currency="EUR", fee_bps=290, fixed_amount=30)
    return {
        "payout": first.id,
        "payout_call": _call(first, "payout", now, payout=first),
        "payout_entry": _entry(merchant_id, recipes.payout_created(amount=Money(300, "EUR")), now, cause=first),
        "usd_payout": payout(merchant_id, currency="USD").id,
        "live_payout": payout(merchant_id, mode=Mode.LIVE).id,
        "other_payout": payout(other_merchant_id).id,
        "schedule": schedule.id,
        "platform_fee": fee.id,
    }


def _reports(payment: Payment, call: ProcessorCall, dispute: Dispute, payout_id: UUID, now: datetime) -> Books:
    def report(name: str, form: str) -> Report:
        digest = f"{name}-{payment.id}"
        return Report.objects.create(name=name, format=form, digest=digest, created_at=now, finished_at=now)

    settlement, bank = report("settlement", "settlement_csv"), report("bank", "camt.053")
    settled = recipes.settlement(gross=Money(1999, "EUR"), fee=50)
    entry, other_entry = (_entry(payment.merchant_id, settled, now, cause=cause) for cause in (settlement, bank))
    line = {
        **{"report": settlement, "line_number": 1, "connector": "sandbox", "batch_reference": "batch-1"},
        **{"kind": "capture", "processor_reference": "sbx-1", "currency": "EUR", "occurred_at": now},
        **{"gross": 1999, "fee": 50, "net": 1949},
    }
    movement = {
        **{"report": bank, "line_number": 1, "account": f"DE-{payment.id}", "text": "PAYOUT", "currency": "EUR"},
        **{"amount": -300, "booking_date": date(2026, 3, 2), "value_date": date(2026, 3, 2)},
    }
    matched = SettlementLine.objects.create(
        **line,
        line_reference=f"1-{payment.id}",
        payment=payment,
        processor_call=call,
        dispute=dispute,
        journal_entry_id=entry,
    )
    paid = BankLine.objects.create(**movement, bank_reference="1", payout_id=payout_id, batch_reference="batch-1")
    return {
        "report": settlement.id,
        "bank_report": bank.id,
        "empty_report": report("empty", "mt940").id,
        "report_entry": entry,
        "bank_report_entry": other_entry,
        "settlement_line": matched.id,
        "unmatched_line": SettlementLine.objects.create(**line, line_reference=f"2-{payment.id}").id,
        "bank_line": paid.id,
        "unmatched_bank_line": BankLine.objects.create(**movement, bank_reference="2").id,
    }


def _news(now: datetime) -> Books:
    def event(status: str, **changes: Any) -> ProcessorEvent:
        values = {"connector": "sandbox", "type": "dispute.opened", "object_reference": "dp-1", "payload": {}}
        row = ProcessorEvent(**values, occurred_at=now, received_at=now, status="received")
        row.event_id = f"sbe-{row.id}"
        row.save(force_insert=True)
        ProcessorEvent.objects.filter(pk=row.pk).update(status=status, **changes)
        return row

    ignored = event("ignored", settled_at=now, detail="Known already.")
    replay = NewsReplay.objects.create(
        event=ignored, by="ann", reason="By phone.", status_before="ignored", status_after="ignored", created_at=now
    )
    return {
        "news": event("received").id,
        "applied_news": event("applied", settled_at=now).id,
        "replayed_news": ignored.id,
        "replay": replay.id,
    }


def _routing(merchant_id: UUID, other_merchant_id: UUID, now: datetime) -> Books:
    def account(owner_id: UUID, connector: str) -> ProcessorAccount:
        return ProcessorAccount.objects.create(
            merchant_id=owner_id,
            mode=Mode.TEST,
            connector=connector,
            is_enabled=False,
            encrypted_credentials="{}",
            created_at=now,
            updated_at=now,
        )

    first, other = account(merchant_id, "stripe"), account(other_merchant_id, "adyen")
    rule = RoutingRule.objects.create(**OWN, merchant_id=merchant_id, position=1, connectors=["stripe"])
    return {
        "processor_account": first.id,
        "account_without_breaker": other.id,
        "breaker": CircuitBreaker.objects.create(account=first, status="closed").pk,
        "routing_rule": rule.id,
    }


def _discrepancies(payment: Payment, books: Books, other_merchant_id: UUID, now: datetime) -> Books:
    def discrepancy(name: str, **about: Any) -> Discrepancy:
        values = {"kind": "wrong_amount", "status": "open", "amount": -50, "detail": "Settled with less."}
        owner = OWN | {"merchant_id": payment.merchant_id}
        return Discrepancy.objects.create(
            **owner | values | about, key=f"wrong_amount:{name}-{payment.id}", created_at=now
        )

    full = discrepancy(
        "full",
        payment=payment,
        payout_id=books["payout"],
        processor_call_id=books["disputed_call"],
        processor_event_id=books["applied_news"],
        settlement_line_id=books["settlement_line"],
        bank_line_id=books["bank_line"],
    )
    resolved = discrepancy("resolved")
    Discrepancy.objects.filter(pk=resolved.pk).update(
        status="resolved", resolution="Paid later.", resolved_by="alice", resolved_at=now
    )
    written_off = recipes.write_off(missing=Money(50, "EUR"))
    return {
        "discrepancy": full.id,
        "loose_discrepancy": discrepancy("loose").id,
        "payment_discrepancy": discrepancy("payment", payment=payment).id,
        "payout_discrepancy": discrepancy("payout", payout_id=books["payout"]).id,
        "resolved_discrepancy": resolved.id,
        "other_discrepancy": discrepancy("other", merchant_id=other_merchant_id).id,
        "live_discrepancy": discrepancy("live", mode=Mode.LIVE).id,
        "usd_discrepancy": discrepancy("usd", currency="USD").id,
        "unowned_discrepancy": discrepancy("unowned", merchant_id=None, mode=None).id,
        "write_off_entry": _entry(payment.merchant_id, written_off, now, cause=full, payment_id=payment.id),
    }


def _webhooks(made: Books, now: datetime) -> Books:
    def endpoint(merchant_id: UUID, **changes: Any) -> UUID:
        values = {"mode": Mode.TEST, "url": "https://shop.example.com", "event_types": ["*"], "secret": "whsec_1"}
        moments = {"created_at": now, "updated_at": now}
        made = WebhookEndpoint.objects.create(merchant_id=merchant_id, status="enabled", **values | moments | changes)
        return made.id

    events = list(Event.objects.filter(merchant_id=made["merchant"], object_id=made["authorized"]).order_by("id"))
    books = {
        "endpoint": endpoint(made["merchant"]),
        "other_endpoint": endpoint(made["other_merchant"]),
        "live_endpoint": endpoint(made["merchant"], mode=Mode.LIVE),
        "deleted_endpoint": endpoint(made["merchant"]),
    }
    WebhookEndpoint.objects.filter(pk=books["deleted_endpoint"]).update(status="deleted", deleted_at=now)

    def delivery(event: Event) -> UUID:
        queued = WebhookDelivery.objects.create(
            endpoint_id=books["endpoint"],
            event=event,
            merchant_id=made["merchant"],
            mode=Mode.TEST,
            status="pending",
            next_attempt_at=now,
            created_at=now,
        )
        return queued.id

    books |= {"delivery": delivery(events[0]), "second_delivery": delivery(events[1])}
    attempt = DeliveryAttempt.objects.create(
        delivery_id=books["delivery"], number=1, started_at=now, duration_ms=3, request_headers={}, response_status=500
    )
    return books | {"attempt": attempt.pk}


def _repairs(books: Books, now: datetime) -> Books:
    def repair(**about: Any) -> Repair:
        values = {"reason": "By phone.", "status": "proposed", "proposed_by": "alice", "created_at": now}
        return Repair.objects.create(**values | about)

    approved = repair(discrepancy_id=books["payment_discrepancy"], action="write_off")
    Repair.objects.filter(pk=approved.pk).update(status="approved", decided_by="bob", decided_at=now)
    return {
        "repair": repair(processor_call_id=books["disputed_call"], action="declined").id,
        "write_off": repair(discrepancy_id=books["loose_discrepancy"], action="write_off").id,
        "approved_repair": approved.id,
    }
