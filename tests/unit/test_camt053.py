"""Bank statements in camt.053."""

from datetime import date
from io import BytesIO

import pytest

from payments.models.reconciliation import ReportFormat
from payments.operations.report_formats import Booked, open_report
from payments.staff_errors import BadReport
from tests.reports import camt, entry


def read(content: bytes) -> list[Booked]:
    report = open_report(BytesIO(content))
    assert report.format is ReportFormat.CAMT_053
    return [line for line in report.lines if isinstance(line, Booked)]


def test_an_entry_is_read_with_its_sign_text_and_days() -> None:
    (booked,) = read(camt(entry("1971.00", "Settlement SBX260310EUR1", reference="B-1")))

    assert booked == Booked(
        line_number=7,
        account="DE89370400440532013000",
        reference="B-1",
        text="Settlement SBX260310EUR1",
        currency="EUR",
        amount=197100,
        booking_date=date(2026, 3, 11),
        value_date=date(2026, 3, 12),
    )


@pytest.mark.parametrize("version", ["001.02", "001.06", "001.08", "001.13"])
def test_every_version_is_read(version: str) -> None:
    status = "BOOK" if version == "001.02" else "<Cd>BOOK</Cd>"

    assert len(read(camt(entry("1.00", "x", status=status), version=version))) == 1


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("1970", "JPY", 1970),
        ("1970.00", "JPY", 1970),
        ("1.234", "KWD", 1234),
        ("1.2340", "CLF", 12340),
        ("0.01", "EUR", 1),
        ("12345678901.00", "EUR", 1234567890100),
    ],
)
def test_amounts_are_exact_in_every_currency(amount: str, currency: str, units: int) -> None:
    (booked,) = read(camt(entry(amount, "x", currency=currency)))

    assert (booked.amount, booked.currency) == (units, currency)


def test_a_debit_is_negative() -> None:
    (booked,) = read(camt(entry("5.00", "x", direction="DBIT")))

    assert booked.amount == -500


def test_what_is_only_announced_is_left_out() -> None:
    assert read(camt(entry("5.00", "x", status="<Cd>PDNG</Cd>"), entry("6.00", "x", status="INFO"))) == []


def test_several_statements_have_accounts_of_their_own() -> None:
    one, other = camt(entry("1.00", "x")), camt(entry("2.00", "x"), account="NL91ABNA0417164300")
    statement = other[other.index(b"<Stmt>") : other.index(b"</Stmt>") + 7]

    booked = read(one.replace(b"</Stmt>", b"</Stmt>" + statement))

    assert [(line.account[:2], line.amount) for line in booked] == [("DE", 100), ("NL", 200)]


def test_entries_without_a_reference_are_told_apart_and_known_again() -> None:
    twice = [entry("5.00", "rent", reference=""), entry("5.00", "rent", reference="")]

    first, second = read(camt(*twice))
    (again,) = read(camt(twice[0]))

    assert first.reference != second.reference
    assert again.reference == first.reference


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        (entry("5.001", "x"), "5.001 EUR is not exact: the currency has 2 decimals"),
        (entry("0.5", "x", currency="JPY"), "0.5 JPY is not exact"),
        (entry("ten", "x"), "'ten' is no amount"),
        (entry("-5.00", "x"), "has a sign"),
        (entry("NaN", "x"), "too large"),
        (entry("1e30", "x"), "too large"),
        (entry("5.00", "x", currency="XXX"), "'XXX' is not an ISO 4217 currency"),
        (entry("5.00", "x", direction="UP"), "CdtDbtInd is 'UP'"),
        (entry("5.00", "x").replace("2026-03-11", "yesterday"), "BookgDt is 'yesterday'"),
        (entry("5.00", "x", reference="r" * 300), "AcctSvcrRef has to be 1 to 255"),
        (entry("5.00", "x").replace("<Amt", "<Amnt").replace("</Amt", "</Amnt"), "the entry has no amount"),
    ],
)
def test_a_wrong_entry_is_named_by_its_line(wrong: str, detail: str) -> None:
    with pytest.raises(BadReport) as refusal:
        read(camt(entry("1.00", "x"), wrong))

    assert detail in refusal.value.detail
    assert refusal.value.line_number == 10


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE Document [<!ENTITY a "b">]>',
        '<!DOCTYPE Document SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE Document [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
    ],
)
def test_a_document_type_is_refused(before: str) -> None:
    with pytest.raises(BadReport, match="a document type is not allowed"):
        read(camt(entry("1.00", "&amp;" if "SYSTEM" in before else "x"), before=before))


def test_broken_xml_is_refused_with_its_line() -> None:
    with pytest.raises(BadReport, match=r"line \d+: this is no XML"):
        read(camt(entry("1.00", "x"))[:-40])


def test_another_document_is_refused() -> None:
    with pytest.raises(BadReport, match="this is XML, but no camt.053"):
        read(camt(entry("1.00", "x")).replace(b"camt.053", b"camt.054"))


def test_an_entry_before_its_account_is_refused() -> None:
    content = camt(entry("1.00", "x"))
    account = content[content.index(b"<Acct>") : content.index(b"</Acct>") + 7]

    with pytest.raises(BadReport, match="the entry stands before its account"):
        read(content.replace(account, b""))
