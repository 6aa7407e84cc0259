"""The merchant's answers to disputes: lost on their way, refused, or overtaken by a decision."""

from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.base import Declined, Outcome, Submitted, Succeeded, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.models import Discrepancy, Dispute, ProcessorCall
from payments.operations.ledger_check import check_ledger
from payments.operations.news import Applied
from payments.operations.unknown_outcomes import ask_again
from tests.disputes import (
    LATER,
    accept,
    bring_news,
    disputed,
    evidence,
    kinds_of,
    status_of,
    tell_closed,
    types_of,
    unapplied,
)
from tests.shop import Shop

WON, LOST = True, False


def answer_with(monkeypatch: pytest.MonkeyPatch, verb: str, outcome: Outcome) -> None:
    """Let the sandbox answer so, and do nothing."""
    monkeypatch.setattr(SandboxConnector, verb, lambda self, request: outcome)


def settle(dispute: Dispute) -> None:
    """Ask the processor what became of the last answer, as a worker does."""
    call = ProcessorCall.objects.filter(dispute=dispute).latest("id")
    ask_again(call_id=call.pk, attempt=0, now=timezone.now())


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_argued_dispute_is_under_review_until_it_is_decided(shop: Shop, text: str, status: str) -> None:
    dispute = disputed(shop)

    evidence(shop, dispute, text)
    meanwhile = status_of(dispute)
    bring_news(shop, now=timezone.now() + LATER)

    assert (meanwhile, status_of(dispute)) == ("under_review", status)
    assert types_of(dispute) == ["dispute.created", "dispute.updated", "dispute.under_review", f"dispute.{status}"]
    assert check_ledger() == []


def test_nothing_is_left_waiting_after_a_dispute_is_over(shop: Shop) -> None:
    dispute = disputed(shop)
    evidence(shop, dispute, "winning_evidence")

    bring_news(shop, now=timezone.now() + LATER)

    assert status_of(dispute) == "won"
    assert not unapplied(shop)
    assert not Discrepancy.objects.filter(merchant_id=shop.merchant.id).exists()


def test_lost_answer_to_evidence_is_asked_for(shop: Shop) -> None:
    dispute = disputed(shop)

    answer = evidence(shop, dispute, "unanswered_evidence")
    settle(dispute)

    assert (answer.status_code, answer.json()["status"]) == (200, "needs_response")
    assert answer.json()["evidence"] == {"text": "unanswered_evidence"}
    assert status_of(dispute) == "under_review"
    assert check_ledger() == []


def test_evidence_that_never_arrived_may_be_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    dispute = disputed(shop)
    with monkeypatch.context() as patch:
        answer_with(patch, "submit_evidence", Unknown("No answer."))
        evidence(shop, dispute, "first")

    settle(dispute)

    dispute.refresh_from_db()
    assert (dispute.status, dispute.evidence) == ("needs_response", None)
    assert dispute.last_error is not None and dispute.last_error["decline_code"] == "never_received"
    assert evidence(shop, dispute, "second").json()["status"] == "under_review"
    assert status_of(dispute) == "under_review" and dispute.last_error is None
    assert check_ledger() == []


@pytest.mark.parametrize("outcome", [Unknown("No answer."), Submitted("sbv_1")], ids=["in doubt", "accepted"])
@pytest.mark.parametrize("first", ["submit_evidence", "accept_dispute"])
def test_nothing_else_is_answered_while_an_answer_is_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, first: str, outcome: Outcome
) -> None:
    dispute = disputed(shop)
    answer_with(monkeypatch, first, outcome)
    begun = evidence(shop, dispute) if first == "submit_evidence" else accept(shop, dispute)

    others = [evidence(shop, dispute), accept(shop, dispute)]

    assert (begun.status_code, begun.json()["status"]) == (200, "needs_response")
    assert [(each.status_code, each.json()["code"]) for each in others] == [(409, "dispute_state_conflict")] * 2
    assert ProcessorCall.objects.filter(dispute=dispute).count() == 1
    assert check_ledger() == []


@pytest.mark.parametrize("won", [WON, LOST])
@pytest.mark.parametrize("outcome", [Succeeded("sbv_1"), Declined("dispute_closed", None, "Decided.")], ids=str)
def test_decision_counts_whatever_becomes_of_the_evidence_under_way(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, won: bool, outcome: Outcome
) -> None:
    dispute = disputed(shop)

    def decide_meanwhile(self: SandboxConnector, request: Any) -> Outcome:
        assert tell_closed(dispute, won=won) == Applied()
        return outcome

    monkeypatch.setattr(SandboxConnector, "submit_evidence", decide_meanwhile)

    answer = evidence(shop, dispute, "text")

    sent = isinstance(outcome, Succeeded)
    shown = answer.json() if sent else answer.json()["dispute"]
    assert answer.status_code == (200 if sent else 402)
    assert status_of(dispute) == shown["status"] == ("won" if won else "lost")
    assert dispute.evidence == ({"text": "text"} if sent else None)
    assert len(kinds_of(dispute)) == 2
    assert check_ledger() == []


@pytest.mark.parametrize(("won", "discrepancies"), [(WON, [-3499]), (LOST, [])])
def test_decision_counts_while_an_acceptance_is_under_way(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, won: bool, discrepancies: list[int]
) -> None:
    dispute = disputed(shop)

    def decide_meanwhile(self: SandboxConnector, request: Any) -> Outcome:
        assert tell_closed(dispute, won=won) == Applied()
        return Succeeded("sbv_1")

    monkeypatch.setattr(SandboxConnector, "accept_dispute", decide_meanwhile)

    answer = accept(shop, dispute)

    opened = Discrepancy.objects.filter(merchant_id=shop.merchant.id)
    assert answer.json()["status"] == status_of(dispute) == ("won" if won else "lost")
    assert [each.amount for each in opened] == discrepancies
    assert len(kinds_of(dispute)) == 2
    assert check_ledger() == []
