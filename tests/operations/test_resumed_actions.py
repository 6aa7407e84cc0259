"""A process that dies over a payment that needs its payer: a retry carries it to its end."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from django.utils import timezone

from payments.operations.ledger_check import check_ledger
from payments.operations.unknown_outcomes import LOST_AFTER, find_lost_calls
from tests.payer import CARD, ask, ask_payer, call_of, calls, cancel, decide, status_of
from tests.shop import Shop

Crash = Callable[[pytest.MonkeyPatch], None]


def before_the_processor(patch: pytest.MonkeyPatch) -> None:
    """Die when everything is written down and nothing is asked."""
    patch.setattr("payments.operations.steps.send_call", die)


def after_the_processor(patch: pytest.MonkeyPatch) -> None:
    """Die with the processor's answer in hand."""
    patch.setattr("payments.operations.steps.settle_call", die)


def die(*_: object, **__: object) -> None:
    """End the process."""
    raise SystemExit


@pytest.mark.parametrize("crash", [before_the_processor, after_the_processor])
def test_a_create_that_died_is_resumed_to_where_the_payer_decides(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, crash: Crash
) -> None:
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        crash(patch)
        shop.pay_under("once", payment_method=CARD)

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        resumed = shop.pay_under("once", payment_method=CARD)
        decide(resumed.json(), "approve")

    assert (resumed.status_code, resumed.json()["status"]) == (201, "requires_action")
    assert status_of(resumed.json()) == "succeeded"
    assert len(calls(resumed.json())) == 1
    assert check_ledger() == []


@pytest.mark.parametrize("crash", [before_the_processor, after_the_processor])
@pytest.mark.parametrize("approved", [True, False])
def test_a_cancel_that_died_is_resumed_whatever_the_payer_did_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, crash: Crash, approved: bool
) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        crash(patch)
        cancel(shop, payment, key="once")
    if approved:
        decide(payment, "approve")

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        answer = cancel(shop, payment, key="once")
        ask(payment)

    too_late = crash is before_the_processor and approved
    assert answer == ((402, "requires_action") if too_late else (200, "canceled"))
    assert status_of(payment) == ("succeeded" if too_late else "canceled")
    assert check_ledger() == []


def test_a_cancel_whose_process_died_is_found_and_the_payer_may_decide(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = ask_payer(shop)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        before_the_processor(patch)
        cancel(shop, payment)

    find_lost_calls(now=call_of(payment, "void").created_at + LOST_AFTER)
    found = status_of(payment)
    decide(payment, "approve")

    assert (found, status_of(payment)) == ("requires_action", "succeeded")
    assert check_ledger() == []
