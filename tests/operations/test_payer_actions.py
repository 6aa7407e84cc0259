"""A payment that waits for its payer: approved, refused or forgotten."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.base import ActionRequired, Outcome, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.models import (
    Discrepancy,
    ProcessorEvent,
    SandboxAction,
    SandboxCharge,
)
from payments.operations.ledger_check import check_ledger
from payments.operations.outcomes import settle_call
from payments.operations.processor_calls import DELAYS
from payments.operations.processor_events import apply_event, collect_news
from tests.payer import CARD, ask, ask_payer, call_of, calls, decide, events, questions, status_of
from tests.shop import Shop, payment_named


def expiry_of(payment: dict[str, Any]) -> datetime:
    """Return until when the payer can decide."""
    return SandboxAction.objects.get(reference=payment["processor_reference"]).expires_at


@pytest.mark.parametrize(
    ("capture_method", "status", "captured", "capturable"),
    [("automatic", "succeeded", 1999, 0), ("manual", "requires_capture", 0, 1999)],
)
def test_approval_settles_the_payment_while_the_payer_looks_on(
    shop: Shop, capture_method: str, status: str, captured: int, capturable: int
) -> None:
    payment = ask_payer(shop, capture_method=capture_method)

    decide(payment, "approve")

    found = payment_named(payment["id"])
    assert (found.status, found.amount_captured, found.amount_capturable) == (status, captured, capturable)
    assert found.next_action_url is None
    assert events(payment) == ["created", "requires_action", "processing", status]
    assert SandboxCharge.objects.get(reference=found.processor_reference).amount_captured == captured
    assert check_ledger() == []


def test_refusal_lets_another_card_be_tried(shop: Shop) -> None:
    payment = ask_payer(shop)

    decide(payment, "refuse")

    found = payment_named(payment["id"])
    assert (found.status, found.next_action_url) == ("requires_payment_method", None)
    assert found.last_error is not None and found.last_error["decline_code"] == "authentication_failed"
    assert not SandboxCharge.objects.filter(payment_method=CARD).exists()
    again = shop.post(f"/v1/payments/{payment['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert again.json()["status"] == "succeeded"
    assert check_ledger() == []


def test_a_waiting_payment_is_asked_about_once_its_time_is_over(shop: Shop) -> None:
    payment = ask_payer(shop)

    assert questions(payment) == [(0, expiry_of(payment) + DELAYS[0])]


def test_a_forgotten_payment_goes_back_to_be_tried_with_another_card(shop: Shop) -> None:
    payment = ask_payer(shop)

    ask(payment, now=expiry_of(payment) - timedelta(seconds=1))
    before = status_of(payment)
    ask(payment, now=expiry_of(payment))

    assert before == "requires_action"
    assert status_of(payment) == "requires_payment_method"
    assert calls(payment) == [("authorize", "declined", "authentication_expired")]
    assert check_ledger() == []


def test_asked_too_early_the_processor_is_asked_again_when_the_time_is_over(shop: Shop) -> None:
    payment = ask_payer(shop)

    ask(payment, now=expiry_of(payment) - timedelta(minutes=1))

    assert questions(payment) == [(0, expiry_of(payment) + DELAYS[0])] * 2


@pytest.mark.parametrize("attempt", range(len(DELAYS) - 1))
def test_a_processor_that_still_waits_after_the_time_is_asked_by_the_schedule(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    payment, now = ask_payer(shop), timezone.now() + timedelta(hours=2)
    still = ActionRequired(payment["processor_reference"], "https://bank.example", now)
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: still)

    ask(payment, attempt=attempt, now=now)

    assert (attempt + 1, now + DELAYS[attempt + 1]) in questions(payment)
    assert status_of(payment) == "requires_action"


def test_a_processor_that_never_says_is_a_case_for_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = ask_payer(shop)
    monkeypatch.setattr(SandboxConnector, "query", lambda self, query: Unknown("Out of order."))

    ask(payment, attempt=len(DELAYS) - 1)

    assert Discrepancy.objects.filter(processor_call=call_of(payment), kind="unresolved_doubt").exists()
    assert status_of(payment) == "requires_action"


def test_an_approval_that_only_the_query_tells_of_counts_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        patch.setattr("payments.operations.sandbox_actions.collect_news", lambda now: 0)
        decide(payment, "approve")
    before = status_of(payment)

    ask(payment)
    collect_news(now=timezone.now())
    late = ProcessorEvent.objects.get(object_reference=payment["processor_reference"])
    apply_event(event_id=late.pk, attempt=0, now=timezone.now())

    late.refresh_from_db()
    assert (before, status_of(payment), late.status) == ("requires_action", "succeeded", "ignored")
    assert check_ledger() == []


def test_a_lost_answer_does_not_take_back_the_one_that_came(shop: Shop) -> None:
    payment = ask_payer(shop)

    settle_call(call_of(payment), Unknown("A slow twin of the request heard nothing."), now=timezone.now())

    assert calls(payment) == [("authorize", "action_required", None)]


@pytest.mark.parametrize("verb", ["confirm", "capture"])
def test_a_waiting_payment_is_neither_confirmed_nor_captured(shop: Shop, verb: str) -> None:
    payment = ask_payer(shop)

    response = shop.post(f"/v1/payments/{payment['id']}/{verb}")

    assert (response.status_code, response.json()["payment_status"]) == (409, "requires_action")


def test_a_repeated_create_hears_where_to_send_the_payer(shop: Shop) -> None:
    first = shop.pay_under("once", payment_method=CARD)
    decide(first.json(), "approve")

    again = shop.pay_under("once", payment_method=CARD)

    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"


def test_an_answer_that_comes_later_may_send_the_payer_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SandboxConnector.authorize

    def lose(self: SandboxConnector, request: Any) -> Outcome:
        real(self, request)
        return Unknown("No answer.")

    with monkeypatch.context() as patch:
        patch.setattr(SandboxConnector, "authorize", lose)
        payment = shop.pay(payment_method=CARD).json()
    ask(payment)
    found = shop.get(f"/v1/payments/{payment['id']}").json()

    decide(found, "approve")

    assert (payment["status"], found["status"]) == ("processing", "requires_action")
    assert status_of(payment) == "succeeded"
    assert check_ledger() == []
