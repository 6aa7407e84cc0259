"""What every format is read into, and the ways in which a line can be wrong."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Final

from payments.models.reconciliation import SettlementKind
from payments.money import exponents
from payments.staff_errors import BadReport

# No line of any format is as long; without a limit, a file without line ends would be read into memory whole.
LINE_BYTES_MAX: Final = 65_536
# Fifteen digits of minor units: sums of a million of them fit into a bigint.
AMOUNT_DIGITS_MAX: Final = 15
TEXT_MAX: Final = 2000
REFERENCE_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Settled:
    """One line of a settlement report; amounts in minor units, negative where the processor takes back."""

    line_number: int
    line_reference: str
    batch_reference: str
    kind: SettlementKind
    processor_reference: str
    currency: str
    gross: int
    fee: int
    net: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """One entry of a bank statement; the amount in minor units, negative where money went out.

    `reference` is the bank's own; empty, where it gives none. Lines of `text` may have been broken anywhere.
    """

    line_number: int
    account: str
    reference: str
    text: str
    currency: str
    amount: int
    booking_date: date
    value_date: date


def with_references(entries: Iterable[Booked]) -> Iterator[Booked]:
    """Give each entry without a reference of the bank's one that is made of what it says.

    The same entry in another file gets the same one. Entries that say the same are told apart by counting them.
    """
    seen: Counter[str] = Counter()
    for entry in entries:
        if not entry.reference:
            said = (entry.account, entry.booking_date, entry.value_date, entry.currency, entry.amount, entry.text)
            digest = hashlib.sha256(repr(said).encode()).hexdigest()
            seen[digest] += 1
            entry = replace(entry, reference=f"sha256:{digest}:{seen[digest]}")
        yield entry


def text_lines(file: IO[bytes], *, fallback: str | None = None) -> Iterator[str]:
    """Yield the lines of a file in UTF-8, with their ends and without a byte order mark.

    What is no UTF-8 is read in the encoding `fallback`, where there is one.

    Raises:
        BadReport: a line is too long or cannot be read.
    """
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise BadReport(f"the line is longer than {LINE_BYTES_MAX} bytes", line_number=number)
        if b"\0" in line:
            raise BadReport("the line holds a NUL", line_number=number)
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            if fallback is None:
                raise BadReport("this is no UTF-8", line_number=number) from error
            yield line.decode(fallback)


def known_currency(code: str, *, line_number: int) -> str:
    """Return a currency code that one can pay in.

    Raises:
        BadReport: it is none.
    """
    if code not in exponents():
        raise BadReport(f"{code[:20]!r} is not an ISO 4217 currency one can pay in", line_number=line_number)
    return code


def minor_units(amount: Decimal, currency: str, *, line_number: int) -> int:
    """Return an amount of major units in minor units.

    Raises:
        BadReport: it has more decimals than its currency, or is too large.
    """
    if not amount.is_finite() or amount.adjusted() + exponents()[currency] >= AMOUNT_DIGITS_MAX:
        raise BadReport(f"{amount} {currency} is too large", line_number=line_number)
    scaled = amount.scaleb(exponents()[currency])
    if scaled != int(scaled):
        raise BadReport(
            f"{amount} {currency} is not exact: the currency has {exponents()[currency]} decimals",
            line_number=line_number,
        )
    return int(scaled)


def reference(text: str, name: str, *, line_number: int) -> str:
    """Return a reference that is there and not too long.

    Raises:
        BadReport: it is empty or too long.
    """
    if not 0 < len(text) <= REFERENCE_MAX:
        raise BadReport(f"{name} has to be 1 to {REFERENCE_MAX} characters long", line_number=line_number)
    return text
