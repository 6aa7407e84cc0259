"""The sandbox's settlement: what moved is put into batches, one a currency, and each batch arrives at the bank.

It charges 1.4 % of what it settles of a charge, rounded half up to the minor unit, and nothing for anything else.
A batch is closed once, with all that moved until then: a report that was made is the same whenever it is asked for.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from typing import Final

from django.db import connection, models, transaction

from payments.connectors.sandbox.bank import statement_of
from payments.connectors.sandbox.methods import SHORT_SETTLEMENT_METHOD
from payments.connectors.sandbox.notices import days
from payments.models.reconciliation import SettlementKind
from payments.models.sandbox import SandboxBatch, SandboxCharge, SandboxMovement, SandboxRequest
from payments.money import Money

HEADER: Final = (
    *("line_reference", "batch_reference", "kind", "processor_reference"),
    *("currency", "gross", "fee", "net", "occurred_at"),
)
FEE_PER_MILLE: Final = 14

# What a request that moved money is called in the report.
_KINDS: Final = {
    "authorize": SettlementKind.CHARGE,
    "capture": SettlementKind.CHARGE,
    "refund": SettlementKind.REFUND,
}
_PAGE: Final = 1000
_CSV, _STATEMENT = ".csv", ".xml"


@dataclass(frozen=True, slots=True)
class _Moved:
    """One movement as the report lists it; amounts in minor units."""

    reference: str
    kind: SettlementKind
    processor_reference: str
    gross: int
    occurred_at: datetime


def record_movement(kind: SettlementKind, processor_reference: str, moved: Money, *, at: datetime) -> None:
    """Write down, with the work it belongs to, that money moves at a moment without a request of ours.

    `moved` is negative where it is taken from us. The batch that is closed after that moment settles it.
    """
    SandboxMovement.objects.create(
        kind=kind,
        processor_reference=processor_reference,
        currency=moved.currency,
        moved=moved.amount,
        occurred_at=at,
    )


def close_batches(*, before: datetime, now: datetime) -> str | None:
    """Close a batch for each currency in which something moved before a moment; return the name of their report."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Two at once would both take the next number.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('payments.sandbox.settlement'))")
        unsettled = (
            SandboxRequest.objects.filter(
                moved__isnull=False, batch_reference__isnull=True, created_at__lt=before, kind__in=_KINDS
            ),
            SandboxMovement.objects.filter(batch_reference__isnull=True, occurred_at__lt=before),
        )
        currencies = {currency for rows in unsettled for currency in _currencies(rows)}
        if not currencies:
            return None
        day = now.astimezone(UTC)
        reports = SandboxBatch.objects.filter(report__startswith=f"sandbox-{day:%Y%m%d}-")
        number = reports.aggregate(made=models.Count("report", distinct=True))["made"] + 1
        report = f"sandbox-{day:%Y%m%d}-{number}"
        for currency in sorted(currencies):
            # At most 16 letters and digits: what a bank passes on, in whatever format.
            reference = f"SBX{day:%y%m%d}{currency}{number}"
            SandboxBatch.objects.create(reference=reference, report=report, currency=currency, closed_at=now)
            for rows in unsettled:
                rows.filter(currency=currency).update(batch_reference=reference)
        return report + _CSV


def reports(*, since: datetime, now: datetime) -> list[str]:
    """Return the names of the reports made since a moment, oldest first: settlement reports and bank statements.

    What moved until the end of the sandbox's last day is put into batches first. A batch is at the bank a day later.
    """
    day = days(1)
    today = datetime.fromtimestamp(now.timestamp() // day.total_seconds() * day.total_seconds(), tz=UTC)
    close_batches(before=today, now=now)
    closed = dict(
        SandboxBatch.objects.filter(closed_at__gt=since - day, closed_at__lte=now)
        .order_by("closed_at", "reference")
        .values_list("report", "closed_at")
    )
    made = [(closed_at, name + _CSV) for name, closed_at in closed.items()]
    made += [(closed_at + day, name + _STATEMENT) for name, closed_at in closed.items()]
    return [name for made_at, name in sorted(made) if since < made_at <= now]


def report(name: str) -> Iterator[str]:
    """Yield the text of a report, line by line.

    Raises:
        ValueError: there is none of that name.
    """
    batches = list(SandboxBatch.objects.filter(report=name[: -len(_CSV)]).order_by("reference"))
    if not batches or not name.endswith((_CSV, _STATEMENT)):
        raise ValueError(f"the sandbox has no report {name!r}")
    if name.endswith(_CSV):
        yield _row(HEADER)
        for batch in batches:
            yield from (_row(line) for line in _lines(batch))
    else:
        transfers = [(batch.reference, Money(_net(batch), batch.currency)) for batch in batches]
        yield from statement_of(name, transfers, booked_at=batches[0].closed_at + days(1))


def _currencies(rows: "models.QuerySet[SandboxRequest] | models.QuerySet[SandboxMovement]") -> set[str]:
    return {str(currency) for currency in rows.order_by().values_list("currency", flat=True).distinct()}


def _net(batch: SandboxBatch) -> int:
    return sum(int(line[7]) for line in _lines(batch))


def _lines(batch: SandboxBatch) -> Iterator[tuple[str, ...]]:
    for moved in _moved_by_requests(batch):
        yield _line(batch, moved)
    for moved in _moved_by_themselves(batch):
        yield _line(batch, moved)


def _moved_by_requests(batch: SandboxBatch) -> Iterator[_Moved]:
    last = 0
    while True:
        page = list(SandboxRequest.objects.filter(batch_reference=batch.reference, id__gt=last).order_by("id")[:_PAGE])
        short = set(
            SandboxCharge.objects.filter(
                reference__in=[row.charge_reference for row in page], payment_method=SHORT_SETTLEMENT_METHOD
            ).values_list("reference", flat=True)
        )
        for row in page:
            kind, gross = _KINDS[row.kind], row.moved or 0
            if kind is SettlementKind.CHARGE and row.charge_reference in short:
                gross -= max(gross // 10, 1)
            yield _Moved(f"req_{row.pk}", kind, row.answer["processor_reference"], gross, row.created_at)
            last = row.pk
        if len(page) < _PAGE:
            return


def _moved_by_themselves(batch: SandboxBatch) -> Iterator[_Moved]:
    last = 0
    while True:
        page = list(SandboxMovement.objects.filter(batch_reference=batch.reference, id__gt=last).order_by("id")[:_PAGE])
        for row in page:
            kind = SettlementKind(row.kind)
            yield _Moved(f"mov_{row.pk}", kind, row.processor_reference, row.moved, row.occurred_at)
            last = row.pk
        if len(page) < _PAGE:
            return


def _line(batch: SandboxBatch, moved: _Moved) -> tuple[str, ...]:
    fee = (moved.gross * FEE_PER_MILLE + 500) // 1000 if moved.kind is SettlementKind.CHARGE else 0
    amounts = (str(moved.gross), str(fee), str(moved.gross - fee))
    return (
        *(moved.reference, batch.reference, str(moved.kind), moved.processor_reference, batch.currency),
        *amounts,
        moved.occurred_at.astimezone(UTC).isoformat(),
    )


def _row(values: tuple[str, ...]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
