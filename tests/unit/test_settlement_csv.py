"""Settlement reports as CSV: exact amounts, and one clear error where a line is wrong."""

from datetime import UTC, datetime
from io import BytesIO

import pytest

from payments.models.reconciliation import ReportFormat, SettlementKind
from payments.operations.report_formats import Settled, open_report
from payments.staff_errors import BadReport
from tests.reports import HEADER

GOOD = "l1,b1,charge,sbx_1,EUR,1999,28,1971,2026-03-10T12:00:00+00:00"


def read(text: str | bytes) -> list[object]:
    return list(open_report(BytesIO(text if isinstance(text, bytes) else text.encode())).lines)


def with_column(number: int, value: str) -> str:
    values = GOOD.split(",")
    values[number] = value
    return ",".join(values)


def test_a_line_is_read_as_it_stands() -> None:
    file = BytesIO(f"{HEADER}\n{GOOD}\n".encode())

    report = open_report(file)

    assert report.format is ReportFormat.SETTLEMENT_CSV
    occurred_at = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
    charge = Settled(2, "l1", "b1", SettlementKind.CHARGE, "sbx_1", "EUR", 1999, 28, 1971, occurred_at)
    assert list(report.lines) == [charge]


@pytest.mark.parametrize("text", [f"{HEADER}\r\n{GOOD}\r\n", f"\ufeff{HEADER}\n{GOOD}\n", f"{HEADER}\n{GOOD}"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(text: str) -> None:
    assert len(read(text)) == 1


def test_a_report_may_be_empty() -> None:
    assert not read(f"{HEADER}\n")


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (with_column(5, "19.99"), "gross '19.99' is not a whole number of minor units"),
        (with_column(5, "1e3"), "gross '1e3' is not a whole number"),
        (with_column(5, "٣"), "gross '٣' is not a whole number"),
        (with_column(5, "9" * 16), "is not a whole number"),
        (with_column(7, "1972"), "gross 1999 less fee 28 is not net 1972"),
        (with_column(4, "EURO"), "'EURO' is not an ISO 4217 currency"),
        (with_column(4, "XAU"), "'XAU' is not an ISO 4217 currency"),
        (with_column(2, "payment"), "the kind 'payment' is none of charge, refund"),
        (with_column(0, ""), "line_reference has to be 1 to 255 characters long"),
        (with_column(1, "b" * 256), "batch_reference has to be 1 to 255"),
        (with_column(8, "10.3.2026"), "occurred_at '10.3.2026' is not a moment"),
        (with_column(8, "2026-03-10T12:00:00"), "has no time zone"),
        (GOOD + ",more", "9 columns are needed, and here are 10"),
        ("", "9 columns are needed, and here are 0"),
        (with_column(3, "a\0b"), "the line holds a NUL"),
        (with_column(3, '"open'), "this is no CSV"),
        ("x" * 70_000, "the line is longer than 65536 bytes"),
    ],
)
def test_a_wrong_line_is_named(line: str, detail: str) -> None:
    with pytest.raises(BadReport) as refusal:
        read(f"{HEADER}\n{GOOD}\n{line}\n{GOOD}\n")

    assert detail in refusal.value.detail
    assert str(refusal.value).startswith(f"line {refusal.value.line_number}: ")
    assert refusal.value.line_number == (4 if "no CSV" in detail else 3)


def test_a_header_that_is_another_is_refused() -> None:
    with pytest.raises(BadReport, match="line 1: the columns have to be line_reference,batch_reference"):
        read(f"line_reference,{HEADER}\n{GOOD}\n")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(BadReport, match="this is no UTF-8"):
        read(f"{HEADER}\n{GOOD}\n".encode() + b"\xff\xfe\n")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x1f\x8b", b"id,amount\n1,2\n"])
def test_a_format_that_is_not_known_is_refused(content: bytes) -> None:
    with pytest.raises(BadReport, match="line 1: the format is not known"):
        read(content)
