"""Amounts as people type them into a search."""

import re
from collections import defaultdict
from decimal import Decimal
from typing import Final

from django.db.models import Q

from payments.money import AMOUNT_MAX, exponents

# 19.99 · 1,234.56 · 19.99 EUR · JPY 500; commas stand between thousands only, so 19,99 is not read as 1999.
_TYPED: Final = re.compile(
    r"(?P<before>[A-Za-z]{3} ?)?(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?P<after> ?[A-Za-z]{3})?", re.ASCII
)


def amount_typed(text: str) -> Q | None:
    """Return the look-up on `amount` and `currency` that `text` stands for, or None where it is no amount.

    A number is in major units; what that comes to in minor units depends on the currency, and without one all are
    tried. A plain integer without a currency is tried as minor units, too.
    """
    typed = _TYPED.fullmatch(text)
    if typed is None:
        return None
    number = Decimal(typed["number"].replace(",", ""))
    named = {(typed[place] or "").strip().upper() for place in ("before", "after")} - {""}
    if len(named) > 1 or not named <= exponents().keys() or number > AMOUNT_MAX:
        return None
    wanted = Q(amount=int(number)) if typed["number"].isdigit() and not named else Q()
    for exponent, currencies in _currencies_by_exponent(named or set(exponents())).items():
        minor_units = number.scaleb(exponent)
        if minor_units == int(minor_units):
            wanted |= Q(amount=int(minor_units), currency__in=currencies)
    return wanted or None


def _currencies_by_exponent(codes: set[str]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        grouped[exponents()[code]].append(code)
    return grouped
