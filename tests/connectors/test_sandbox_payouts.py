"""Payouts at the sandbox, spoken to directly: what it answers, what it says later, and what stands in its books."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from payments.connectors.base import (
    NEVER_RECEIVED,
    CallAnswered,
    Declined,
    News,
    NotSent,
    Outcome,
    PayoutRequest,
    PayoutReturned,
    Submitted,
    Succeeded,
    Unknown,
)
from payments.connectors.sandbox import SandboxConnector
from payments.lifecycles import CallKind
from payments.models import SandboxPayout
from payments.money import Money
from tests.connectors.asking import query_of

SANDBOX = SandboxConnector()
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
A_DAY = timedelta(days=1)
ALMOST = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("db")


def fresh_key() -> str:
    """Return an idempotency key that nobody has used."""
    return f"call_{uuid4().hex}"


def pay_out(destination: str, *, key: str = "", now: datetime = NOW) -> Outcome:
    """Ask the sandbox for a payout of 10.00 EUR."""
    return SANDBOX.payout(PayoutRequest(key or fresh_key(), destination, Money(1000, "EUR"), now=now))


def ask(key: str, now: datetime) -> Outcome:
    """Ask the sandbox what became of a payout."""
    return SANDBOX.query(query_of(key, now=now, kind=CallKind.PAYOUT))


def news_by(moment: datetime) -> list[News]:
    """Return what the sandbox has to say by then, oldest first."""
    return [SANDBOX.read(notice.payload) for notice in SANDBOX.due_notices(now=moment, limit=100)]


def reference_of(outcome: Outcome) -> str:
    """Return the sandbox's reference of what it accepted."""
    assert isinstance(outcome, Submitted | Succeeded), outcome
    return outcome.processor_reference


@pytest.mark.parametrize("destination", ["ba_sandbox", "ba_sandbox_bounces"])
def test_a_payout_is_accepted_and_paid_a_day_later(destination: str) -> None:
    key = fresh_key()

    outcome = pay_out(destination, key=key)

    reference = reference_of(outcome)
    assert outcome == Submitted(reference)
    assert (ask(key, NOW), ask(key, NOW + A_DAY - ALMOST)) == (outcome, outcome)
    assert ask(key, NOW + A_DAY) == Succeeded(reference)
    assert news_by(NOW + A_DAY - ALMOST) == []
    assert news_by(NOW + A_DAY) == [CallAnswered(key, Succeeded(reference))]


def test_a_payout_that_bounces_comes_back_two_days_after_it_was_paid() -> None:
    key = fresh_key()
    reference = reference_of(pay_out("ba_sandbox_bounces", key=key))

    early, late = news_by(NOW + 3 * A_DAY - ALMOST), news_by(NOW + 3 * A_DAY)

    assert len(early) == 1
    assert late == [*early, PayoutReturned(reference, "The merchant's bank sent the payout back.")]


def test_a_day_is_as_long_as_the_setting_says(settings: pytest.FixtureRequest) -> None:
    settings.PAYMENTS_SANDBOX_DAY_SECONDS = 5  # type: ignore[attr-defined]
    key = fresh_key()

    pay_out("ba_sandbox", key=key)

    assert isinstance(ask(key, NOW + timedelta(seconds=4)), Submitted)
    assert isinstance(ask(key, NOW + timedelta(seconds=5)), Succeeded)


def test_an_instant_payout_is_paid_at_once() -> None:
    key = fresh_key()

    outcome = pay_out("ba_sandbox_instant", key=key)

    assert outcome == Succeeded(reference_of(outcome)) == ask(key, NOW)
    assert news_by(NOW + 30 * A_DAY) == []


def test_a_closed_account_is_declined() -> None:
    outcome = pay_out("ba_sandbox_declined")

    assert outcome == Declined("account_closed", "do_not_try_again", "The bank account is closed.")
    assert not SandboxPayout.objects.exists()


@pytest.mark.parametrize("destination", ["ba_nowhere", "pm_card_visa", "BA_SANDBOX"])
def test_an_unknown_destination_is_declined_and_told_which_are_known(destination: str) -> None:
    outcome = pay_out(destination)

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "invalid_destination"
    for known in ("ba_sandbox", "ba_sandbox_instant", "ba_fault_timeout_before", "ba_fault_unreachable"):
        assert known in outcome.message


def test_an_answer_that_is_lost_was_a_payout_that_was_made() -> None:
    key = fresh_key()

    outcome = pay_out("ba_fault_timeout_after", key=key)

    assert isinstance(outcome, Unknown)
    assert isinstance(ask(key, NOW), Succeeded)
    assert SandboxPayout.objects.get().amount == 1000


def test_a_request_that_is_lost_was_never_received() -> None:
    key = fresh_key()

    outcome = pay_out("ba_fault_timeout_before", key=key)

    assert isinstance(outcome, Unknown)
    assert ask(key, NOW + 30 * A_DAY) == NEVER_RECEIVED
    assert not SandboxPayout.objects.exists()


def test_a_processor_that_cannot_be_reached_knows_nothing() -> None:
    assert isinstance(pay_out("ba_fault_unreachable"), NotSent)
    assert not SandboxPayout.objects.exists()


@pytest.mark.parametrize("destination", ["ba_sandbox", "ba_sandbox_bounces", "ba_sandbox_instant"])
def test_the_same_key_pays_out_once(destination: str) -> None:
    key = fresh_key()

    outcomes = [pay_out(destination, key=key, now=NOW + days * A_DAY) for days in (0, 0, 7)]

    assert outcomes == [outcomes[0]] * 3
    assert SandboxPayout.objects.count() == 1
    assert len([news for news in news_by(NOW + 30 * A_DAY) if isinstance(news, CallAnswered)]) <= 1
