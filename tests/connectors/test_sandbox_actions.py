"""The sandbox asks the payer: one decision, by the payer, the merchant or the clock, and it is the answer for good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest
from pytest_django import Settings

from django.db import connections
from django.utils import timezone

from payments.connectors.base import (
    ActionRequired,
    AuthorizeRequest,
    CallAnswered,
    Declined,
    Notice,
    Outcome,
    RefundRequest,
    Succeeded,
    VoidRequest,
)
from payments.connectors.sandbox import SandboxConnector, actions
from payments.models import SandboxAction, SandboxCharge, SandboxRequest
from payments.money import Money
from tests.connectors.asking import BACK, query_of

SANDBOX = SandboxConnector()
NOW = datetime.fromisoformat("2026-03-15T12:00:00Z")
HOUR = timedelta(hours=1)


def ask(key: str = "", *, capture: bool = True, now: datetime = NOW) -> tuple[str, ActionRequired]:
    """Ask for an authorization that needs the payer; return its key and the answer."""
    key = key or f"call_{uuid4().hex}"
    request = AuthorizeRequest(
        key, "pm_card_authentication_required", Money(1999, "EUR"), capture=capture, return_url=BACK, now=now
    )
    outcome = SANDBOX.authorize(request)
    assert isinstance(outcome, ActionRequired), outcome
    return key, outcome


def void(action: ActionRequired, *, key: str = "", now: datetime = NOW) -> Outcome:
    """Give it up."""
    return SANDBOX.void(VoidRequest(key or f"call_{uuid4().hex}", action.processor_reference, now=now))


def query(key: str, *, now: datetime = NOW) -> Outcome:
    """Ask what became of it."""
    return SANDBOX.query(query_of(key, now=now))


def decide(action: ActionRequired, approved: bool, *, now: datetime = NOW) -> bool:
    """Press a button."""
    return actions.decide(action.processor_reference, approved=approved, now=now)


def decline_code(outcome: Outcome) -> str:
    """Return why it was declined."""
    assert isinstance(outcome, Declined), outcome
    return outcome.decline_code


def news_of(action: ActionRequired) -> list[Notice]:
    """Return what the sandbox has to tell of it."""
    notices = SANDBOX.due_notices(now=timezone.now() + timedelta(days=9999), limit=100_000)
    return [notice for notice in notices if notice.object_reference == action.processor_reference]


def test_nothing_is_reserved_before_the_payer_decides(db: None) -> None:
    key, action = ask()

    assert query(key) == action
    assert not SandboxCharge.objects.exists()
    assert news_of(action) == []


def test_each_page_has_a_name_that_cannot_be_guessed(db: None) -> None:
    names = {ask()[1].processor_reference for _ in range(50)}

    secrets = {name.removeprefix("sba_") for name in names}
    assert len(secrets) == 50
    # 32 characters of base 64 are 192 bits.
    assert {len(secret) for secret in secrets} == {32}
    assert len({secret[:4] for secret in secrets}) > 45


def test_the_address_is_ours_and_ends_after_an_hour(db: None) -> None:
    _, action = ask()

    assert action.url == f"http://127.0.0.1:8000/sandbox/actions/{action.processor_reference}"
    assert action.expires_at == NOW + HOUR


def test_however_short_the_sandbox_s_day_there_is_time_to_read(db: None, settings: Settings) -> None:
    settings.PAYMENTS_SANDBOX_DAY_SECONDS = 1

    _, action = ask()

    assert action.expires_at == NOW + timedelta(minutes=10)


@pytest.mark.parametrize("capture", [True, False])
def test_approval_charges_and_is_the_answer_for_good(db: None, capture: bool) -> None:
    key, action = ask(capture=capture)

    assert decide(action, True, now=NOW + timedelta(minutes=5))

    answer = query(key)
    assert isinstance(answer, Succeeded)
    charge = SandboxCharge.objects.get(reference=answer.processor_reference)
    assert (charge.amount_authorized, charge.amount_captured) == (1999, 1999 if capture else 0)
    again = SANDBOX.authorize(
        AuthorizeRequest(key, "pm_card_visa", Money(1, "EUR"), capture=capture, return_url=BACK, now=NOW)
    )
    assert again == answer
    assert query(key, now=NOW + timedelta(days=9)) == answer


def test_refusal_charges_nothing_and_is_the_answer_for_good(db: None) -> None:
    key, action = ask()

    assert decide(action, False)

    assert decline_code(query(key)) == decline_code(query(key, now=NOW + 2 * HOUR)) == "authentication_failed"
    assert not SandboxCharge.objects.exists()


@pytest.mark.parametrize("approved", [True, False])
def test_a_decision_is_news_at_once(db: None, approved: bool) -> None:
    key, action = ask()

    decide(action, approved)

    (notice,) = news_of(action)
    assert SANDBOX.read(notice.payload) == CallAnswered(key, query(key))  # type: ignore[arg-type]
    assert notice.occurred_at == NOW


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_the_first_decision_counts(db: None, first: bool, second: bool) -> None:
    key, action = ask()
    decide(action, first)
    answer = query(key)

    assert not decide(action, second)

    assert query(key) == answer
    assert SandboxCharge.objects.count() == int(first)
    assert len(news_of(action)) == 1


def test_money_moves_when_the_payer_approves_and_not_before(db: None) -> None:
    key, action = ask()
    decide(action, True, now=NOW + timedelta(minutes=5))

    moved = SandboxRequest.objects.exclude(moved=None)

    assert [(row.moved, row.currency, row.created_at) for row in moved] == [(1999, "EUR", NOW + timedelta(minutes=5))]
    assert moved[0].idempotency_key != key


@pytest.mark.parametrize("approved", [True, False])
def test_a_decision_at_the_last_moment_is_too_late(db: None, approved: bool) -> None:
    key, action = ask()

    assert not decide(action, approved, now=action.expires_at)

    assert decline_code(query(key)) == "authentication_expired"
    assert not SandboxCharge.objects.exists()


def test_a_decision_just_before_counts(db: None) -> None:
    _, action = ask()

    assert decide(action, True, now=action.expires_at - timedelta(microseconds=1))


def test_asked_after_the_time_the_sandbox_says_that_it_is_over_for_good(db: None) -> None:
    key, action = ask()

    before = query(key, now=action.expires_at - timedelta(microseconds=1))
    after = query(key, now=action.expires_at)
    # A clock that is behind does not open it again.
    decided = decide(action, True)

    assert before == action
    assert decline_code(after) == decline_code(query(key)) == "authentication_expired"
    assert not decided


def test_a_void_of_the_undecided_makes_approval_impossible(db: None) -> None:
    key, action = ask()

    outcome = void(action)
    approved = decide(action, True)

    assert outcome == Succeeded(action.processor_reference)
    assert not approved
    assert decline_code(query(key)) == "canceled"
    assert not SandboxCharge.objects.exists()


def test_a_void_of_the_approved_is_declined_and_leaves_the_charge(db: None) -> None:
    key, action = ask(capture=False)
    decide(action, True)

    outcome = void(action)

    assert decline_code(outcome) == "authentication_completed"
    assert isinstance(query(key), Succeeded)
    assert SandboxCharge.objects.get().amount_voided == 0


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda action: decide(action, False), "authentication_failed"),
        (lambda action: decide(action, True, now=action.expires_at), "authentication_expired"),
    ],
    ids=["refused", "expired"],
)
def test_a_void_of_what_is_over_has_nothing_to_give_up(
    db: None, end: Callable[[ActionRequired], bool], code: str
) -> None:
    key, action = ask()
    end(action)

    outcome = void(action)

    assert outcome == Succeeded(action.processor_reference)
    assert decline_code(query(key)) == code


def test_a_void_asked_for_again_says_the_same(db: None) -> None:
    _, action = ask()
    first = void(action, key="once")

    assert void(action, key="once") == first
    assert len(news_of(action)) == 1


def test_an_authorization_asked_for_again_has_the_same_page(db: None) -> None:
    key, action = ask()

    assert ask(key, now=NOW + HOUR)[1] == action
    assert SandboxAction.objects.count() == 1


def test_what_was_approved_is_refunded_like_any_charge(db: None) -> None:
    key, action = ask()
    decide(action, True)
    answer = query(key)
    assert isinstance(answer, Succeeded)

    outcome = SANDBOX.refund(RefundRequest("refund", answer.processor_reference, Money(1999, "EUR"), now=NOW))

    assert isinstance(outcome, Succeeded)


def test_the_page_reads_what_was_decided(db: None) -> None:
    _, action = ask()
    before = actions.read_action(action.processor_reference, now=NOW)
    lapsed = actions.read_action(action.processor_reference, now=action.expires_at)
    decide(action, False)
    after = actions.read_action(action.processor_reference, now=action.expires_at)

    assert before is not None and before.decision is None
    assert lapsed == replace(before, decision="expired")
    assert after == replace(before, decision="refused")
    assert actions.read_action("sba_unheard_of", now=NOW) is None


def test_of_twenty_decisions_and_voids_at_once_one_counts(committed_db: None) -> None:
    key, action = ask(now=timezone.now())
    now = timezone.now()
    works: list[Callable[[], object]] = [
        *[partial(decide, action, True, now=now)] * 7,
        *[partial(decide, action, False, now=now)] * 7,
        *[partial(void, action, now=now)] * 6,
    ]
    barrier = Barrier(len(works), timeout=60)

    def run(work: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        results = list(pool.map(run, works))

    row = SandboxAction.objects.get(reference=action.processor_reference)
    answer = query(key, now=now)
    assert results[:14].count(True) == (0 if row.decision == "canceled" else 1)
    assert isinstance(answer, Succeeded) == (row.decision == "approved")
    assert {isinstance(outcome, Succeeded) for outcome in results[14:]} == {row.decision != "approved"}
    assert len(news_of(action)) == 1
