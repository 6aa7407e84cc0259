"""Lines of settlement reports: what each settles, what is booked, and what does not match.

Everything is looked up for a thousand lines at once. A movement is settled by one line; whatever else claims it is not
booked.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from payments.ledger import recipes
from payments.ledger.posting import post_for
from payments.lifecycles import CallKind, CallStatus, DiscrepancyStatus, DisputeStatus, Mode, RefundStatus
from payments.models.disputes import Dispute
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import Discrepancy, DiscrepancyKind, Report, SettlementKind, SettlementLine
from payments.money import Money
from payments.operations.copies import copy_in
from payments.operations.discrepancies import Finding, clear_up, open_discrepancies
from payments.operations.report_formats import Settled

# What a line says; a line that stands in two files says the same in both.
_SAID: Final = (
    *("batch_reference", "kind", "processor_reference", "currency"),
    *("gross", "fee", "net", "occurred_at"),
)
# A look-up in the unique index for each line, however many there are by now and whatever PostgreSQL expects.
_KNOWN_LINES: Final = """
SELECT known.id FROM unnest(%(references)s::text[]) AS wanted (line_reference)
CROSS JOIN LATERAL (
    SELECT line.id FROM payments_settlementline line
    WHERE line.connector = %(connector)s AND line.line_reference = wanted.line_reference LIMIT 1
) AS known
"""
_SETTLED_CALLS: Final = (CallKind.AUTHORIZE, CallKind.CAPTURE, CallKind.REFUND)
_COLUMNS: Final = ("line_number", "line_reference", *_SAID)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of lines: how many are new and booked, and how many discrepancies opened and were cleared up."""

    new: int = 0
    booked: int = 0
    opened: int = 0
    cleared: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        """Return both together."""
        return Taken(
            self.new + other.new, self.booked + other.booked, self.opened + other.opened, self.cleared + other.cleared
        )


@dataclass(frozen=True, slots=True)
class _Movement:
    """Something of ours that a line may settle; `expected` is signed as the line's gross."""

    merchant_id: UUID
    mode: str
    currency: str
    payment_id: UUID | None
    expected: int
    processor_call_id: UUID | None = None
    dispute_id: UUID | None = None

    def claim(self, kind: str) -> tuple[str, UUID | None, UUID | None]:
        """Return what only one line may claim."""
        return kind, self.processor_call_id, self.dispute_id


@dataclass
class _Matched:
    """What a number of lines come to, before it is written down."""

    groups: dict[tuple[UUID, str, str], list[SettlementLine]] = field(default_factory=lambda: defaultdict(list))
    findings: list[Finding] = field(default_factory=list)
    settled: list[SettlementLine] = field(default_factory=list)


def take_in_settlement(report: Report, connector: str, lines: Sequence[Settled], *, now: datetime) -> Taken:
    """Keep lines of a report, once each, and book what they settle, in the caller's transaction."""
    findings: list[Finding] = []
    rows = _new_rows(report, connector, lines, findings)
    matched = _match(connector, rows)
    booked = _book(report, matched, now=now)
    copy_in(rows)
    opened = open_discrepancies(findings + matched.findings, now=now)
    return Taken(new=len(rows), booked=booked, opened=opened, cleared=_clear_not_settled(matched.settled, now=now))


def match_again(rows: Sequence[SettlementLine], *, now: datetime) -> Taken:
    """Book lines that were unknown, and what they settle is known by now, in the caller's transaction."""
    total = Taken()
    groups: dict[tuple[UUID, str], list[SettlementLine]] = defaultdict(list)
    for row in rows:
        groups[row.report_id, row.connector].append(row)
    for (_, connector), lines in groups.items():
        matched = _match(connector, lines)
        booked = _book(lines[0].report, matched, now=now)
        known = [row for row in lines if row.payment_id is not None]
        SettlementLine.objects.bulk_update(known, ("payment", "processor_call", "dispute", "journal_entry"))
        opened = open_discrepancies(matched.findings, now=now)
        cleared = _clear_not_settled(matched.settled, now=now) + _clear_unknown(known, now=now)
        total += Taken(booked=booked, opened=opened, cleared=cleared)
    return total


def _new_rows(
    report: Report, connector: str, lines: Sequence[Settled], findings: list[Finding]
) -> list[SettlementLine]:
    """Return a row for each line that was never read; one that was read with other contents is a finding."""
    references = [line.line_reference for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN_LINES, {"connector": connector, "references": references})
        ids = [line_id for (line_id,) in cursor.fetchall()]
    known = {row.line_reference: row for row in SettlementLine.objects.filter(pk__in=ids)} if ids else {}
    rows = []
    for line in lines:
        earlier = known.get(line.line_reference)
        if earlier is None:
            row = SettlementLine(report=report, connector=connector, **{name: getattr(line, name) for name in _COLUMNS})
            known[line.line_reference] = row
            rows.append(row)
        elif any(getattr(earlier, name) != getattr(line, name) for name in _SAID):
            findings.append(_changed(report, earlier, line))
    return rows


def _changed(report: Report, earlier: SettlementLine, line: Settled) -> Finding:
    return Finding(
        DiscrepancyKind.WRONG_AMOUNT,
        f"{earlier.public_id}:{report.public_id}:{line.line_number}",
        f"line {line.line_number} of {report.name} has the reference of {earlier.public_id}, and says something else:"
        f" {line.kind} {line.processor_reference} of {Money(line.gross, line.currency)} in {line.batch_reference};"
        " it is not booked",
        line.gross - earlier.gross,
        {"currency": line.currency},
    )


def _match(connector: str, rows: Sequence[SettlementLine]) -> _Matched:
    """Find what each line settles, and name it on the line."""
    movements = _movements(connector, {row.processor_reference for row in rows})
    taken = _claimed(movements.values())
    matched = _Matched()
    for row in rows:
        movement = movements.get((row.kind, row.processor_reference, row.currency))
        if movement is None:
            matched.findings.append(_unknown(row))
            continue
        row.payment_id, row.processor_call_id = movement.payment_id, movement.processor_call_id
        row.dispute_id = movement.dispute_id
        if movement.claim(row.kind) in taken:
            matched.findings.append(_settled_twice(row, movement))
            continue
        taken.add(movement.claim(row.kind))
        matched.settled.append(row)
        matched.groups[movement.merchant_id, movement.mode, movement.currency].append(row)
        if row.gross != movement.expected:
            matched.findings.append(_wrong_amount(row, movement))
    return matched


def _movements(connector: str, references: set[str]) -> dict[tuple[str, str, str], _Movement]:
    """Return what moved with us, by the kind of line that settles it, the processor's reference and currency."""
    found: dict[tuple[str, str, str], _Movement] = {}
    calls = ProcessorCall.objects.filter(
        connector=connector, processor_reference__in=references, status=CallStatus.SUCCEEDED, kind__in=_SETTLED_CALLS
    ).values_list(
        *("processor_reference", "kind", "final", "refund__status", "amount"),
        *("merchant_id", "mode", "currency", "payment_id", "id"),
    )
    for reference, kind, final, refund_status, amount, merchant_id, mode, currency, payment_id, call_id in calls:
        for line_kind, expected in _expected_of(kind, final, refund_status, amount):
            found[line_kind, reference, currency] = _Movement(
                merchant_id, mode, currency, payment_id, expected, processor_call_id=call_id
            )
    for dispute in Dispute.objects.filter(connector=connector, processor_reference__in=references):
        held = dispute.amount + dispute.fee
        kinds = {SettlementKind.DISPUTE: -held}
        if dispute.status == DisputeStatus.WON:
            kinds[SettlementKind.DISPUTE_WON] = held
        for kind, expected in kinds.items():
            found[kind, dispute.processor_reference, dispute.currency] = _Movement(
                merchant_id=dispute.merchant_id,
                mode=dispute.mode,
                currency=dispute.currency,
                payment_id=dispute.payment_id,
                expected=expected,
                dispute_id=dispute.pk,
            )
    return found


def _expected_of(kind: str, final: bool, refund_status: str | None, amount: int) -> list[tuple[SettlementKind, int]]:
    """Return the kinds of line that settle a call, each with the gross that it should have."""
    match CallKind(kind):
        case CallKind.CAPTURE:
            return [(SettlementKind.CHARGE, amount)]
        case CallKind.AUTHORIZE if final:
            return [(SettlementKind.CHARGE, amount)]
        case CallKind.REFUND if refund_status == RefundStatus.FAILED:
            # It had succeeded, and came back.
            return [(SettlementKind.REFUND, -amount), (SettlementKind.ADJUSTMENT, amount)]
        case CallKind.REFUND:
            return [(SettlementKind.REFUND, -amount)]
        case _:
            return []


def _claimed(movements: Collection[_Movement]) -> set[tuple[str, UUID | None, UUID | None]]:
    """Return what lines that were read before have claimed."""
    claims: set[tuple[str, UUID | None, UUID | None]] = set()
    for name in ("processor_call_id", "dispute_id"):
        ids = [getattr(movement, name) for movement in movements if getattr(movement, name) is not None]
        lines = SettlementLine.objects.filter(**{f"{name}__in": ids}) if ids else SettlementLine.objects.none()
        claims |= set(lines.values_list("kind", "processor_call_id", "dispute_id"))
    return claims


def _book(report: Report, matched: _Matched, *, now: datetime) -> int:
    """Write one entry for each merchant, mode and currency, and name it on the lines; return how many lines."""
    booked = 0
    for (merchant_id, mode, currency), lines in matched.groups.items():
        for part in _parts(lines):
            gross, fee = sum(line.gross for line in part), sum(line.fee for line in part)
            entry = post_for(
                merchant_id,
                Mode(mode),
                recipes.settlement(gross=Money(gross, currency), fee=fee),
                cause=report,
                payment_id=None,
                effective_at=now,
            )
            for line in part:
                line.journal_entry = entry
            booked += len(part)
    return booked


def _parts(lines: list[SettlementLine]) -> list[list[SettlementLine]]:
    """Return the lines in one part, or where they come to nothing together in two that do not."""
    lines = [line for line in lines if line.gross or line.fee]
    if any(sum(getattr(line, name) for line in lines) for name in ("gross", "fee")):
        return [lines]
    given, taken = [line for line in lines if line.gross > 0], [line for line in lines if line.gross <= 0]
    return [part for part in (given, taken) if part]


def _about(row: SettlementLine, movement: _Movement) -> dict[str, Any]:
    return {
        "merchant_id": movement.merchant_id,
        "mode": movement.mode,
        "currency": movement.currency,
        "payment_id": movement.payment_id,
        "processor_call_id": movement.processor_call_id,
        "settlement_line": row,
    }


def _unknown(row: SettlementLine) -> Finding:
    return Finding(
        DiscrepancyKind.UNKNOWN_MOVEMENT,
        row.public_id,
        f"{row.connector} settles a {row.kind} {row.processor_reference} of {Money(row.gross, row.currency)} in"
        f" {row.batch_reference}, and we know of none; it is not booked",
        row.net,
        {"currency": row.currency, "settlement_line": row},
    )


def _settled_twice(row: SettlementLine, movement: _Movement) -> Finding:
    return Finding(
        DiscrepancyKind.SETTLED_TWICE,
        row.public_id,
        f"{row.connector} settles the {row.kind} {row.processor_reference} a second time, in {row.batch_reference};"
        " this line is not booked",
        row.net,
        _about(row, movement),
    )


def _wrong_amount(row: SettlementLine, movement: _Movement) -> Finding:
    return Finding(
        DiscrepancyKind.WRONG_AMOUNT,
        row.public_id,
        f"{row.connector} settles the {row.kind} {row.processor_reference} with {Money(row.gross, row.currency)}"
        f" instead of {Money(movement.expected, row.currency)}, in {row.batch_reference}",
        row.gross - movement.expected,
        _about(row, movement),
    )


def _clear_not_settled(rows: Sequence[SettlementLine], *, now: datetime) -> int:
    by_call = {row.processor_call_id: row for row in rows if row.processor_call_id is not None}
    missing = Discrepancy.objects.filter(
        processor_call_id__in=by_call, kind=DiscrepancyKind.NOT_SETTLED, status=DiscrepancyStatus.OPEN
    ).values_list("pk", "processor_call_id")
    return clear_up(
        ((pk, f"Settled by {by_call[call].public_id} in {by_call[call].batch_reference}.") for pk, call in missing),
        now=now,
    )


def _clear_unknown(rows: Sequence[SettlementLine], *, now: datetime) -> int:
    open_ones = Discrepancy.objects.filter(
        settlement_line__in=rows, kind=DiscrepancyKind.UNKNOWN_MOVEMENT, status=DiscrepancyStatus.OPEN
    )
    return clear_up(
        ((pk, "What it settles became known to us later.") for pk in open_ones.values_list("pk", flat=True)), now=now
    )
