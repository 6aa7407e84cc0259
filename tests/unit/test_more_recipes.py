"""Fees, returns, settlements, payouts, disputes and write-offs in double entry, as the table in the docs has them."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ledger import recipes
from payments.ledger.recipes import Recipe
from payments.models.ledger import AccountCode, Direction, EntryKind, Layer
from payments.money import AMOUNT_MAX, Money
from tests.unit.test_recipes import amounts, check, currencies

# Recipe, the name of its amount, its kind, and the accounts that are debited and credited.
TRANSFERS = {
    "platform_fee": ("fee", EntryKind.PLATFORM_FEE, "merchant_payable", "fee_income"),
    "refund_returned": ("amount", EntryKind.REFUND_RETURNED, "psp_receivable", "merchant_payable"),
    "payout_created": ("amount", EntryKind.PAYOUT_CREATED, "merchant_payable", "payout_in_transit"),
    "payout_paid": ("amount", EntryKind.PAYOUT_PAID, "payout_in_transit", "cash"),
    "payout_released": ("amount", EntryKind.PAYOUT_RELEASED, "payout_in_transit", "merchant_payable"),
    "payout_returned": ("amount", EntryKind.PAYOUT_RETURNED, "cash", "merchant_payable"),
    "dispute_opened": ("held", EntryKind.DISPUTE_OPENED, "dispute_hold", "psp_receivable"),
    "dispute_won": ("held", EntryKind.DISPUTE_WON, "psp_receivable", "dispute_hold"),
    "dispute_lost": ("held", EntryKind.DISPUTE_LOST, "merchant_payable", "dispute_hold"),
}
# Those that are not one transfer of posted money have tests of their own, here or in test_recipes.py.
OTHERS = {
    *("payment_authorized", "payment_captured", "payment_canceled", "payment_expired"),
    *("refund_reserved", "refund_succeeded", "refund_released", "settlement", "write_off"),
}
# What follows what, and what of `held` or paid money is left in the end: debits less credits.
STORIES = {
    ("payout_created", "payout_paid"): {"merchant_payable": 1000, "cash": -1000},
    ("payout_created", "payout_released"): {},
    ("payout_created", "payout_paid", "payout_returned"): {},
    ("dispute_opened", "dispute_won"): {},
    ("dispute_opened", "dispute_lost"): {"merchant_payable": 1000, "psp_receivable": -1000},
}

signed = st.integers(min_value=-AMOUNT_MAX, max_value=AMOUNT_MAX)


def made(name: str, amount: Money) -> Recipe:
    """Return a transfer's recipe for an amount."""
    recipe: Recipe = getattr(recipes, name)(**{TRANSFERS[name][0]: amount})
    return recipe


def sides(*entries: Recipe) -> dict[str, int]:
    """Return debits less credits by account, over both layers; zeros are left out."""
    totals: Counter[AccountCode] = Counter()
    for line in (line for entry in entries for line in entry.lines):
        totals[line.account] += line.amount if line.direction is Direction.DEBIT else -line.amount
    return {str(account): total for account, total in totals.items() if total}


def test_every_recipe_is_tried() -> None:
    found = {
        name
        for name, value in vars(recipes).items()
        if getattr(value, "__annotations__", {}).get("return") is Recipe and not name.startswith("_")
    }

    assert found == TRANSFERS.keys() | OTHERS


@pytest.mark.parametrize("name", TRANSFERS)
@given(amount=amounts, currency=currencies)
def test_a_transfer_moves_posted_money_from_one_account_to_another(name: str, amount: int, currency: str) -> None:
    _, kind, debited, credited = TRANSFERS[name]

    recipe = made(name, Money(amount, currency))

    check(recipe, currency)
    assert recipe.kind is kind
    assert sides(recipe) == {debited: amount, credited: -amount}
    assert {line.layer for line in recipe.lines} == {Layer.POSTED}


@pytest.mark.parametrize(("names", "left"), STORIES.items(), ids="-".join)
def test_what_is_undone_leaves_nothing(names: tuple[str, ...], left: dict[str, int]) -> None:
    assert sides(*(made(name, Money(1000, "EUR")) for name in names)) == left


def test_a_refund_that_comes_back_leaves_what_was_captured() -> None:
    amount = Money(1000, "EUR")

    entries = [recipes.refund_reserved(amount=amount), recipes.refund_succeeded(amount=amount)]

    assert sides(*entries, recipes.refund_returned(amount=amount)) == {}


@given(amount=amounts, currency=currencies)
def test_what_expires_goes_back_as_what_is_canceled(amount: int, currency: str) -> None:
    released = Money(amount, currency)

    recipe = recipes.payment_expired(released=released)

    check(recipe, currency)
    assert recipe.kind is EntryKind.PAYMENT_EXPIRED
    assert recipe.lines == recipes.payment_canceled(released=released).lines
    assert sides(recipes.payment_authorized(authorized=released), recipe) == {}


@given(gross=signed.filter(bool), fee=signed, currency=currencies)
def test_a_settlement_balances_whatever_its_signs(gross: int, fee: int, currency: str) -> None:
    recipe = recipes.settlement(gross=Money(gross, currency), fee=fee)

    check(recipe, currency)
    expected = {"cash": gross - fee, "psp_fee_expense": fee, "psp_receivable": -gross}
    assert sides(recipe) == {account: total for account, total in expected.items() if total}
    assert (recipe.kind, {line.layer for line in recipe.lines}) == (EntryKind.SETTLEMENT, {Layer.POSTED})


@pytest.mark.parametrize(
    ("gross", "fee", "expected"),
    [
        (1000, 30, {"cash": 970, "psp_fee_expense": 30, "psp_receivable": -1000}),
        (1000, 0, {"cash": 1000, "psp_receivable": -1000}),
        (1000, 1000, {"psp_fee_expense": 1000, "psp_receivable": -1000}),
        # The processor takes a refund back, and may give a part of its fee back with it.
        (-1000, 0, {"cash": -1000, "psp_receivable": 1000}),
        (-1000, 25, {"cash": -1025, "psp_fee_expense": 25, "psp_receivable": 1000}),
        (-1000, -30, {"cash": -970, "psp_fee_expense": -30, "psp_receivable": 1000}),
        # A batch whose movements cancel out, but not their fees.
        (0, 30, {"cash": -30, "psp_fee_expense": 30}),
    ],
)
def test_a_settlement_has_no_line_over_nothing(gross: int, fee: int, expected: dict[str, int]) -> None:
    recipe = recipes.settlement(gross=Money(gross, "EUR"), fee=fee)

    check(recipe, "EUR")
    assert sides(recipe) == expected
    assert len(recipe.lines) == len(expected)


@given(missing=signed.filter(bool), currency=currencies)
def test_a_write_off_balances_whichever_way_it_goes(missing: int, currency: str) -> None:
    recipe = recipes.write_off(missing=Money(missing, currency))

    check(recipe, currency)
    assert recipe.kind is EntryKind.WRITE_OFF
    assert sides(recipe) == {"psp_fee_expense": missing, "psp_receivable": -missing}
