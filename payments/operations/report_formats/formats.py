"""Which format a file is in, by what it holds; its name says nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from payments.models.reconciliation import ReportFormat
from payments.operations.report_formats.camt053 import read_camt053
from payments.operations.report_formats.lines import Booked, Settled, with_references
from payments.operations.report_formats.mt940_statement import read_mt940
from payments.operations.report_formats.settlement_csv import read_settlement_csv
from payments.staff_errors import BadReport

Line = Settled | Booked

_HEAD_BYTES: Final = 512
_READERS: Final[dict[ReportFormat, Callable[[IO[bytes]], Iterator[Line]]]] = {
    ReportFormat.SETTLEMENT_CSV: read_settlement_csv,
    ReportFormat.CAMT_053: lambda file: with_references(read_camt053(file)),
    ReportFormat.MT940: lambda file: with_references(read_mt940(file)),
}


@dataclass(frozen=True, slots=True)
class OpenReport:
    """A file whose format is known, and its lines, which are read as one goes through them."""

    format: ReportFormat
    lines: Iterator[Line]


def open_report(file: IO[bytes]) -> OpenReport:
    """Return a file's format and lines. It is read from its beginning.

    Raises:
        BadReport: the format is not known; and, while going through the lines, one of them cannot be read.
    """
    file.seek(0)
    head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    if head.startswith(b"line_reference,"):
        found = ReportFormat.SETTLEMENT_CSV
    elif head.startswith(b"<"):
        found = ReportFormat.CAMT_053
    elif head.startswith((b":20:", b"{1:")):
        found = ReportFormat.MT940
    else:
        raise BadReport(
            "the format is not known: it is neither a settlement report (CSV), camt.053 (XML) nor MT940", line_number=1
        )
    return OpenReport(found, _READERS[found](file))
