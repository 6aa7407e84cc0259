"""What each event means in double entry, and that whatever the amount, each layer balances."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ledger.recipes import (
    Line,
    Recipe,
    payment_authorized,
    payment_canceled,
    payment_captured,
    refund_released,
    refund_reserved,
    refund_succeeded,
)
from payments.models.ledger import AccountCode, Direction, EntryKind, Layer
from payments.money import AMOUNT_MAX, Money, exponents

amounts = st.integers(min_value=1, max_value=AMOUNT_MAX)
reserves = st.integers(min_value=0, max_value=AMOUNT_MAX)
currencies = st.sampled_from(sorted(exponents()))

RECEIVABLE_DEBIT = (AccountCode.PSP_RECEIVABLE, Direction.DEBIT)
RECEIVABLE_CREDIT = (AccountCode.PSP_RECEIVABLE, Direction.CREDIT)
PAYABLE_DEBIT = (AccountCode.MERCHANT_PAYABLE, Direction.DEBIT)
PAYABLE_CREDIT = (AccountCode.MERCHANT_PAYABLE, Direction.CREDIT)


def differences(recipe: Recipe) -> dict[Layer, int]:
    """Return debits less credits by layer."""
    totals: Counter[Layer] = Counter()
    for line in recipe.lines:
        totals[line.layer] += line.amount if line.direction is Direction.DEBIT else -line.amount
    return dict(totals)


def check(recipe: Recipe, currency: str) -> None:
    """Check what holds for every recipe."""
    assert recipe.currency == currency
    assert recipe.lines
    assert all(line.amount > 0 for line in recipe.lines)
    assert set(differences(recipe).values()) == {0}


@given(amount=amounts, currency=currencies)
def test_an_authorization_balances(amount: int, currency: str) -> None:
    check(payment_authorized(authorized=Money(amount, currency)), currency)


@given(amount=amounts, reserved=reserves, currency=currencies)
def test_a_capture_balances_whatever_was_reserved(amount: int, reserved: int, currency: str) -> None:
    check(payment_captured(captured=Money(amount, currency), reserved=reserved), currency)


@given(amount=amounts, currency=currencies)
def test_a_cancellation_balances(amount: int, currency: str) -> None:
    check(payment_canceled(released=Money(amount, currency)), currency)


@pytest.mark.parametrize("recipe", [refund_reserved, refund_succeeded, refund_released])
@given(amount=amounts, currency=currencies)
def test_every_step_of_a_refund_balances(recipe: Callable[..., Recipe], amount: int, currency: str) -> None:
    check(recipe(amount=Money(amount, currency)), currency)


@pytest.mark.parametrize(("end", "posted"), [(refund_succeeded, -1000), (refund_released, 0)])
def test_a_refund_leaves_nothing_pending_however_it_ends(end: Callable[..., Recipe], posted: int) -> None:
    lines = refund_reserved(amount=Money(1000, "EUR")).lines + end(amount=Money(1000, "EUR")).lines

    receivable: Counter[Layer] = Counter()
    for line in lines:
        if line.account is AccountCode.PSP_RECEIVABLE:
            receivable[line.layer] += line.amount if line.direction is Direction.DEBIT else -line.amount

    assert (receivable[Layer.PENDING], receivable[Layer.POSTED]) == (0, posted)


def test_an_authorization_is_a_pending_claim_and_a_pending_debt() -> None:
    recipe = payment_authorized(authorized=Money(1000, "EUR"))

    assert recipe == Recipe(
        EntryKind.PAYMENT_AUTHORIZED,
        "EUR",
        (Line(*RECEIVABLE_DEBIT, Layer.PENDING, 1000), Line(*PAYABLE_CREDIT, Layer.PENDING, 1000)),
    )


def test_a_capture_takes_its_reserve_back_and_posts_what_it_took() -> None:
    recipe = payment_captured(captured=Money(600, "EUR"), reserved=1000)

    assert recipe == Recipe(
        EntryKind.PAYMENT_CAPTURED,
        "EUR",
        (
            Line(*PAYABLE_DEBIT, Layer.PENDING, 1000),
            Line(*RECEIVABLE_CREDIT, Layer.PENDING, 1000),
            Line(*RECEIVABLE_DEBIT, Layer.POSTED, 600),
            Line(*PAYABLE_CREDIT, Layer.POSTED, 600),
        ),
    )


def test_a_capture_without_a_reserve_has_no_pending_lines() -> None:
    recipe = payment_captured(captured=Money(600, "EUR"), reserved=0)

    assert {line.layer for line in recipe.lines} == {Layer.POSTED}


def test_a_cancellation_takes_the_reserve_back() -> None:
    recipe = payment_canceled(released=Money(400, "EUR"))

    assert recipe == Recipe(
        EntryKind.PAYMENT_CANCELED,
        "EUR",
        (Line(*PAYABLE_DEBIT, Layer.PENDING, 400), Line(*RECEIVABLE_CREDIT, Layer.PENDING, 400)),
    )


@pytest.mark.parametrize("amount", [1, AMOUNT_MAX])
def test_authorizing_and_canceling_leaves_nothing(amount: int) -> None:
    money = Money(amount, "JPY")
    totals: Counter[tuple[AccountCode, Layer]] = Counter()

    for line in (*payment_authorized(authorized=money).lines, *payment_canceled(released=money).lines):
        totals[line.account, line.layer] += line.amount if line.direction is Direction.DEBIT else -line.amount

    assert set(totals.values()) == {0}
