"""Bank statements in MT940."""

from datetime import date
from io import BytesIO

import pytest

from payments.models.reconciliation import ReportFormat
from payments.operations.report_formats import Booked, open_report
from payments.staff_errors import BadReport

GERMAN = """:20:STARTUMS
:25:DE89370400440532013000
:28C:00012/001
:60F:C260310EUR1000,00
:61:2603110312CR1970,01NTRFSBX260310EUR1//BREF0001
:86:166?00SEPA-GUTSCHRIFT?20Sandbox settlement?21SBX2603?2210EUR1?32Sandbox Processor
:61:260311D500,00NTRFNONREF
:86:PAYOUT PO-01JV8K3X5RF2DBH0V9Q2W8M7CE
second line
:61:2603110311RC5,NTRFreversed//B3
:62F:C260311EUR2465,01
-
"""


def of_currency(currency: str, amount: str) -> str:
    return (
        f":20:X\n:25:1\n:28C:1\n:60F:C260310{currency}0,\n:61:260311C{amount}NTRFNONREF//B1\n:62F:C260311{currency}0,\n"
    )


def read(text: str | bytes) -> list[Booked]:
    report = open_report(BytesIO(text if isinstance(text, bytes) else text.encode()))
    assert report.format is ReportFormat.MT940
    return [line for line in report.lines if isinstance(line, Booked)]


def test_entries_are_read_with_their_signs_texts_and_days() -> None:
    credit, debit, reversed_credit = read(GERMAN)

    assert credit == Booked(
        line_number=5,
        account="DE89370400440532013000",
        reference="BREF0001",
        text="SBX260310EUR1\n166\nSEPA-GUTSCHRIFT\nSandbox settlement\nSBX2603\n10EUR1\nSandbox Processor",
        currency="EUR",
        amount=197001,
        booking_date=date(2026, 3, 12),
        value_date=date(2026, 3, 11),
    )
    assert (debit.amount, debit.booking_date, debit.line_number) == (-50000, date(2026, 3, 11), 7)
    assert debit.text == "PAYOUT PO-01JV8K3X5RF2DBH0V9Q2W8M7CE\nsecond line"
    assert debit.reference.startswith("sha256:")
    assert reversed_credit.amount == -500


@pytest.mark.parametrize(
    ("currency", "amount", "units"), [("JPY", "1970,", 1970), ("KWD", "1,234", 1234), ("EUR", "0,01", 1)]
)
def test_amounts_are_exact_in_every_currency(currency: str, amount: str, units: int) -> None:
    (booked,) = read(of_currency(currency, amount))

    assert (booked.amount, booked.currency) == (units, currency)


def test_several_statements_and_envelopes_are_read() -> None:
    message = "{1:F01BANKDEFFAXXX0000000000}{2:I940BANKDEFFXXXXN}{4:\r\n" + GERMAN.replace("\n", "\r\n") + "-}\r\n"

    booked = read(message + of_currency("JPY", "5,"))

    assert [line.amount for line in booked] == [197001, -50000, -500, 5]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_names_are_read_in_the_encodings_that_banks_use(encoding: str) -> None:
    booked = read(GERMAN.replace("Sandbox Processor", "Müller").encode(encoding))

    assert booked[0].text.endswith("Müller")


@pytest.mark.parametrize(
    ("text", "line_number", "detail"),
    [
        (of_currency("EUR", "1,001"), 5, "1.001 EUR is not exact"),
        (of_currency("JPY", "1,5"), 5, "1.5 JPY is not exact"),
        (of_currency("XXX", "1,"), 5, "'XXX' is not an ISO 4217 currency"),
        (GERMAN.replace(":61:260311D", ":61:26031xD"), 7, "cannot be read"),
        (GERMAN.replace(":61:260311D", ":61:261341D"), 7, "cannot be read"),
        (GERMAN.replace("500,00", "5,0,0"), 7, "cannot be read"),
        (GERMAN.replace(":25:DE89370400440532013000\n", ""), 1, "names no account"),
        (of_currency("EUR", "1,").replace(":60F:C260310EUR0,\n", "").replace(":62F:C260311EUR0,\n", ""), 4, "''"),
    ],
)
def test_a_wrong_entry_is_named_by_its_line(text: str, line_number: int, detail: str) -> None:
    with pytest.raises(BadReport) as refusal:
        read(text)

    assert detail in refusal.value.detail
    assert refusal.value.line_number == line_number
