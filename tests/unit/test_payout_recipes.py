"""What a platform fee and each step of a payout mean in double entry; whatever the amount, they balance."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ledger.recipes import (
    Recipe,
    payout_created,
    payout_paid,
    payout_released,
    payout_returned,
    platform_fee,
)
from payments.models.ledger import AccountCode, Direction, Layer
from payments.money import AMOUNT_MAX, Money, exponents

amounts = st.integers(min_value=1, max_value=AMOUNT_MAX)
currencies = st.sampled_from(sorted(exponents()))


def moved(*recipes: Recipe) -> dict[AccountCode, int]:
    """Return debits less credits by account, where there is a difference."""
    totals: Counter[AccountCode] = Counter()
    for recipe in recipes:
        for line in recipe.lines:
            totals[line.account] += line.amount if line.direction is Direction.DEBIT else -line.amount
    return {account: amount for account, amount in totals.items() if amount}


@pytest.mark.parametrize("recipe", [payout_created, payout_paid, payout_released, payout_returned])
@given(amount=amounts, currency=currencies)
def test_every_step_of_a_payout_balances(recipe: Callable[..., Recipe], amount: int, currency: str) -> None:
    made = recipe(amount=Money(amount, currency))

    assert made.currency == currency
    assert sum(moved(made).values()) == 0
    assert {line.layer for line in made.lines} == {Layer.POSTED}


@given(amount=amounts, currency=currencies)
def test_a_payout_that_fails_or_comes_back_leaves_nothing(amount: int, currency: str) -> None:
    money = Money(amount, currency)

    assert moved(payout_created(amount=money), payout_released(amount=money)) == {}
    assert moved(payout_created(amount=money), payout_paid(amount=money), payout_returned(amount=money)) == {}


def test_a_payout_that_is_paid_pays_a_debt_with_cash() -> None:
    money = Money(1000, "EUR")

    assert moved(payout_created(amount=money), payout_paid(amount=money)) == {
        AccountCode.MERCHANT_PAYABLE: 1000,
        AccountCode.CASH: -1000,
    }


def test_a_platform_fee_turns_a_debt_into_income() -> None:
    assert moved(platform_fee(fee=Money(30, "EUR"))) == {
        AccountCode.MERCHANT_PAYABLE: 30,
        AccountCode.FEE_INCOME: -30,
    }
