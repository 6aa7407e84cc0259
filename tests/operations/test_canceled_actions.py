"""A payment that waits for its payer is canceled: before, after and while the payer decides."""

from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.base import NotSent, Outcome, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.models import (
    Discrepancy,
    JournalEntry,
    ProcessorEvent,
)
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_events import DELAYS as NEWS_DELAYS
from payments.operations.processor_events import apply_event, collect_news
from tests.payer import ask, ask_payer, calls, cancel, decide, events, questions, status_of
from tests.shop import Shop, payment_named, uuid_of


def answer_voids_with(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """Let every void end so, whatever the sandbox has done."""
    monkeypatch.setattr(SandboxConnector, "void", lambda self, request: outcome)


def test_cancel_before_the_payer_decides_makes_approval_impossible(shop: Shop) -> None:
    payment = ask_payer(shop)

    answer = cancel(shop, payment)
    page = decide(payment, "approve")

    assert answer == (200, "canceled")
    assert page.status_code == 409
    assert calls(payment) == [("authorize", "declined", "canceled"), ("void", "succeeded", None)]
    assert events(payment) == ["created", "requires_action", "processing", "canceled"]
    assert not JournalEntry.objects.filter(payment_id=uuid_of(payment["id"])).exists()
    assert not Discrepancy.objects.filter(payment_id=uuid_of(payment["id"])).exists()
    assert status_of(payment) == "canceled"
    assert check_ledger() == []


@pytest.mark.parametrize(("capture_method", "status"), [("automatic", 409), ("manual", 200)])
def test_cancel_after_approval_is_one_of_an_authorized_payment(shop: Shop, capture_method: str, status: int) -> None:
    payment = ask_payer(shop, capture_method=capture_method)
    decide(payment, "approve")

    response = shop.post(f"/v1/payments/{payment['id']}/cancel")

    assert response.status_code == status
    assert status_of(payment) == ("canceled" if status == 200 else "succeeded")
    assert check_ledger() == []


def test_cancel_that_finds_the_payer_was_quicker_leaves_the_word_to_the_authorization(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        # The processor's news is still on its way.
        patch.setattr("payments.operations.sandbox_actions.collect_news", lambda now: 0)
        decide(payment, "approve")

    answer = cancel(shop, payment)
    between = check_ledger()
    url = payment_named(payment["id"]).next_action_url
    ask(payment)

    assert answer == (402, "requires_action")
    assert (between, url) == ([], payment["next_action"]["url"])
    assert questions(payment)[0][1] <= timezone.now()
    assert status_of(payment) == "succeeded"
    assert calls(payment) == [("authorize", "succeeded", None), ("void", "declined", "authentication_completed")]
    assert check_ledger() == []


def test_cancel_that_finds_the_payer_has_refused_cancels(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        patch.setattr("payments.operations.sandbox_actions.collect_news", lambda now: 0)
        decide(payment, "refuse")

    answer = cancel(shop, payment)
    collect_news(now=timezone.now())
    event = ProcessorEvent.objects.get(object_reference=payment["processor_reference"])
    apply_event(event_id=event.pk, attempt=0, now=timezone.now())

    assert answer == (200, "canceled")
    assert status_of(payment) == "canceled"
    assert not Discrepancy.objects.filter(payment_id=uuid_of(payment["id"])).exists()
    assert check_ledger() == []


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_a_decision_waits_for_a_void_in_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch, decision: str) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        # The void is lost on its way: the processor has never seen it.
        answer_voids_with(patch, Unknown("No answer."))
        cancel(shop, payment)

    page = decide(payment, decision)
    meanwhile = (status_of(payment), calls(payment)[0][1], check_ledger())
    event = ProcessorEvent.objects.get(object_reference=payment["processor_reference"])
    ask(payment)
    still = status_of(payment)
    ask(payment, kind="void")
    apply_event(event_id=event.pk, attempt=1, now=timezone.now())

    assert page.status_code == 200
    assert meanwhile == ("processing", "action_required", [])
    assert (event.status, still) == ("received", "processing")
    assert status_of(payment) == ("succeeded" if decision == "approve" else "requires_payment_method")
    assert calls(payment)[1] == ("void", "declined", "never_received")
    assert check_ledger() == []


def test_a_void_whose_answer_was_lost_cancels_when_the_processor_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, real = ask_payer(shop), SandboxConnector.void

    def lose(self: SandboxConnector, request: Any) -> Outcome:
        real(self, request)
        return Unknown("No answer.")

    with monkeypatch.context() as patch:
        patch.setattr(SandboxConnector, "void", lose)
        meanwhile = cancel(shop, payment)

    page = decide(payment, "approve")
    ask(payment, kind="void")
    event = ProcessorEvent.objects.get(object_reference=payment["processor_reference"])
    apply_event(event_id=event.pk, attempt=1, now=timezone.now())

    assert meanwhile == (200, "processing")
    assert page.status_code == 409
    assert status_of(payment) == "canceled"
    assert not Discrepancy.objects.filter(payment_id=uuid_of(payment["id"])).exists()
    assert check_ledger() == []


def test_a_void_that_was_not_sent_leaves_the_payer_to_decide(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        answer_voids_with(patch, NotSent("Connection refused."))
        answer = cancel(shop, payment)
    ask(payment)
    before = status_of(payment)

    decide(payment, "approve")

    assert answer == (502, "requires_action")
    assert (before, status_of(payment)) == ("requires_action", "succeeded")
    assert check_ledger() == []


def test_news_that_came_too_early_for_good_is_told_to_a_person(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch:
        answer_voids_with(patch, Unknown("No answer."))
        cancel(shop, payment)
    decide(payment, "approve")
    event = ProcessorEvent.objects.get(object_reference=payment["processor_reference"])

    apply_event(event_id=event.pk, attempt=len(NEWS_DELAYS), now=timezone.now())

    event.refresh_from_db()
    assert event.status == "contradicted"
    assert "is to be given up" in (event.detail or "")
