"""Doubt: the processor is asked until it says, by a schedule, and its word ends it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from django.db import transaction
from django.utils import timezone

from payments.connectors.base import AuthorizeRequest, NotSent, Outcome, Submitted, Succeeded, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.lifecycles import CallStatus
from payments.models import Discrepancy, ProcessorCall, SandboxCharge
from payments.operations.figures import read_figures
from payments.operations.idempotency import take_lease
from payments.operations.ledger_check import check_ledger
from payments.operations.outcomes import settle_call
from payments.operations.processor_calls import DELAYS
from payments.operations.unknown_outcomes import LOST_AFTER, ask_again, find_lost_calls
from tests.shop import Shop, payment_named, uuid_of

ACTED = ["pm_fault_timeout_after", "pm_fault_error_after"]


def last_call(payment: dict[str, Any]) -> ProcessorCall:
    """Return the call that was made last about a payment."""
    return ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).latest("id")


def last_call_of(shop: Shop) -> ProcessorCall:
    """Return the call that a shop made last."""
    return ProcessorCall.objects.filter(merchant_id=shop.merchant.id).latest("id")


def ask(call: ProcessorCall, *, attempt: int = 0, now: datetime | None = None) -> None:
    """Ask as the worker does."""
    ask_again(call_id=call.pk, attempt=attempt, now=now or timezone.now())


def jobs_about(call: ProcessorCall) -> list[tuple[int, datetime]]:
    """Return the attempts that wait for a worker, with their times."""
    jobs = ProcrastinateJob.objects.filter(task_name="resolve_call", args__call_id=str(call.pk), status="todo")
    return sorted((job.args["attempt"], job.scheduled_at) for job in jobs)


@pytest.mark.parametrize("method", [*ACTED, "pm_fault_timeout_before"])
def test_lost_answer_leaves_the_payment_processing(shop: Shop, method: str) -> None:
    response = shop.pay(payment_method=method)

    assert (response.status_code, response.json()["status"]) == (201, "processing")
    assert last_call(response.json()).status == CallStatus.UNKNOWN
    assert check_ledger() == []


@pytest.mark.parametrize("method", ACTED)
def test_processor_that_acted_says_so_when_asked(shop: Shop, method: str) -> None:
    payment = shop.pay(payment_method=method).json()

    ask(last_call(payment))

    found = payment_named(payment["id"])
    assert (found.status, found.amount_captured) == ("succeeded", 1999)
    assert SandboxCharge.objects.filter(reference=found.processor_reference).count() == 1
    assert check_ledger() == []


def test_processor_that_never_received_it_says_so_and_another_card_may_be_tried(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_before").json()

    ask(last_call(payment))
    again = shop.post(f"/v1/payments/{payment['id']}/confirm", {"payment_method": "pm_card_visa"})

    assert again.json()["status"] == "succeeded"
    assert last_call(payment).status == CallStatus.SUCCEEDED
    assert check_ledger() == []


@pytest.mark.parametrize(("verb", "status"), [("capture", "succeeded"), ("cancel", "canceled")])
def test_capture_and_cancel_in_doubt_are_settled_too(shop: Shop, verb: str, status: str) -> None:
    payment = shop.authorize(payment_method="pm_fault_timeout_after")
    ask(last_call(payment))
    meanwhile = shop.post(f"/v1/payments/{payment['id']}/{verb}").json()["status"]

    ask(last_call(payment))

    assert meanwhile == "processing"
    assert payment_named(payment["id"]).status == status
    assert check_ledger() == []


def test_refund_in_doubt_is_settled_too(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_error_after").json()
    ask(last_call(payment))
    refund = shop.post("/v1/refunds", {"payment": payment["id"]}).json()

    ask(last_call(payment))

    assert refund["status"] == "unknown"
    assert shop.get(f"/v1/refunds/{refund['id']}").json()["status"] == "succeeded"
    assert payment_named(payment["id"]).amount_refunded == 1999
    assert check_ledger() == []


def test_first_question_is_deferred_with_the_doubt(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_after").json()

    call = last_call(payment)

    assert jobs_about(call) == [(0, call.answered_at + DELAYS[0] if call.answered_at else None)]


@pytest.mark.parametrize("attempt", range(len(DELAYS) - 1))
def test_processor_that_cannot_say_is_asked_later(shop: Shop, monkeypatch: pytest.MonkeyPatch, attempt: int) -> None:
    call = last_call(shop.pay(payment_method="pm_fault_timeout_after").json())
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Unknown("Out of order."))
    now = timezone.now()

    ask(call, attempt=attempt, now=now)

    assert (attempt + 1, now + DELAYS[attempt + 1]) in jobs_about(call)


def test_after_the_last_question_a_person_is_called(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    call = last_call(shop.pay(payment_method="pm_fault_timeout_after").json())
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Unknown("Out of order."))

    ask(call, attempt=len(DELAYS) - 1)

    found = Discrepancy.objects.get(processor_call=call)
    assert [attempt for attempt, _ in jobs_about(call)] == [0]
    assert (found.kind, found.status, found.resolution) == ("unresolved_doubt", "open", None)
    assert (found.merchant_id, found.mode, found.payment_id) == (call.merchant_id, call.mode, call.payment_id)
    assert (found.amount, found.currency) == (call.amount, call.currency)
    assert f"{len(DELAYS)} times" in found.detail


def test_a_person_is_called_once_about_one_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    call = last_call(shop.pay(payment_method="pm_fault_timeout_after").json())
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Unknown("Out of order."))

    ask(call, attempt=len(DELAYS) - 1)
    ask(call, attempt=len(DELAYS) - 1)

    assert Discrepancy.objects.filter(processor_call=call).count() == 1


def test_question_that_breaks_leaves_the_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    call = last_call(shop.pay(payment_method="pm_fault_timeout_after").json())

    def break_down(self: SandboxConnector, query: object) -> Outcome:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(SandboxConnector, "query", break_down)

    ask(call)

    call.refresh_from_db()
    assert call.status == CallStatus.UNKNOWN
    assert [attempt for attempt, _ in jobs_about(call)] == [0, 1]


def test_settled_call_is_not_asked_about(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_after").json()
    ask(last_call(payment))
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: pytest.fail("asked again"))

    ask(last_call(payment))

    assert payment_named(payment["id"]).status == "succeeded"


def test_call_whose_process_died_is_found_after_a_while(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: SandboxConnector, request: object) -> Outcome:
        raise SystemExit

    monkeypatch.setattr(SandboxConnector, "authorize", die)
    with pytest.raises(SystemExit):
        shop.pay()
    monkeypatch.undo()
    call = last_call_of(shop)

    find_lost_calls(now=call.created_at + LOST_AFTER - timedelta(seconds=1))
    too_early = last_call_of(shop)
    find_lost_calls(now=call.created_at + LOST_AFTER)
    in_time = last_call_of(shop)

    assert too_early.status == CallStatus.CREATED
    assert (in_time.status, in_time.decline_code) == (CallStatus.DECLINED, "never_received")
    assert check_ledger() == []


def test_call_that_a_retry_is_sending_is_left_to_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: SandboxConnector, request: object) -> Outcome:
        raise SystemExit

    monkeypatch.setattr(SandboxConnector, "authorize", die)
    with pytest.raises(SystemExit):
        shop.pay()
    call = last_call_of(shop)
    late = call.created_at + LOST_AFTER
    assert take_lease(call, now=late - timedelta(seconds=1))

    find_lost_calls(now=late)

    assert last_call_of(shop).status == CallStatus.CREATED


def test_later_word_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_after").json()
    call, stale = last_call(payment), last_call(payment)
    ask(call)
    before = shop.get(f"/v1/payments/{payment['id']}").json()
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Succeeded("sbx_another"))

    ask(stale)

    assert shop.get(f"/v1/payments/{payment['id']}").json() == before
    assert check_ledger() == []


@pytest.mark.parametrize("outcome", [NotSent("Connection refused."), Submitted("sbx_1")], ids=repr)
def test_what_does_not_end_a_doubt_leaves_it(shop: Shop, outcome: Outcome) -> None:
    payment = shop.pay(payment_method="pm_fault_timeout_after").json()
    call = last_call(payment)

    # An earlier attempt, which was slower to say that it had not come through.
    with transaction.atomic(durable=True):
        settle_call(call, outcome, now=timezone.now())

    assert last_call(payment).status == CallStatus.UNKNOWN
    assert shop.get(f"/v1/payments/{payment['id']}").json() == payment
    assert check_ledger() == []


def test_figures_count_doubts_and_due_jobs_with_their_age(shop: Shop) -> None:
    before = read_figures(now=timezone.now())
    call = last_call(shop.pay(payment_method="pm_fault_timeout_after").json())
    due = jobs_about(call)[0][1] + timedelta(seconds=60)

    after = read_figures(now=due)

    assert after.calls_in_doubt - before.calls_in_doubt == 1
    assert after.jobs_waiting - before.jobs_waiting >= 1
    assert after.oldest_job_seconds >= 60
    assert after.oldest_doubt_seconds >= (due - call.created_at).total_seconds()


def test_an_answer_after_it_was_never_received_opens_a_discrepancy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SandboxConnector.authorize

    def frozen_for_minutes(self: SandboxConnector, request: AuthorizeRequest) -> Outcome:
        find_lost_calls(now=timezone.now() + 2 * LOST_AFTER)
        return real(self, request)

    monkeypatch.setattr(SandboxConnector, "authorize", frozen_for_minutes)

    response = shop.pay()

    discrepancy = Discrepancy.objects.get()
    assert (response.status_code, response.json()["decline_code"]) == (402, "never_received")
    assert (discrepancy.kind, discrepancy.amount) == ("contradictory_news", 1999)
    assert discrepancy.processor_call == last_call_of(shop)
    assert check_ledger() == []
