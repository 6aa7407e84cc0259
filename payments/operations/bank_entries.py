"""Entries of bank statements: which of the processors' batches and of our payouts each one carries."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from payments.lifecycles import DiscrepancyStatus
from payments.models.payouts import Payout
from payments.models.reconciliation import BankLine, Discrepancy, DiscrepancyKind, Report, SettlementLine
from payments.money import Money
from payments.operations.copies import copy_in
from payments.operations.discrepancies import Finding, clear_up, open_discrepancies
from payments.operations.report_formats import Booked
from payments.operations.settlements import Taken
from payments.public_ids import decode

# A SWIFT or SEPA text has no underscore; banks print a hyphen, a space or nothing in its place, and upper case.
_PAYOUT: Final = re.compile(r"\bpo[_\-. ]?([0-9a-hjkmnp-tv-z]{26})\b", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/\-]*")
_PAGE: Final = 1000

# A look-up in the unique index for each entry, however many there are by now and whatever PostgreSQL expects.
_KNOWN_ENTRIES: Final = """
SELECT known.id FROM unnest(%(accounts)s::text[], %(references)s::text[]) AS wanted (account, bank_reference)
CROSS JOIN LATERAL (
    SELECT line.id FROM payments_bankline line
    WHERE line.account = wanted.account AND line.bank_reference = wanted.bank_reference LIMIT 1
) AS known
"""

_KNOWN_BATCHES: Final = """
SELECT word FROM unnest(%(words)s::text[]) AS word
WHERE EXISTS (SELECT FROM payments_settlementline line WHERE line.batch_reference = word)
"""


def take_in_bank(report: Report, entries: Sequence[Booked], *, now: datetime) -> Taken:
    """Keep entries of a statement, once each, and say what each one carries, in the caller's transaction."""
    findings: list[Finding] = []
    rows = _new_rows(report, entries, findings)
    payouts = _payouts_named(rows)
    batches = _batches_named([row for row in rows if row.pk not in payouts])
    for row in rows:
        row.payout = payouts.get(row.pk)
        row.batch_reference = batches.get(row.pk)
        if row.payout is None and row.batch_reference is None:
            findings.append(_unknown(row))
    copy_in(rows)
    findings += _wrong_payouts(rows)
    opened = open_discrepancies(findings, now=now)
    checked = check_batches(set(batches.values()), now=now)
    return Taken(new=len(rows), booked=len(payouts) + len(batches), opened=opened) + checked


def link_waiting(batches: set[str], *, now: datetime) -> Taken:
    """Give entries that named no batch we knew to the batches of a report that was read later."""
    waiting = BankLine.objects.filter(
        discrepancies__kind=DiscrepancyKind.UNKNOWN_BANK_ENTRY,
        discrepancies__status=DiscrepancyStatus.OPEN,
        batch_reference__isnull=True,
        payout__isnull=True,
    ).order_by("id")
    linked: dict[UUID, str] = {}
    for row in waiting.iterator(chunk_size=_PAGE):
        named = sorted(_words(row) & batches)
        if named:
            linked[row.pk] = named[0]
            BankLine.objects.filter(pk=row.pk).update(batch_reference=named[0])
    unknown = Discrepancy.objects.filter(bank_line_id__in=linked, kind=DiscrepancyKind.UNKNOWN_BANK_ENTRY)
    cleared = clear_up(
        (
            (pk, f"It is the transfer of {linked[line]}, whose settlement report came later.")
            for pk, line in unknown.values_list("pk", "bank_line_id")
        ),
        now=now,
    )
    return Taken(cleared=cleared)


def check_batches(batches: set[str], *, now: datetime) -> Taken:
    """Compare what arrived for batches with what was settled in them, in the caller's transaction.

    A batch for which nothing has arrived is not compared. A difference that is gone, or has become another one,
    is cleared up.
    """
    received = _sums(BankLine, "amount", batches)
    settled = _sums(SettlementLine, "net", set(received))
    findings = [
        finding
        for batch, by_currency in sorted(received.items())
        for finding in _differences(batch, by_currency, settled.get(batch, {}))
    ]
    keys = {finding.key for finding in findings}
    opened = open_discrepancies(findings, now=now)
    outdated = [
        (pk, "What arrived for the batch, or what was settled in it, is something else by now.")
        for pk, key in _open_ones(DiscrepancyKind.WRONG_BATCH_AMOUNT)
        if key not in keys and key.split(":", 1)[1].rsplit(":", 2)[0] in received
    ]
    arrived = [
        (pk, "The bank has received it.")
        for pk in Discrepancy.objects.filter(
            key__in=[f"{DiscrepancyKind.BATCH_NOT_RECEIVED}:{batch}" for batch in received],
            status=DiscrepancyStatus.OPEN,
        ).values_list("pk", flat=True)
    ]
    return Taken(opened=opened, cleared=clear_up(outdated + arrived, now=now))


def _new_rows(report: Report, entries: Sequence[Booked], findings: list[Finding]) -> list[BankLine]:
    wanted = {"accounts": [entry.account for entry in entries], "references": [entry.reference for entry in entries]}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_ENTRIES, wanted)
        ids = [line_id for (line_id,) in cursor.fetchall()]
    rows_known = BankLine.objects.filter(pk__in=ids) if ids else BankLine.objects.none()
    known = {(row.account, row.bank_reference): row for row in rows_known}
    rows = []
    for entry in entries:
        row = BankLine(
            report=report,
            line_number=entry.line_number,
            account=entry.account,
            bank_reference=entry.reference,
            text=entry.text,
            currency=entry.currency,
            amount=entry.amount,
            booking_date=entry.booking_date,
            value_date=entry.value_date,
        )
        earlier = known.setdefault((row.account, row.bank_reference), row)
        if earlier is row:
            rows.append(row)
        elif (earlier.amount, earlier.currency, earlier.booking_date) != (row.amount, row.currency, row.booking_date):
            findings.append(_changed(report, earlier, row))
    return rows


def _changed(report: Report, earlier: BankLine, row: BankLine) -> Finding:
    return Finding(
        DiscrepancyKind.UNKNOWN_BANK_ENTRY,
        f"{earlier.public_id}:{report.public_id}:{row.line_number}",
        f"line {row.line_number} of {report.name} has the reference of {earlier.public_id}, and says something else:"
        f" {Money(row.amount, row.currency)} on {row.booking_date}",
        row.amount,
        {"currency": row.currency},
    )


def _payouts_named(rows: Iterable[BankLine]) -> dict[UUID, Payout]:
    """Return the payout that each entry names, by the entry's id."""
    named: dict[UUID, UUID] = {}
    for row in rows:
        for text in _texts(row):
            if found := _PAYOUT.search(text):
                try:
                    named[row.pk] = decode(Payout.PREFIX, f"{Payout.PREFIX}_{found[1].lower()}")
                except ValueError:
                    continue
                break
    payouts = Payout.objects.in_bulk(set(named.values())) if named else {}
    return {row: payouts[payout] for row, payout in named.items() if payout in payouts}


def _batches_named(rows: Iterable[BankLine]) -> dict[UUID, str]:
    """Return the batch that each entry names, by the entry's id."""
    words = {row.pk: _words(row) for row in rows}
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_BATCHES, {"words": sorted(set().union(*words.values()))})
        known = {word for (word,) in cursor.fetchall()}
    return {pk: min(said & known) for pk, said in words.items() if said & known}


def _words(row: BankLine) -> set[str]:
    """Return the words of an entry, and their parts between slashes."""
    words = {word.rstrip("._/-") for text in (row.bank_reference, *_texts(row)) for word in _WORD.findall(text)}
    return words.union(*(word.split("/") for word in words)) - {""}


def _texts(row: BankLine) -> Iterator[str]:
    """Yield each line of an entry's text, alone and with those behind it: a line's end may break a name in three."""
    lines = row.text.split("\n")
    for number in (1, 2, 3):
        for first in range(len(lines) - number + 1):
            yield "".join(lines[first : first + number])


def _wrong_payouts(rows: Iterable[BankLine]) -> list[Finding]:
    """Compare what went out for payouts, and came back, with their amounts: each goes out once, and back at most."""
    latest = {row.payout: row for row in rows if row.payout is not None}
    sums = {
        found["payout"]: found
        for found in BankLine.objects.filter(payout__in=latest)
        .values("payout")
        .annotate(out=Sum("amount", filter=Q(amount__lt=0)), back=Sum("amount", filter=Q(amount__gt=0)))
    }
    findings = []
    for payout, row in latest.items():
        out, back = sums[payout.pk]["out"] or 0, sums[payout.pk]["back"] or 0
        difference = (out + payout.amount if out else 0) + (back - payout.amount if back else 0)
        if difference or row.currency != payout.currency:
            findings.append(_wrong_payout(row, payout, out, back, difference))
    return findings


def _wrong_payout(row: BankLine, payout: Payout, out: int, back: int, difference: int) -> Finding:
    return Finding(
        DiscrepancyKind.WRONG_PAYOUT_AMOUNT,
        f"{payout.public_id}:{difference}:{row.currency}",
        f"{payout.public_id} is of {Money(payout.amount, payout.currency)}; at the bank {Money(-out, row.currency)}"
        f" went out and {Money(back, row.currency)} came back",
        difference,
        {
            "merchant_id": payout.merchant_id,
            "mode": payout.mode,
            "currency": payout.currency,
            "payout": payout,
            "bank_line": row,
        },
    )


def _unknown(row: BankLine) -> Finding:
    return Finding(
        DiscrepancyKind.UNKNOWN_BANK_ENTRY,
        row.public_id,
        f"{Money(row.amount, row.currency)} on {row.booking_date} on {row.account} belongs to no batch and no payout"
        f" that we know: {' '.join(row.text.split())[:500]}",
        row.amount,
        {"currency": row.currency, "bank_line": row},
    )


def _sums(model: type[BankLine] | type[SettlementLine], column: str, batches: set[str]) -> dict[str, dict[str, int]]:
    """Return the sum of a column in each batch, by currency."""
    sums: dict[str, dict[str, int]] = defaultdict(dict)
    rows = model.objects.filter(batch_reference__in=batches).order_by() if batches else model.objects.none()
    for found in rows.values("batch_reference", "currency").annotate(total=Sum(column)):
        sums[found["batch_reference"]][found["currency"]] = int(found["total"])
    return sums


def _differences(batch: str, received: dict[str, int], settled: dict[str, int]) -> Iterable[Finding]:
    for currency in sorted(received.keys() | settled.keys()):
        arrived, due = received.get(currency, 0), settled.get(currency, 0)
        if arrived != due:
            yield Finding(
                DiscrepancyKind.WRONG_BATCH_AMOUNT,
                f"{batch}:{currency}:{arrived - due}",
                f"{Money(arrived, currency)} arrived for {batch}, and {Money(due, currency)} were settled in it",
                arrived - due,
                {"currency": currency},
            )


def _open_ones(kind: DiscrepancyKind) -> Iterable[tuple[UUID, str]]:
    """Yield the open ones of a kind, of which there are few."""
    found = Discrepancy.objects.filter(kind=kind, status=DiscrepancyStatus.OPEN).order_by("created_at", "id")
    return found.values_list("pk", "key").iterator(chunk_size=_PAGE)
