"""A processor's news: kept once, applied later, and never believed against a terminal state."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from django.utils import timezone

from payments.connectors.sandbox.methods import NEWS_METHODS
from payments.models import Discrepancy, Event, JournalEntry, ProcessorCall, ProcessorEvent, Refund
from payments.operations.ledger_check import check_ledger
from payments.operations.news import Origin
from payments.operations.processor_events import DELAYS, apply_event, collect_news, store_news
from payments.operations.unknown_outcomes import ask_again
from tests.news import deliver, tell
from tests.shop import Shop, payment_named, uuid_of

LONG: timedelta = timedelta(days=3)
SUCCEEDED = {"outcome": "Succeeded", "processor_reference": "sbx_other", "authorization_code": None}
DECLINED = {
    "outcome": "Declined",
    "decline_code": "generic_decline",
    "advice_code": None,
    "message": "No.",
    "processor_reference": None,
}


def call_of(payment: dict[str, Any]) -> ProcessorCall:
    """Return the last call about a payment."""
    return ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).latest("id")


def refund_of(shop: Shop, payment: dict[str, Any], **body: Any) -> Refund:
    """Refund a payment, and return the refund as it stands."""
    response = shop.post("/v1/refunds", {"payment": payment["id"], **body})
    assert response.status_code == 201, response.content
    return Refund.objects.get(pk=uuid_of(response.json()["id"]))


def outcomes() -> list[str]:
    """Return what came of each piece of news, in the order of arrival."""
    return list(ProcessorEvent.objects.order_by("id").values_list("status", flat=True))


@pytest.mark.parametrize("method", sorted(NEWS_METHODS))
def test_a_step_that_was_only_accepted_is_settled_by_news(shop: Shop, method: str) -> None:
    payment = shop.pay(payment_method=method).json()
    before = payment["status"]

    deliver(after=LONG)

    assert before == "processing"
    assert payment_named(payment["id"]).status == "succeeded"
    assert JournalEntry.objects.filter(payment_id=uuid_of(payment["id"])).count() == 1
    assert outcomes().count("applied") == 1
    assert not Discrepancy.objects.exists()
    assert check_ledger() == []


@pytest.mark.parametrize("method", sorted(NEWS_METHODS))
@pytest.mark.parametrize(("verb", "status"), [("capture", "succeeded"), ("cancel", "canceled")])
def test_so_are_capture_and_cancel(shop: Shop, method: str, verb: str, status: str) -> None:
    payment = shop.pay(payment_method=method, capture_method="manual").json()
    deliver(after=LONG)
    meanwhile = shop.post(f"/v1/payments/{payment['id']}/{verb}").json()["status"]

    deliver(after=LONG)

    assert meanwhile == "processing"
    assert payment_named(payment["id"]).status == status
    assert not Discrepancy.objects.exists()
    assert check_ledger() == []


def test_so_is_a_refund(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_duplicate_webhook").json()
    deliver()
    refund = refund_of(shop, payment, amount=500)

    deliver()

    before, refund = refund.status, Refund.objects.get()
    assert (before, refund.status) == ("submitted", "succeeded")
    assert payment_named(payment["id"]).amount_refunded == 500
    assert check_ledger() == []


def test_news_delivered_twice_is_kept_once(shop: Shop) -> None:
    shop.pay(payment_method="pm_fault_duplicate_webhook")

    first, again = deliver(), deliver()

    assert (first, again) == (1, 0)
    assert outcomes() == ["applied"]


def test_news_applied_twice_changes_nothing(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_duplicate_webhook").json()
    deliver()
    event = ProcessorEvent.objects.get()
    before = Event.objects.count()

    apply_event(event_id=event.pk, attempt=0, now=timezone.now())

    assert Event.objects.count() == before
    assert payment_named(payment["id"]).status == "succeeded"


def test_older_news_never_overtakes_newer(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_reordered_webhooks").json()

    deliver()

    newest, oldest = ProcessorEvent.objects.order_by("-occurred_at")
    assert (newest.status, oldest.status) == ("applied", "ignored")
    assert newest.id < oldest.id or newest.received_at <= oldest.received_at
    assert "older than" in (oldest.detail or "")
    assert payment_named(payment["id"]).status == "succeeded"


def test_late_news_finds_the_call_settled_by_asking(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_late_webhook").json()
    call = call_of(payment)
    ask_again(call_id=call.pk, attempt=0, now=timezone.now())
    status = payment_named(payment["id"]).status

    deliver(after=LONG)

    assert status == "succeeded"
    assert outcomes() == ["ignored"]
    assert JournalEntry.objects.filter(payment_id=uuid_of(payment["id"])).count() == 1
    assert check_ledger() == []


def test_an_accepted_call_is_asked_about_by_the_schedule(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_late_webhook").json()

    jobs = ProcrastinateJob.objects.filter(task_name="resolve_call", args__call_id=str(call_of(payment).pk))

    assert [job.args["attempt"] for job in jobs] == [0]


def test_news_is_fetched_as_soon_as_a_step_was_only_accepted(shop: Shop) -> None:
    shop.pay(payment_method="pm_fault_duplicate_webhook")

    assert ProcrastinateJob.objects.filter(task_name="collect_news", status="todo").exists()


def test_stored_news_is_there_with_its_job(shop: Shop) -> None:
    shop.pay(payment_method="pm_fault_duplicate_webhook")

    collect_news(now=timezone.now() + timedelta(seconds=1))

    event = ProcessorEvent.objects.get()
    assert event.status == "received"
    assert ProcrastinateJob.objects.get(task_name="apply_processor_event").args == {
        "event_id": str(event.pk),
        "attempt": 0,
    }


@pytest.mark.parametrize(
    ("method", "answer", "amount"),
    [("pm_card_visa", DECLINED, -1999), ("pm_card_declined", SUCCEEDED, 1999)],
    ids=["declined, and it succeeded", "succeeded, and it was declined"],
)
def test_news_against_a_settled_call_opens_a_discrepancy(
    shop: Shop, method: str, answer: dict[str, Any], amount: int
) -> None:
    shop.pay(payment_method=method)
    call = ProcessorCall.objects.get()
    payment = call.payment
    assert payment is not None

    event = tell("request.answered", "sbx_other", {"idempotency_key": call.public_id, "answer": answer})

    before = payment.status
    payment.refresh_from_db()
    discrepancy = Discrepancy.objects.get()
    assert (event.status, payment.status) == ("contradicted", before)
    assert (discrepancy.kind, discrepancy.amount, discrepancy.currency) == ("contradictory_news", amount, "EUR")
    assert (discrepancy.payment, discrepancy.processor_event, discrepancy.merchant) == (payment, event, shop.merchant)
    assert check_ledger() == []


def test_news_that_agrees_is_no_news(shop: Shop) -> None:
    shop.pay()
    call = ProcessorCall.objects.get()

    event = tell("request.answered", "sbx_other", {"idempotency_key": call.public_id, "answer": SUCCEEDED})

    assert event.status == "ignored"
    assert not Discrepancy.objects.exists()


def test_news_of_an_unknown_type_is_kept_and_ignored(shop: Shop) -> None:
    event = tell("coffee.ready", "cup_1", {})

    assert (event.status, event.detail) == ("ignored", "the sandbox sends no news of type 'coffee.ready'")


@pytest.mark.parametrize("key", ["call_nonsense", "call_00000000000000000000000000", "another platform's key"])
def test_news_about_what_is_not_ours_is_tried_again_and_then_a_discrepancy(shop: Shop, key: str) -> None:
    event = tell("request.answered", "sbx_1", {"idempotency_key": key, "answer": SUCCEEDED})
    waiting = event.status

    apply_event(event_id=event.pk, attempt=len(DELAYS), now=timezone.now())

    event.refresh_from_db()
    jobs = ProcrastinateJob.objects.filter(task_name="apply_processor_event", args__event_id=str(event.pk))
    assert (waiting, event.status) == ("received", "contradicted")
    assert sorted(job.args["attempt"] for job in jobs) == [0, 1]
    assert Discrepancy.objects.get().kind == "unknown_object"


def test_a_refund_that_succeeded_comes_back_days_later(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_card_refund_fails").json()
    refund = refund_of(shop, payment)
    too_early = deliver(after=timedelta(days=1))

    deliver(after=LONG)

    before, refund = refund.status, Refund.objects.get()
    kinds = JournalEntry.objects.filter(payment_id=uuid_of(payment["id"])).order_by("id").values_list("kind", flat=True)
    found = payment_named(payment["id"])
    assert (too_early, before, refund.status) == (0, "succeeded", "failed")
    assert refund.last_error and refund.last_error["decline_code"] == "returned"
    assert (found.status, found.amount_refunded) == ("succeeded", 0)
    assert list(kinds) == ["payment_captured", "refund_reserved", "refund_succeeded", "refund_returned"]
    assert check_ledger() == []


def test_what_came_back_can_be_refunded_again(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_card_refund_fails").json()
    refund_of(shop, payment, amount=1500)
    deliver(after=LONG)

    again = refund_of(shop, payment, amount=1999)

    assert again.status == "succeeded"
    assert check_ledger() == []


def test_a_refund_comes_back_once(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_card_refund_fails").json()
    reference = refund_of(shop, payment).processor_reference
    deliver(after=LONG)

    event = tell("refund.returned", reference or "", {"message": "Again."}, occurred_at=timezone.now() + 2 * LONG)

    assert event.status == "ignored"
    assert check_ledger() == []


def test_news_that_overtakes_the_answer_waits_for_it(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_duplicate_webhook").json()
    deliver()
    refund = refund_of(shop, payment)

    early = tell("refund.returned", refund.processor_reference or "", {"message": "Back."})
    deliver()
    waiting = ProcessorEvent.objects.get(pk=early.pk).status
    deliver()

    early.refresh_from_db()
    assert (waiting, early.status) == ("received", "applied")
    assert Refund.objects.get().status == "failed"
    assert check_ledger() == []


def test_nothing_to_store_is_nothing(shop: Shop) -> None:
    assert store_news(Origin("sandbox"), [], now=datetime.now(UTC)) == 0
