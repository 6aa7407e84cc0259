"""The sandbox processor, spoken to directly: what is its own beyond the contract of any connector."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from django.db import connection

from payments.connectors.base import Declined, NotSent, Outcome, Succeeded
from payments.connectors.sandbox import SandboxConnector
from payments.models import SandboxCharge, SandboxRequest
from payments.money import Money
from tests.connectors.contract import asking
from tests.connectors.contract.asking import fresh_key, reference_of

SANDBOX = SandboxConnector()
THREADS = 20
CAPTURE_PREFIX = "sbc_"

DECLINING = ("declined", "insufficient_funds", "lost", "stolen", "expired", "incorrect_cvc", "processing_error")


def authorize(method: str = "pm_card_visa", *, capture: bool = False, key: str = "") -> Outcome:
    """Ask the sandbox for an authorization of ten euros."""
    return asking.authorize(SANDBOX, method, capture=capture, key=key)


def capture(reference: str, amount: int, *, currency: str = "EUR") -> Outcome:
    """Ask the sandbox for a capture."""
    return asking.capture(SANDBOX, reference, Money(amount, currency), final=False)


def void(reference: str) -> Outcome:
    """Ask the sandbox to give back what is left."""
    return asking.void(SANDBOX, reference)


def charge(reference: str) -> tuple[int, int, int]:
    """Return what the sandbox has authorized, captured and voided."""
    found = SandboxCharge.objects.get(reference=reference)
    return found.amount_authorized, found.amount_captured, found.amount_voided


@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_mastercard"])
def test_a_good_card_is_authorized(method: str, db: None) -> None:
    outcome = authorize(method)

    reference = reference_of(outcome)
    assert outcome == Succeeded(reference, authorization_code=reference[-6:].upper())
    assert charge(reference) == (1000, 0, 0)


def test_a_card_that_the_sandbox_does_not_know_is_declined_with_those_it_knows(db: None) -> None:
    outcome = authorize("pm_card_vsia")

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "invalid_payment_method"
    lost = ("unreachable", "timeout_before", "timeout_after", "error_after")
    told_later = ("duplicate_webhook", "late_webhook", "reordered_webhooks")
    known = {
        *("pm_card_visa", "pm_card_mastercard", "pm_card_refund_fails", "pm_card_disputed"),
        "pm_card_authentication_required",
        *(f"pm_fault_{fault}" for fault in (*lost, *told_later, "short_settlement")),
        *(f"pm_card_{reason}" for reason in DECLINING),
    }
    assert set(outcome.message.removesuffix(".").partition("It knows ")[2].split(", ")) == known


def test_an_unreachable_sandbox_knows_nothing_of_the_request(db: None) -> None:
    key = fresh_key()

    outcome = authorize("pm_fault_unreachable", key=key)

    assert outcome == NotSent("The sandbox could not be reached: connection refused.")
    assert not SandboxRequest.objects.filter(idempotency_key=key).exists()
    assert not SandboxCharge.objects.filter(payment_method="pm_fault_unreachable").exists()


def test_a_capture_has_a_reference_of_its_own(db: None) -> None:
    reference = reference_of(authorize())

    outcome = capture(reference, 400)

    assert outcome == Succeeded(reference_of(outcome))
    assert reference_of(outcome).startswith(CAPTURE_PREFIX)
    assert not reference.startswith(CAPTURE_PREFIX)


def test_a_capture_in_another_currency_is_declined(db: None) -> None:
    reference = reference_of(authorize())

    outcome = capture(reference, 400, currency="USD")

    assert isinstance(outcome, Declined)
    assert charge(reference) == (1000, 0, 0)


@pytest.mark.parametrize("ask", [lambda reference: capture(reference, 1), void], ids=["capture", "void"])
def test_a_reference_that_the_sandbox_never_gave_is_an_error(ask: Callable[[str], Outcome], db: None) -> None:
    with pytest.raises(SandboxCharge.DoesNotExist):
        ask("sbx_unheard_of")


def test_twenty_threads_with_one_key_make_one_charge_and_hear_the_same(committed_db: None) -> None:
    key, barrier = fresh_key(), Barrier(THREADS, timeout=60)
    before = SandboxCharge.objects.count()

    def ask(_: int) -> Outcome:
        try:
            barrier.wait()
            return authorize(key=key, capture=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        outcomes = list(pool.map(ask, range(THREADS)))

    assert len(set(outcomes)) == 1
    assert charge(reference_of(outcomes[0])) == (1000, 1000, 0)
    assert SandboxCharge.objects.count() == before + 1


def test_twenty_captures_of_the_whole_amount_make_one(committed_db: None) -> None:
    reference, barrier = reference_of(authorize()), Barrier(THREADS, timeout=60)

    def ask(_: int) -> Outcome:
        try:
            barrier.wait()
            return capture(reference, 1000)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        outcomes = list(pool.map(ask, range(THREADS)))

    (captured,) = [outcome for outcome in outcomes if isinstance(outcome, Succeeded)]
    assert captured.processor_reference.startswith(CAPTURE_PREFIX)
    assert outcomes.count(Declined("amount_too_large", None, "Only 0 of the authorization is left.")) == THREADS - 1
    assert charge(reference) == (1000, 1000, 0)
