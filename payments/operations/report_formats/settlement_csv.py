"""Settlement reports as CSV, with amounts in minor units."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Final

from payments.models.reconciliation import SettlementKind
from payments.operations.report_formats.lines import AMOUNT_DIGITS_MAX, Settled, known_currency, reference, text_lines
from payments.staff_errors import BadReport

COLUMNS: Final = [
    *("line_reference", "batch_reference", "kind", "processor_reference"),
    *("currency", "gross", "fee", "net", "occurred_at"),
]
_INTEGER: Final = re.compile(rf"-?\d{{1,{AMOUNT_DIGITS_MAX}}}", re.ASCII)


def read_settlement_csv(file: IO[bytes]) -> Iterator[Settled]:
    """Yield the lines of a settlement report; the first line of the file names the columns.

    Raises:
        BadReport: a line is not as it should be.
    """
    rows = csv.reader(text_lines(file), strict=True)
    try:
        if next(rows, None) != COLUMNS:
            raise BadReport(f"the columns have to be {','.join(COLUMNS)}", line_number=1)
        for row in rows:
            yield _read(row, rows.line_num)
    except csv.Error as error:
        raise BadReport(f"this is no CSV: {error}", line_number=rows.line_num) from error


def _read(row: list[str], line_number: int) -> Settled:
    if len(row) != len(COLUMNS):
        raise BadReport(f"{len(COLUMNS)} columns are needed, and here are {len(row)}", line_number=line_number)
    values = dict(zip(COLUMNS, row, strict=True))
    if values["kind"] not in set(SettlementKind):
        known = ", ".join(SettlementKind)
        raise BadReport(f"the kind {values['kind'][:40]!r} is none of {known}", line_number=line_number)
    gross, fee, net = (_integer(values[name], name, line_number) for name in ("gross", "fee", "net"))
    if gross - fee != net:
        raise BadReport(f"gross {gross} less fee {fee} is not net {net}", line_number=line_number)
    line_reference, batch_reference, processor_reference = (
        reference(values[name], name, line_number=line_number)
        for name in ("line_reference", "batch_reference", "processor_reference")
    )
    return Settled(
        line_number=line_number,
        line_reference=line_reference,
        batch_reference=batch_reference,
        kind=SettlementKind(values["kind"]),
        processor_reference=processor_reference,
        currency=known_currency(values["currency"], line_number=line_number),
        gross=gross,
        fee=fee,
        net=net,
        occurred_at=_moment(values["occurred_at"], line_number),
    )


def _integer(text: str, name: str, line_number: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadReport(f"{name} {text[:40]!r} is not a whole number of minor units", line_number=line_number)
    return int(text)


def _moment(text: str, line_number: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadReport(f"occurred_at {text[:40]!r} is not a moment (ISO 8601)", line_number=line_number) from error
    if moment.tzinfo is None:
        raise BadReport(f"occurred_at {text!r} has no time zone", line_number=line_number)
    return moment
