"""Amounts as Stripe counts them, which for a few currencies is not as ISO 4217 does.

An amount is converted exactly or not at all. The tables follow https://docs.stripe.com/currencies.
"""

from typing import Final

from payments.money import Money, exponents

# Decimals at Stripe, where they differ from the standard's: ISK and UGX keep the two that they once had.
_DECIMALS: Final = {"ISK": 2, "MGA": 0, "UGX": 2}
# What Stripe does not know, and nobody can say how it would count: units of account.
_UNKNOWN: Final = frozenset({"CLF", "UYI", "UYW"})
# With three decimals, the last one has to be 0.
_THREE_DECIMALS: Final = 3
# With payouts these have no decimals, though charges have two.
_WHOLE_PAYOUTS: Final = frozenset({"HUF", "TWD"})


class AmountNotSupported(Exception):
    """An amount that Stripe cannot take exactly; the text says why."""


def to_stripe(money: Money) -> int:
    """Return an amount in Stripe's units.

    Raises:
        AmountNotSupported: it is not exact there.
    """
    currency = money.currency
    if currency in _UNKNOWN:
        raise AmountNotSupported(f"Stripe takes no {currency}.")
    amount, rest = _moved(money.amount, _decimals(currency) - exponents()[currency])
    if rest:
        raise AmountNotSupported(f"Stripe counts {currency} with {_decimals(currency)} decimals; {money} has more.")
    if _decimals(currency) == _THREE_DECIMALS and amount % 10:
        raise AmountNotSupported(f"Stripe takes {currency} in tenths of a hundredth that end in 0; {money} does not.")
    return amount


def to_stripe_payout(money: Money) -> int:
    """Return the amount of a payout in Stripe's units.

    Raises:
        AmountNotSupported: it is not exact there.
    """
    amount = to_stripe(money)
    if money.currency in _WHOLE_PAYOUTS and amount % 100:
        raise AmountNotSupported(f"Stripe pays out {money.currency} in whole units only; {money} is none.")
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """Return an amount of Stripe's, whose currencies are in lower case.

    Raises:
        ValueError: it is not exact in the currency's minor unit, or the currency is none we know.
    """
    code = currency.upper()
    if code not in exponents():
        raise ValueError(f"{currency!r} is not an ISO 4217 currency one can pay in")
    converted, rest = _moved(amount, exponents()[code] - _decimals(code))
    if rest:
        raise ValueError(f"{amount} of Stripe's units of {code} is not exact with {exponents()[code]} decimals")
    return Money(converted, code)


def _decimals(currency: str) -> int:
    return _DECIMALS.get(currency, exponents()[currency])


def _moved(amount: int, places: int) -> tuple[int, int]:
    """Return an amount with its decimal point moved, and what is left of it that has no place."""
    factor: int = 10 ** abs(places)
    return (amount * factor, 0) if places >= 0 else divmod(amount, factor)
