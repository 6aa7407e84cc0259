"""Bank statements in ISO 20022 camt.053, of any version."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Final

from lxml import etree

from payments.operations.report_formats.lines import TEXT_MAX, Booked, known_currency, minor_units, reference
from payments.staff_errors import BadReport

_NAMESPACE: Final = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.\d{3}\.\d{2}\}Document")
# What an entry says about itself, in the order in which it is read.
_TEXTS: Final = (
    *(".//{*}EndToEndId", ".//{*}InstrId", ".//{*}PmtInfId", ".//{*}CdtrRefInf/{*}Ref"),
    *(".//{*}RmtInf/{*}Ustrd", "{*}AddtlNtryInf"),
)
_NOT_GIVEN: Final = frozenset({"", "NOTPROVIDED", "NONREF"})


def read_camt053(file: IO[bytes]) -> Iterator[Booked]:
    """Yield the booked entries of every statement in the file. What is only announced (pending) is left out.

    Document types and entities are refused: no statement has them, and attacks on XML readers do.

    Raises:
        BadReport: this is no camt.053, or an entry is not as it should be.
    """
    account: str | None = None
    is_first = True
    try:
        for event, element in _parse(file):
            if is_first:
                _check_root(element)
                is_first = False
            name = etree.QName(element).localname
            if event == "start":
                account = None if name == "Stmt" else account
            elif name == "Acct" and _parent(element) == "Stmt":
                account = _account(element)
            elif name == "Ntry" and _parent(element) == "Stmt":
                booked = _entry(element, account)
                _forget(element)
                if booked is not None:
                    yield booked
    except etree.XMLSyntaxError as error:
        raise BadReport(f"this is no XML: {error.msg}", line_number=error.lineno or 1) from error


def _parse(file: IO[bytes]) -> Any:
    return etree.iterparse(
        file,
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _check_root(root: Any) -> None:
    if root.getroottree().docinfo.doctype:
        raise BadReport("a document type is not allowed", line_number=1)
    if not _NAMESPACE.fullmatch(root.tag):
        raise BadReport("this is XML, but no camt.053", line_number=root.sourceline)


def _parent(element: Any) -> str:
    parent = element.getparent()
    return "" if parent is None else str(etree.QName(parent).localname)


def _account(element: Any) -> str:
    number = _text(element, "{*}Id/{*}IBAN") or _text(element, "{*}Id/{*}Othr/{*}Id")
    if not 0 < len(number) <= 64:
        raise BadReport("the account has no number", line_number=element.sourceline)
    return number


def _entry(entry: Any, account: str | None) -> Booked | None:
    line_number = entry.sourceline
    if (_text(entry, "{*}Sts/{*}Cd") or _text(entry, "{*}Sts")) != "BOOK":
        return None
    if account is None:
        raise BadReport("the entry stands before its account", line_number=line_number)
    amount = entry.find("{*}Amt")
    if amount is None:
        raise BadReport("the entry has no amount", line_number=line_number)
    currency = known_currency(amount.get("Ccy", ""), line_number=line_number)
    units = minor_units(_decimal(amount.text or "", line_number), currency, line_number=line_number)
    booking_date = _day(entry, "BookgDt", line_number)
    bank_reference = _text(entry, "{*}AcctSvcrRef")
    return Booked(
        line_number=line_number,
        account=account,
        reference=reference(bank_reference, "AcctSvcrRef", line_number=line_number) if bank_reference else "",
        text=_texts(entry),
        currency=currency,
        amount=units * _sign(entry, line_number),
        booking_date=booking_date,
        value_date=_day(entry, "ValDt", line_number, otherwise=booking_date),
    )


def _sign(entry: Any, line_number: int) -> int:
    # On a reversal it is the direction of the reversal itself.
    match _text(entry, "{*}CdtDbtInd"):
        case "CRDT":
            return 1
        case "DBIT":
            return -1
        case other:
            raise BadReport(f"CdtDbtInd is {other[:20]!r}, not CRDT or DBIT", line_number=line_number)


def _decimal(text: str, line_number: int) -> Decimal:
    try:
        amount = Decimal(text.strip())
    except InvalidOperation as error:
        raise BadReport(f"{text[:40]!r} is no amount", line_number=line_number) from error
    if amount.is_signed():
        raise BadReport(f"the amount {text[:40]!r} has a sign; CdtDbtInd is its sign", line_number=line_number)
    return amount


def _day(entry: Any, name: str, line_number: int, *, otherwise: date | None = None) -> date:
    text = _text(entry, f"{{*}}{name}/{{*}}Dt") or _text(entry, f"{{*}}{name}/{{*}}DtTm")
    if not text and otherwise is not None:
        return otherwise
    try:
        return datetime.fromisoformat(text).date()
    except ValueError as error:
        raise BadReport(f"{name} is {text[:40]!r}, which is no date", line_number=line_number) from error


def _texts(entry: Any) -> str:
    found = [(element.text or "").strip() for path in _TEXTS for element in entry.iterfind(path)]
    return "\n".join(dict.fromkeys(text for text in found if text not in _NOT_GIVEN))[:TEXT_MAX]


def _text(element: Any, path: str) -> str:
    return str(element.findtext(path) or "").strip()


def _forget(element: Any) -> None:
    """Let go of an element and all before it, so that a long statement takes no more memory than a short one."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
