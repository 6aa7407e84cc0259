"""Books with everything in them that can happen to money, in every status, for the rules of check_ledger.

What has operations is done by them. The rest is written here as they write it: rows, entries and an event for each
change.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final

from django.utils import timezone

from payments.connectors.base import ActionRequired, Declined, Outcome, Succeeded, Unknown
from payments.ledger import recipes
from payments.ledger.posting import post, post_for
from payments.lifecycles import (
    CallKind,
    CallStatus,
    DiscrepancyStatus,
    DisputeStatus,
    Mode,
    PaymentStatus,
    PayoutStatus,
    ProcessorEventStatus,
    RepairStatus,
)
from payments.models import (
    BankLine,
    Discrepancy,
    Dispute,
    Event,
    JournalEntry,
    LedgerAccount,
    Payment,
    Payout,
    ProcessorCall,
    ProcessorEvent,
    Refund,
    Repair,
    Report,
    SettlementLine,
)
from payments.models.reconciliation import DiscrepancyKind
from payments.money import Money
from payments.operations.events import record_event
from payments.operations.outcomes import settle_call
from payments.operations.payment_outcomes import move
from payments.operations.processor_calls import open_call, record_outcome
from payments.operations.refund_outcomes import take_back
from payments.operations.representations import timestamp
from payments.public_ids import encode, new_uuid
from tests.books import Books, write_books
from tests.shop import Shop, open_shop, payment_named, uuid_of

DISPUTED, DISPUTE_FEE, PAID_OUT, FEE, MISSING = 700, 1500, 400, 58, 300
GONE: Final = Declined("canceled", None, "The payer was not waited for.")
_numbers: Final = count(1)


def write_every_noun() -> Books:
    """Write them, and return the ids by name, with those of `write_books`."""
    books, shop = write_books(), open_shop()
    books["shop"] = shop.merchant.id
    _write_payments(books, shop)
    for status in DisputeStatus:
        books[f"{status}_dispute"] = dispute(shop, status).id
    opened = JournalEntry.objects.get(kind="dispute_opened", dispute_id=books["lost_dispute"])
    books["disputed_entry"] = opened.id
    for stage in PayoutStatus:
        books[f"{stage}_payout"] = payout(shop, stage).id
    books["returned_payout"] = payout(shop, PayoutStatus.FAILED, returned=True).id
    _write_settlement(books, shop)
    _write_repairs(books, shop)
    _write_news(books)
    for name, code in (("hold", "dispute_hold"), ("transit", "payout_in_transit"), ("fees", "fee_income")):
        books[f"{name}_account"] = LedgerAccount.objects.get(merchant_id=shop.merchant.id, code=code).id
    return books


def _write_payments(books: Books, shop: Shop) -> None:
    now = timezone.now()
    fee = payment_named(shop.pay().json()["id"])
    call = ProcessorCall.objects.get(payment=fee)
    post(recipes.platform_fee(fee=Money(FEE, "EUR")), cause=call, effective_at=now)
    Payment.objects.filter(pk=fee.pk).update(platform_fee=FEE)
    books["fee_payment"], books["fee_call"] = fee.id, call.id
    books["fee_entry"] = JournalEntry.objects.get(kind="platform_fee", payment=fee).id
    returned = shop.post("/v1/refunds", {"payment": fee.public_id, "amount": 500}).json()["id"]
    books["returned_refund"] = uuid_of(returned)
    refund = Refund.objects.select_related("payment").get(pk=books["returned_refund"])
    take_back(refund, ProcessorCall.objects.get(refund=refund), message="came back", now=now)
    books["canceled"] = uuid_of(shop.authorize()["id"])
    assert shop.post(f"/v1/payments/{encode('pay', books['canceled'])}/cancel").status_code == 200
    books["canceled_entry"] = JournalEntry.objects.get(payment_id=books["canceled"], kind="payment_canceled").id
    books["canceled_call"] = ProcessorCall.objects.get(payment_id=books["canceled"], kind="void").id
    books["expired"] = _expired(shop).id
    books["expired_call"] = ProcessorCall.objects.get(payment_id=books["expired"]).id
    books["waiting"] = _waiting(shop).id
    given_up = _waiting(shop)
    books["given_up"] = given_up.id
    books["void_call"] = _give_up(given_up).id
    books["given_up_call"] = ProcessorCall.objects.get(payment=given_up, kind="authorize").id


def _expired(shop: Shop) -> Payment:
    payment = payment_named(shop.authorize()["id"])
    released = Money(payment.amount_capturable, payment.currency)
    call = ProcessorCall.objects.get(payment=payment)
    post(recipes.payment_expired(released=released), cause=call, effective_at=timezone.now())
    payment.amount_capturable = 0
    move(payment, PaymentStatus.EXPIRED, now=timezone.now())
    return payment


def _confirmed(shop: Shop, outcome: Outcome) -> tuple[Payment, ProcessorCall]:
    """Return a payment whose authorization had this outcome."""
    payment, now = payment_named(shop.pay(confirm=False).json()["id"]), timezone.now()
    payment.connector = "sandbox"
    move(payment, PaymentStatus.PROCESSING, now=now)
    call = open_call(
        call_id=new_uuid(), payment=payment, kind=CallKind.AUTHORIZE, amount=payment.amount, final=True, now=now
    )
    settle_call(call, outcome, now=now)
    return payment_named(payment.public_id), call


def _waiting(shop: Shop) -> Payment:
    later = timezone.now() + timedelta(hours=1)
    reference = f"waiting_{next(_numbers)}_{new_uuid()}"
    return _confirmed(shop, ActionRequired(reference, "https://sandbox.example/act", later))[0]


def _give_up(payment: Payment) -> ProcessorCall:
    now = timezone.now()
    void = open_call(
        call_id=new_uuid(), payment=payment, kind=CallKind.VOID, amount=payment.amount, final=True, now=now
    )
    record_outcome(void, Succeeded(f"void_{void.pk}"), now=now)
    record_outcome(ProcessorCall.objects.get(payment=payment, kind="authorize"), GONE, now=now)
    move(payment, PaymentStatus.CANCELED, now=now)
    return void


def dispute(shop: Shop, status: DisputeStatus) -> Dispute:
    """Return a dispute of a new payment that has come to `status`."""
    now = timezone.now()
    payment = payment_named(shop.pay().json()["id"])
    opened = Dispute.objects.create(
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        currency=payment.currency,
        status=DisputeStatus.NEEDS_RESPONSE,
        amount=DISPUTED,
        fee=DISPUTE_FEE,
        reason="fraudulent",
        connector="sandbox",
        processor_reference=f"dispute_{new_uuid()}",
        evidence_due_at=now + timedelta(days=7),
        created_at=now,
        updated_at=now,
    )
    held = Money(DISPUTED + DISPUTE_FEE, "EUR")
    post(recipes.dispute_opened(held=held), cause=opened, effective_at=now)
    tell(opened, "created")
    _dispute_amount(payment, DISPUTED)
    if status is DisputeStatus.UNDER_REVIEW:
        _ask(opened, CallKind.SUBMIT_EVIDENCE)
    elif status is DisputeStatus.ACCEPTED:
        _ask(opened, CallKind.ACCEPT_DISPUTE)
    if status is DisputeStatus.WON:
        post(recipes.dispute_won(held=held), cause=opened, effective_at=now)
        _dispute_amount(payment, -DISPUTED)
    elif status in (DisputeStatus.LOST, DisputeStatus.ACCEPTED):
        post(recipes.dispute_lost(held=held), cause=opened, effective_at=now)
    if status is not DisputeStatus.NEEDS_RESPONSE:
        _reach(opened, status)
    return opened


def _dispute_amount(payment: Payment, amount: int) -> None:
    payment.amount_disputed += amount
    payment.save(update_fields=("amount_disputed",))
    record_event(payment, now=timezone.now(), event_type="payment.disputed")


def _ask(disputed: Dispute, kind: CallKind) -> None:
    call = open_call(
        call_id=new_uuid(),
        payment=disputed.payment,
        dispute=disputed,
        kind=kind,
        amount=disputed.amount,
        final=False,
        now=timezone.now(),
    )
    record_outcome(call, Succeeded(disputed.processor_reference), now=timezone.now())


_ANSWERS: Final[dict[PayoutStatus, CallStatus]] = {
    PayoutStatus.PENDING: CallStatus.CREATED,
    PayoutStatus.SUBMITTED: CallStatus.SUBMITTED,
    PayoutStatus.SUCCEEDED: CallStatus.SUCCEEDED,
    PayoutStatus.FAILED: CallStatus.DECLINED,
    PayoutStatus.UNKNOWN: CallStatus.UNKNOWN,
}


def payout(shop: Shop, status: PayoutStatus, *, returned: bool = False) -> Payout:
    """Return a payout that has come to `status`; one that failed may have been paid and `returned`."""
    now, amount = timezone.now(), Money(PAID_OUT, "EUR")
    owner: dict[str, Any] = {"merchant_id": shop.merchant.id, "mode": shop.mode, "currency": "EUR"}
    created = Payout.objects.create(
        **owner,
        status=PayoutStatus.PENDING,
        amount=PAID_OUT,
        destination="ba_sandbox",
        connector="sandbox",
        created_at=now,
        updated_at=now,
    )
    tell(created, "created")
    post(recipes.payout_created(amount=amount), cause=created, effective_at=now)
    call = ProcessorCall.objects.create(
        **owner,
        payout=created,
        connector="sandbox",
        kind=CallKind.PAYOUT,
        amount=PAID_OUT,
        final=False,
        payment_method="ba_sandbox",
        status=CallStatus.CREATED,
        created_at=now,
    )
    answer = CallStatus.SUCCEEDED if returned else _ANSWERS[status]
    if answer is not CallStatus.CREATED:
        ProcessorCall.objects.filter(pk=call.pk).update(status=answer, answered_at=now)
    if answer is CallStatus.SUCCEEDED:
        post(recipes.payout_paid(amount=amount), cause=created, effective_at=now)
        _reach(created, PayoutStatus.SUCCEEDED)
    if returned:
        post(recipes.payout_returned(amount=amount), cause=created, effective_at=now)
    elif status is PayoutStatus.FAILED:
        post(recipes.payout_released(amount=amount), cause=created, effective_at=now)
    if created.status != status:
        _reach(created, status)
    return created


def _reach(row: Dispute | Payout, status: DisputeStatus | PayoutStatus) -> None:
    row.status, row.updated_at = status, timezone.now()
    row.save(update_fields=("status", "updated_at"))
    tell(row, status)


def tell(row: Dispute | Payout, what: str) -> None:
    """Write the event of a change, with the row as the API shows it."""
    noun = "dispute" if isinstance(row, Dispute) else "payout"
    shown = {field.column: getattr(row, field.column) for field in row._meta.concrete_fields}
    shown |= {name: timestamp(value) for name, value in shown.items() if isinstance(value, datetime)}
    for hidden in ("merchant_id", "payment_id"):
        shown.pop(hidden, None)
    Event.objects.create(
        merchant_id=row.merchant_id,
        mode=row.mode,
        type=f"{noun}.{what}",
        object_id=row.id,
        data=shown | {"id": row.public_id, "object": noun, "status": str(row.status), "mode": str(row.mode)},
        created_at=row.updated_at,
    )


def _write_settlement(books: Books, shop: Shop) -> None:
    now, report = timezone.now(), _report("settlement_csv")
    payment = payment_named(shop.pay().json()["id"])
    gross, fee = payment.amount * 2 - 500, 40
    entry = post_for(
        shop.merchant.id,
        shop.mode,
        recipes.settlement(gross=Money(gross, "EUR"), fee=fee),
        cause=report,
        payment_id=None,
        effective_at=now,
    )
    booked = [_settled(report, number, payment, amount, entry) for number, amount in enumerate((gross + 500, -500), 1)]
    unknown = _settled(report, 3, None, 77, None)
    found = _discrepancy(DiscrepancyKind.UNKNOWN_MOVEMENT, settlement_line=unknown)
    bank = _report("camt.053")
    lines = [_bank_line(bank, number, **of) for number, of in enumerate(({"batch_reference": "b-1"}, {}), 1)]
    strange = _discrepancy(DiscrepancyKind.UNKNOWN_BANK_ENTRY, bank_line=lines[1])
    books |= {"settlement_entry": entry.id, "report": report.id, "settled": booked[0].id, "unsettled": unknown.id}
    books |= {"unsettled_discrepancy": found.id, "bank_line": lines[0].id, "strange_line": lines[1].id}
    books |= {"other_report": bank.id, "strange_discrepancy": strange.id}


def _report(kind: str) -> Report:
    return Report.objects.create(
        name="report", format=kind, digest=str(new_uuid()), created_at=timezone.now(), finished_at=timezone.now()
    )


def _settled(
    report: Report, number: int, payment: Payment | None, gross: int, entry: JournalEntry | None
) -> SettlementLine:
    fee = 20 if entry is not None else 0
    return SettlementLine.objects.create(
        report=report,
        line_number=number,
        connector="sandbox",
        line_reference=str(new_uuid()),
        batch_reference="b-1",
        kind="charge",
        processor_reference="charge",
        currency="EUR",
        gross=gross,
        fee=fee,
        net=gross - fee,
        occurred_at=timezone.now(),
        payment=payment,
        journal_entry=entry,
    )


def _bank_line(report: Report, number: int, **belongs_to: Any) -> BankLine:
    return BankLine.objects.create(
        report=report,
        line_number=number,
        account="DE00",
        bank_reference=str(new_uuid()),
        text="",
        currency="EUR",
        amount=1,
        booking_date=date(2026, 1, 2),
        value_date=date(2026, 1, 2),
        **belongs_to,
    )


def _discrepancy(kind: DiscrepancyKind, **about: Any) -> Discrepancy:
    return Discrepancy.objects.create(
        key=str(new_uuid()),
        kind=kind,
        status=DiscrepancyStatus.OPEN,
        detail="does not match",
        created_at=timezone.now(),
        **about,
    )


def _write_repairs(books: Books, shop: Shop) -> None:
    now = timezone.now()
    missing = _discrepancy(
        DiscrepancyKind.NOT_SETTLED, merchant=shop.merchant, mode=Mode.TEST, currency="EUR", amount=-MISSING
    )
    written_off = _approved("write_off", discrepancy=missing)
    recipe = recipes.write_off(missing=Money(MISSING, "EUR"))
    entry = post_for(shop.merchant.id, Mode.TEST, recipe, cause=missing, payment_id=None, effective_at=now)
    missing.status, missing.resolution, missing.resolved_at = DiscrepancyStatus.RESOLVED, "written off", now
    missing.save()
    doubted = _confirmed(shop, Unknown("no answer"))[1]
    repaired = _approved("declined", processor_call=doubted)
    settle_call(ProcessorCall.objects.get(pk=doubted.pk), GONE, now=now)
    books |= {"missing": missing.id, "write_off_entry": entry.id, "written_off": written_off.id}
    books |= {"doubted_call": doubted.id, "repaired": repaired.id}


def _approved(action: str, **about: Any) -> Repair:
    proposed = Repair.objects.create(
        action=action,
        reason="the processor said so by mail",
        status=RepairStatus.PROPOSED,
        proposed_by="anna",
        created_at=timezone.now(),
        **about,
    )
    proposed.status, proposed.decided_by, proposed.decided_at = RepairStatus.APPROVED, "bela", timezone.now()
    proposed.save()
    return proposed


def _write_news(books: Books) -> None:
    for status in ProcessorEventStatus:
        event = ProcessorEvent.objects.create(
            connector="sandbox",
            event_id=str(new_uuid()),
            type="request.answered",
            object_reference=str(new_uuid()),
            payload={},
            occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
            received_at=timezone.now(),
            status=ProcessorEventStatus.RECEIVED,
        )
        books[f"{status}_news"] = event.id
        if status is not ProcessorEventStatus.RECEIVED:
            event.status, event.settled_at = status, timezone.now()
            event.detail = None if status is ProcessorEventStatus.APPLIED else "is known already"
            event.save()
        if status is ProcessorEventStatus.CONTRADICTED:
            contradiction = _discrepancy(DiscrepancyKind.CONTRADICTORY_NEWS, processor_event=event)
            books["contradiction"] = contradiction.id
