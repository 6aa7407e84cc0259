"""Money is a whole number of minor units, and every currency has the decimals that ISO 4217 gives it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.money import AMOUNT_MAX, Money, exponents

EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
BIGINT_MAX = 2**63 - 1


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_the_currencies_without_two_decimals_are_these(exponent: int) -> None:
    found = {code for code, decimals in exponents().items() if decimals == exponent}

    assert found == set(EXPONENTS[exponent].split())


def test_every_other_currency_has_two_decimals() -> None:
    named = {code for codes in EXPONENTS.values() for code in codes.split()}

    others = {code: decimals for code, decimals in exponents().items() if code not in named}

    assert {"EUR", "USD", "GBP", "CHF", "CVE", "MGA"} <= others.keys()
    assert set(others.values()) == {2}


def test_every_code_is_three_capitals() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in exponents())


@pytest.mark.parametrize("code", ["XAU", "XXX", "XTS", "XDR", "eur", "EU", "", "BTC", "EURO"])
def test_what_one_cannot_pay_in_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 4217 currency one can pay in"):
        Money(1, code)


@pytest.mark.parametrize("amount", [19.99, 20.0, True, "1999", None])
def test_what_is_not_a_whole_number_of_minor_units_is_refused(amount: Any) -> None:
    with pytest.raises(TypeError, match="an amount is an integer of minor units"):
        Money(amount, "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1999, "EUR", "19.99 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (500, "JPY", "500 JPY"),
        (1, "KWD", "0.001 KWD"),
        (12_345, "CLF", "1.2345 CLF"),
        (123_456_789, "USD", "1,234,567.89 USD"),
        (AMOUNT_MAX, "JPY", "999,999,999,999 JPY"),
    ],
)
def test_people_read_major_units(amount: int, currency: str, text: str) -> None:
    assert str(Money(amount, currency)) == text


@given(amount=st.integers(min_value=-AMOUNT_MAX, max_value=AMOUNT_MAX), currency=st.sampled_from(sorted(exponents())))
def test_what_people_read_is_exact_in_every_currency(amount: int, currency: str) -> None:
    number, _, code = str(Money(amount, currency)).partition(" ")
    whole, _, decimals = number.partition(".")

    assert int(whole.replace(",", "") + decimals) == amount
    assert (len(decimals), code) == (exponents()[currency], currency)


def test_equal_amounts_of_one_currency_are_equal_money() -> None:
    assert Money(5, "EUR") == Money(5, "EUR")
    assert Money(5, "EUR") != Money(5, "USD")


def test_nine_million_of_the_largest_payments_add_up_within_a_bigint() -> None:
    assert AMOUNT_MAX * 9_000_000 < BIGINT_MAX
