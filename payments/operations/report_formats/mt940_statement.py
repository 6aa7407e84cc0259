"""Bank statements in SWIFT MT940, as the `mt-940` package understands them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Final

import mt940
from mt940.models import Transactions

from payments.operations.report_formats.lines import (
    TEXT_MAX,
    Booked,
    known_currency,
    minor_units,
    reference,
    text_lines,
)
from payments.staff_errors import BadReport

# A statement is read as a whole; a file may have any number of them.
STATEMENT_LINES_MAX: Final = 50_000

# Every correction of the package's reading, so that a reversed credit is a debit; and field 86 as it stands, because
# the package joins its parts without a gap.
_OPTIONS: Final = mt940.Options.all()
# Many banks send names as they always did; every byte is a character in it.
_FALLBACK: Final = "latin-1"
_NOT_GIVEN: Final = frozenset({"", "NONREF", "NOTPROVIDED"})
_SUBFIELD: Final = re.compile(r"\?\d\d")


@dataclass
class _Statement:
    """The lines of one statement, the number of the first, and those where an entry begins by their number."""

    first: int
    lines: list[str] = field(default_factory=list)
    entries: dict[int, str] = field(default_factory=dict)


def read_mt940(file: IO[bytes]) -> Iterator[Booked]:
    """Yield the entries of every statement in the file.

    Raises:
        BadReport: a statement or an entry is not as it should be; the line is that of the entry, or where that is not
            known, of the statement.
    """
    for statement in _statements(file):
        yield from _entries(statement)


def _statements(file: IO[bytes]) -> Iterator[_Statement]:
    statement: _Statement | None = None
    for number, raw in enumerate(text_lines(file, fallback=_FALLBACK), start=1):
        line = raw.rstrip("\r\n")
        # The envelope of a SWIFT message, and the end of its text.
        line = re.sub(r"^\{1:.*\{4:", "", line)
        if line.startswith(":20:"):
            if statement is not None:
                yield statement
            statement = _Statement(first=number)
        if line in ("", "-", "-}") or line.startswith("-}"):
            continue
        if statement is None:
            raise BadReport("a statement begins with :20:", line_number=number)
        if len(statement.lines) >= STATEMENT_LINES_MAX:
            raise BadReport(f"a statement of more than {STATEMENT_LINES_MAX} lines", line_number=statement.first)
        if line.startswith(":61:"):
            statement.entries[number] = line
        statement.lines.append(line)
    if statement is not None:
        yield statement


def _entries(statement: _Statement) -> Iterator[Booked]:
    parsed = _parse(statement)
    account = str(parsed.data.get("account_identification") or "")
    if not 0 < len(account) <= 64:
        raise BadReport("the statement names no account (:25:)", line_number=statement.first)
    found = [entry for entry in parsed.transactions if "amount" in entry.data]
    if len(found) != len(statement.entries):
        raise BadReport(
            f"{len(statement.entries)} entries (:61:), of which only {len(found)} can be read",
            line_number=statement.first,
        )
    for entry, line_number in zip(found, statement.entries, strict=True):
        yield _booked(entry.data, account, line_number)


def _parse(statement: _Statement) -> Transactions:
    """Read a statement; if that fails, the entry that it fails on is looked for."""
    try:
        return _read("\n".join(statement.lines))
    except (RuntimeError, ValueError, InvalidOperation, TypeError) as error:
        at = next((number for number, line in statement.entries.items() if _fails(line)), statement.first)
        raise BadReport("the statement cannot be read here", line_number=at) from error


def _fails(line: str) -> bool:
    try:
        _read(f":20:X\n:25:X\n:60F:C000101EUR0,00\n{line}")
    except (RuntimeError, ValueError, InvalidOperation, TypeError):
        return True
    return False


def _read(text: str) -> Transactions:
    transactions = Transactions(processors={"post_transaction_details": []}, options=_OPTIONS)
    transactions.parse(text)
    return transactions


def _booked(data: dict[str, Any], account: str, line_number: int) -> Booked:
    amount: Decimal = data["amount"].amount
    currency = known_currency(str(data.get("currency") or ""), line_number=line_number)
    value_date = data["date"]
    booking_date = data.get("entry_date") or value_date
    bank_reference = str(data.get("bank_reference") or "").strip()
    return Booked(
        line_number=line_number,
        account=account,
        reference="" if bank_reference in _NOT_GIVEN else reference(bank_reference, "//", line_number=line_number),
        text=_text(data),
        currency=currency,
        amount=minor_units(amount, currency, line_number=line_number),
        booking_date=date(booking_date.year, booking_date.month, booking_date.day),
        value_date=date(value_date.year, value_date.month, value_date.day),
    )


def _text(data: dict[str, Any]) -> str:
    parts = [
        str(data.get("customer_reference") or ""),
        str(data.get("extra_details") or ""),
        _SUBFIELD.sub("\n", str(data.get("transaction_details") or "")),
    ]
    return "\n".join(part.strip() for part in parts if part.strip() not in _NOT_GIVEN)[:TEXT_MAX]
