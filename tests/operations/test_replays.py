"""Staff have news applied again: by the same rules, with who and why, and with what it clears up."""

from datetime import timedelta

import pytest

from django.utils import timezone

from payments.connectors.base import CallAnswered, Succeeded
from payments.connectors.sandbox import SandboxConnector
from payments.models import Discrepancy, NewsReplay, ProcessorCall, ProcessorEvent, Refund
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_events import DELAYS, apply_event, replay_event
from payments.staff_errors import NewsApplied
from tests.news import deliver, tell
from tests.shop import Shop, payment_named

DECLINED = {
    "outcome": "Declined",
    "decline_code": "generic_decline",
    "advice_code": None,
    "message": "No.",
    "processor_reference": None,
}


def replay(event: ProcessorEvent) -> NewsReplay:
    """Have it applied again."""
    made = replay_event(event_id=event.pk, by="ann", reason="They say so.", now=timezone.now())
    event.refresh_from_db()
    return made


def came_too_early(shop: Shop) -> ProcessorEvent:
    """Return the news that a refund came back, for which it was given up to wait for the refund to succeed."""
    payment = shop.pay(payment_method="pm_fault_duplicate_webhook").json()
    deliver()
    shop.post("/v1/refunds", {"payment": payment["id"]})
    event = tell("refund.returned", Refund.objects.get().processor_reference or "", {"message": "Back."})
    apply_event(event_id=event.pk, attempt=len(DELAYS), now=timezone.now())
    event.refresh_from_db()
    assert event.status == "contradicted"
    return event


def test_what_came_too_early_is_applied_and_its_discrepancy_resolved(shop: Shop) -> None:
    event = came_too_early(shop)
    settled_at, detail = event.settled_at, event.detail
    deliver()

    made = replay(event)

    discrepancy = Discrepancy.objects.get()
    assert (event.status, event.detail, event.settled_at) == ("applied", None, settled_at)
    assert Refund.objects.get().status == "failed"
    assert (discrepancy.status, discrepancy.resolution) == ("resolved", "Applied again by ann: They say so.")
    assert (made.by, made.reason, made.event) == ("ann", "They say so.", event)
    assert (made.status_before, made.detail_before) == ("contradicted", detail)
    assert (made.status_after, made.detail_after) == ("applied", None)
    assert check_ledger() == []


def test_what_is_still_too_early_stays_and_is_written_down(shop: Shop) -> None:
    event = came_too_early(shop)

    made = replay(event)

    assert (made.status_before, made.status_after, event.status) == ("contradicted",) * 3
    assert Discrepancy.objects.get().status == "open"
    assert check_ledger() == []


def test_what_contradicts_the_books_still_does(shop: Shop) -> None:
    payment = shop.pay().json()
    call = ProcessorCall.objects.get()
    event = tell("request.answered", "sbx_1", {"idempotency_key": call.public_id, "answer": DECLINED})

    made = replay(event)

    assert made.status_after == "contradicted"
    assert payment_named(payment["id"]).status == "succeeded"
    assert Discrepancy.objects.get().status == "open"
    assert check_ledger() == []


def test_older_news_does_not_overtake_newer(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_reordered_webhooks").json()
    deliver()
    event = ProcessorEvent.objects.get(status="ignored")

    made = replay(event)

    assert made.status_after == "ignored"
    assert "older than" in (made.detail_after or "")
    assert payment_named(payment["id"]).status == "succeeded"


def test_what_could_not_be_read_then_is_applied_now(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_before").json()
    call = ProcessorCall.objects.get()
    event = tell("payment.settled", "sbx_1", {})
    before = event.status
    answered = CallAnswered(call.public_id, Succeeded("sbx_1"))
    monkeypatch.setattr(SandboxConnector, "read", lambda self, payload: answered)

    made = replay(event)

    assert (before, made.status_after) == ("ignored", "applied")
    assert payment_named(payment["id"]).status == "succeeded"


def test_what_turns_out_to_contradict_opens_a_discrepancy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.pay(payment_method="pm_card_declined")
    call = ProcessorCall.objects.get()
    event = tell("payment.settled", "sbx_1", {})
    answered = CallAnswered(call.public_id, Succeeded("sbx_1"))
    monkeypatch.setattr(SandboxConnector, "read", lambda self, payload: answered)

    made = replay(event)

    assert (made.status_before, made.status_after) == ("ignored", "contradicted")
    assert Discrepancy.objects.get().kind == "contradictory_news"
    assert check_ledger() == []


def test_what_is_known_by_now_resolves_its_discrepancy(shop: Shop) -> None:
    event = came_too_early(shop)
    deliver()
    again = tell(
        "refund.returned", event.object_reference, {"message": "Back."}, occurred_at=event.occurred_at + timedelta(1)
    )

    made = replay(event)

    assert (again.status, made.status_after) == ("applied", "ignored")
    assert Discrepancy.objects.get().status == "resolved"
    assert check_ledger() == []


def test_what_waits_is_applied_at_once(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_duplicate_webhook").json()
    deliver()
    shop.post("/v1/refunds", {"payment": payment["id"]})
    event = tell("refund.returned", Refund.objects.get().processor_reference or "", {"message": "Back."})
    too_early = replay(event)
    deliver()

    made = replay(event) if event.status == "received" else None
    event.refresh_from_db()

    assert (too_early.status_before, too_early.status_after) == ("received", "received")
    assert made is not None and made.status_after == "applied"
    assert not Discrepancy.objects.exists()


def test_what_is_applied_is_not_applied_again(shop: Shop) -> None:
    shop.pay(payment_method="pm_fault_duplicate_webhook")
    deliver()

    with pytest.raises(NewsApplied):
        replay(ProcessorEvent.objects.get())

    assert not NewsReplay.objects.exists()
