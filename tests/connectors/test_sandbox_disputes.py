"""Disputes at the sandbox, spoken to directly: what it answers, what it announces, and what stands in its books."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from payments.connectors.base import (
    AcceptDisputeRequest,
    AuthorizeRequest,
    CaptureRequest,
    Declined,
    DisputeClosed,
    DisputeOpened,
    EvidenceRequest,
    News,
    Notice,
    Outcome,
    RefundRequest,
    Succeeded,
    Unknown,
)
from payments.connectors.sandbox import SandboxConnector
from payments.connectors.sandbox.disputes import DISPUTE_FEE, EVIDENCE_DAYS, REVIEW_DAYS
from payments.connectors.sandbox.notices import days
from payments.lifecycles import CallKind
from payments.models import SandboxDispute
from payments.money import Money
from tests.connectors.asking import BACK, query_of

SANDBOX = SandboxConnector()
NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)
DUE = NOW + timedelta(milliseconds=1) + days(EVIDENCE_DAYS)
DECIDED = SOON + days(REVIEW_DAYS)

pytestmark = pytest.mark.usefixtures("db")


def fresh_key() -> str:
    """Return an idempotency key that nobody has used."""
    return f"call_{uuid4().hex}"


def charge(*, amount: int = 1000, currency: str = "EUR", capture: bool = True, key: str = "") -> str:
    """Charge the card that is disputed, and return the sandbox's reference."""
    request = AuthorizeRequest(
        *(key or fresh_key(), "pm_card_disputed", Money(amount, currency)), capture=capture, return_url=BACK, now=NOW
    )
    outcome = SANDBOX.authorize(request)
    assert isinstance(outcome, Succeeded)
    return outcome.processor_reference


def dispute_of(reference: str) -> SandboxDispute:
    """Return the one dispute of a charge."""
    return SandboxDispute.objects.get(charge_reference=reference)


def argue(dispute: SandboxDispute, text: str, *, now: datetime = SOON, key: str = "") -> Outcome:
    """Send evidence of one text."""
    return SANDBOX.submit_evidence(EvidenceRequest(key or fresh_key(), dispute.reference, {"text": text}, now=now))


def accept(dispute: SandboxDispute, *, now: datetime = SOON, key: str = "") -> Outcome:
    """Give a dispute up."""
    return SANDBOX.accept_dispute(AcceptDisputeRequest(key or fresh_key(), dispute.reference, now=now))


def refund(reference: str, amount: int, *, now: datetime = SOON) -> Outcome:
    """Give a part of a charge back."""
    return SANDBOX.refund(RefundRequest(fresh_key(), reference, Money(amount, "EUR"), now=now))


def notices_at(now: datetime) -> list[Notice]:
    """Return what the sandbox delivers at a moment."""
    return SANDBOX.due_notices(now=now, limit=100)


def news_at(now: datetime) -> list[News]:
    """Return what the sandbox says at a moment."""
    return [SANDBOX.read(notice.payload) for notice in notices_at(now)]


def end_of(dispute: SandboxDispute) -> tuple[bool, datetime]:
    """Return how and when a dispute ends."""
    dispute.refresh_from_db()
    return dispute.won, dispute.closed_at


def test_what_is_captured_at_once_is_disputed_at_once() -> None:
    reference = charge(amount=1000)

    dispute = dispute_of(reference)
    assert news_at(NOW) == [
        DisputeOpened(dispute.reference, reference, Money(1000, "EUR"), DISPUTE_FEE, "fraudulent", DUE)
    ]
    assert (dispute.amount, dispute.fee, dispute.currency) == (1000, 1500, "EUR")
    assert end_of(dispute) == (False, DUE)


def test_dispute_happens_after_the_capture_it_is_about() -> None:
    charge()

    (notice,) = notices_at(NOW)
    assert notice.occurred_at > NOW


def test_fee_is_the_same_number_of_minor_units_in_every_currency() -> None:
    for currency in ("JPY", "EUR", "KWD", "CLF"):
        assert dispute_of(charge(currency=currency)).fee == 1500


def test_authorization_alone_is_not_disputed_and_each_capture_is() -> None:
    reference = charge(capture=False)
    before = news_at(NOW)

    for amount in (300, 700):
        SANDBOX.capture(CaptureRequest(fresh_key(), reference, Money(amount, "EUR"), final=False, now=NOW))

    assert before == []
    amounts = SandboxDispute.objects.filter(charge_reference=reference).order_by("id").values_list("amount", flat=True)
    assert list(amounts) == [300, 700]
    assert len(news_at(NOW)) == 2


def test_charge_asked_for_again_is_disputed_once() -> None:
    key = fresh_key()

    references = {charge(key=key), charge(key=key)}

    assert len(references) == 1
    assert SandboxDispute.objects.filter(charge_reference=references.pop()).count() == 1


@pytest.mark.parametrize(
    ("text", "won"),
    [("my winning_evidence", True), ("losing_evidence", False), ("the parcel arrived", False)],
)
def test_evidence_says_how_the_dispute_ends_a_day_later(text: str, won: bool) -> None:
    dispute = dispute_of(charge())
    SANDBOX.acknowledge(notices_at(NOW), now=NOW)

    outcome = argue(dispute, text)

    assert isinstance(outcome, Succeeded)
    assert news_at(DECIDED - timedelta(microseconds=1)) == []
    assert news_at(DECIDED) == [DisputeClosed(dispute.reference, won=won)]
    assert end_of(dispute) == (won, DECIDED)


def test_whoever_does_not_answer_in_time_has_lost() -> None:
    dispute = dispute_of(charge())
    SANDBOX.acknowledge(notices_at(NOW), now=NOW)

    assert news_at(DUE - timedelta(microseconds=1)) == []
    assert news_at(DUE) == [DisputeClosed(dispute.reference, won=False)]


def test_answered_dispute_does_not_end_again_when_evidence_falls_due() -> None:
    argued, accepted = dispute_of(charge()), dispute_of(charge())
    SANDBOX.acknowledge(notices_at(NOW), now=NOW)

    argue(argued, "winning_evidence")
    accept(accepted)

    assert news_at(DUE + timedelta(days=1)) == [DisputeClosed(argued.reference, won=True)]


def test_accepted_dispute_is_lost_without_further_news() -> None:
    dispute = dispute_of(charge())
    SANDBOX.acknowledge(notices_at(NOW), now=NOW)

    outcome = accept(dispute)

    assert isinstance(outcome, Succeeded)
    assert end_of(dispute) == (False, SOON)
    assert news_at(DUE + timedelta(days=1)) == []


def test_answer_after_the_end_is_declined() -> None:
    dispute = dispute_of(charge())
    accept(dispute)

    outcomes = [argue(dispute, "winning_evidence"), accept(dispute)]

    assert [each.decline_code for each in outcomes if isinstance(each, Declined)] == ["dispute_closed"] * 2
    assert end_of(dispute) == (False, SOON)


def test_evidence_is_due_when_it_is_due() -> None:
    dispute = dispute_of(charge())

    outcome = argue(dispute, "winning_evidence", now=DUE)

    assert isinstance(outcome, Declined)
    assert end_of(dispute) == (False, DUE)


def test_second_evidence_is_declined_while_the_first_is_under_review() -> None:
    dispute = dispute_of(charge())
    argue(dispute, "losing_evidence")

    outcome = argue(dispute, "winning_evidence", now=SOON + timedelta(seconds=1))

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "dispute_under_review"
    assert end_of(dispute) == (False, DECIDED)


def test_answers_asked_for_again_are_not_taken_again() -> None:
    argued, accepted = dispute_of(charge()), dispute_of(charge())
    evidence_key, accept_key = fresh_key(), fresh_key()
    SANDBOX.acknowledge(notices_at(NOW), now=NOW)

    first = argue(argued, "winning_evidence", key=evidence_key), accept(accepted, key=accept_key)
    again = argue(argued, "winning_evidence", key=evidence_key, now=DECIDED), accept(accepted, key=accept_key, now=DUE)

    assert again == first
    assert end_of(argued) == (True, DECIDED)
    assert len(news_at(DUE + timedelta(days=1))) == 1


def test_lost_answer_to_evidence_can_be_asked_for() -> None:
    dispute, key = dispute_of(charge()), fresh_key()

    outcome = argue(dispute, "unanswered_evidence, winning_evidence", key=key)

    assert isinstance(outcome, Unknown)
    assert isinstance(SANDBOX.query(query_of(key, now=SOON, kind=CallKind.SUBMIT_EVIDENCE)), Succeeded)
    assert end_of(dispute) == (True, DECIDED)


def test_what_is_disputed_or_lost_is_not_refunded_and_what_is_won_is() -> None:
    lost, won = charge(amount=1000), charge(amount=1000)
    argue(dispute_of(won), "winning_evidence")

    early = refund(won, 1)
    late = refund(won, 1000, now=DECIDED)
    too_late = refund(lost, 1, now=DUE + timedelta(days=1))

    assert isinstance(early, Declined) and early.message == "Only 0 of the charge is left to refund."
    assert isinstance(late, Succeeded)
    assert isinstance(too_late, Declined)
