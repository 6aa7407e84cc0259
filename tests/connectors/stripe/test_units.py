"""Amounts as Stripe counts them: exact there and back in every currency, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.connectors.stripe.units import AmountNotSupported, from_stripe, to_stripe, to_stripe_payout
from payments.money import AMOUNT_MAX, Money, exponents

currencies = st.sampled_from(sorted(exponents()))
amounts = st.integers(min_value=1, max_value=AMOUNT_MAX)

# From https://docs.stripe.com/currencies: one of our minor units and what it is there.
EXACT = [
    *[(Money(1999, code), 1999) for code in ("EUR", "USD", "GBP", "HUF", "TWD", "CVE")],
    *[(Money(500, code), 500) for code in "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF".split()],
    *[(Money(5, code), 500) for code in ("ISK", "UGX")],
    *[(Money(5120, code), 5120) for code in ("BHD", "JOD", "KWD", "OMR", "TND")],
    (Money(12_300, "MGA"), 123),
]
INEXACT = [
    *[Money(5124, code) for code in ("BHD", "JOD", "KWD", "OMR", "TND")],
    Money(12_345, "MGA"),
    *[Money(100, code) for code in ("CLF", "UYI", "UYW")],
]


@pytest.mark.parametrize(("ours", "stripes"), EXACT, ids=str)
def test_an_amount_is_converted_as_stripe_documents(ours: Money, stripes: int) -> None:
    assert to_stripe(ours) == stripes
    assert from_stripe(stripes, ours.currency.lower()) == ours


@pytest.mark.parametrize("money", INEXACT, ids=str)
def test_an_amount_that_stripe_does_not_take_is_refused(money: Money) -> None:
    with pytest.raises(AmountNotSupported, match=money.currency):
        to_stripe(money)


@given(amount=amounts, currency=currencies)
def test_what_is_taken_comes_back_as_it_was_in_every_currency(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    try:
        there = to_stripe(money)
    except AmountNotSupported:
        return

    assert from_stripe(there, currency.lower()) == money


@given(amount=st.integers(min_value=1, max_value=10**9), currency=currencies)
def test_whole_major_units_are_taken_in_every_currency_that_stripe_knows(amount: int, currency: str) -> None:
    money = Money(amount * 10 ** exponents()[currency], currency)

    if currency in ("CLF", "UYI", "UYW"):
        with pytest.raises(AmountNotSupported):
            to_stripe(money)
    else:
        assert from_stripe(to_stripe_payout(money), currency.lower()) == money


@pytest.mark.parametrize(("amount", "currency"), [(150, "isk"), (1, "ugx"), (100, "xxx"), (-150, "isk")])
def test_what_has_no_exact_amount_with_us_is_an_error(amount: int, currency: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){currency}"):
        from_stripe(amount, currency)


@pytest.mark.parametrize("currency", ["HUF", "TWD"])
def test_a_payout_of_some_currencies_has_whole_units(currency: str) -> None:
    with pytest.raises(AmountNotSupported, match="whole units"):
        to_stripe_payout(Money(1999, currency))

    assert to_stripe_payout(Money(1900, currency)) == 1900


def test_what_stripe_takes_from_us_comes_back_negative() -> None:
    assert from_stripe(-500, "isk") == Money(-5, "ISK")
