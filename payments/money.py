"""Money: an integer number of minor units and an ISO 4217 currency code.

Floats never appear: `Money(19.99, "EUR")` raises. The exponents (how many decimals a currency has) come
from the `iso4217` package, which follows the standard's own list.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from iso4217 import Currency

# Twelve digits of minor units: more than any single payment, and sums of them stay far inside a bigint.
AMOUNT_MAX = 999_999_999_999


@cache
def exponents() -> dict[str, int]:
    """Return the number of decimals of every currency one can pay in, by code.

    Metals, funds and test codes (XAU, XXX …) have no exponent in ISO 4217 and are left out.
    """
    return {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, yen, fils) of one currency; negative amounts are allowed."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse anything that is not an exact amount of a known currency."""
        if type(self.amount) is not int:  # pylint: disable=unidiomatic-typecheck
            raise TypeError(f"an amount is an integer of minor units, not {self.amount!r}")
        if self.currency not in exponents():
            raise ValueError(f"{self.currency!r} is not an ISO 4217 currency one can pay in")

    def __str__(self) -> str:
        """Return the amount in major units for people to read: `19.99 EUR`, `500 JPY`."""
        return f"{Decimal(self.amount).scaleb(-exponents()[self.currency]):,f} {self.currency}"
