"""What should have come and has not: money that no report settles, and batches that no bank has seen.

Each search goes on where the last one has ended (`Sweep`), so that nothing old is read again.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from payments import conf
from payments.lifecycles import CallKind
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import DiscrepancyKind, SettlementLine, Sweep
from payments.money import Money
from payments.operations.discrepancies import Finding, open_discrepancies
from payments.operations.reconciliation import lock_reconciliation
from payments.operations.settlements import Taken, match_again
from payments.public_ids import encode

_PAGE: Final = 1000
_FindingOf = Callable[[Sequence[Any]], Finding]
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)

_NOT_SETTLED: Final = """
SELECT call.id, call.kind, call.merchant_id, call.mode, call.currency, call.amount, call.payment_id, call.answered_at
FROM payments_processorcall call
WHERE call.answered_at > %(after)s AND call.answered_at <= %(until)s AND call.status = 'succeeded'
  AND (call.kind IN ('capture', 'refund') OR (call.kind = 'authorize' AND call.final))
  AND NOT EXISTS (SELECT FROM payments_settlementline line WHERE line.processor_call_id = call.id)
ORDER BY call.answered_at, call.id
"""

_NOT_RECEIVED: Final = """
SELECT line.batch_reference, line.currency, sum(line.net)
FROM payments_settlementline line
WHERE line.batch_reference IN (
        SELECT DISTINCT recent.batch_reference
        FROM payments_report report JOIN payments_settlementline recent ON recent.report_id = report.id
        WHERE report.created_at > %(after)s AND report.created_at <= %(until)s)
  AND NOT EXISTS (SELECT FROM payments_bankline bank WHERE bank.batch_reference = line.batch_reference)
GROUP BY line.batch_reference, line.currency
HAVING sum(line.net) <> 0
ORDER BY line.batch_reference, line.currency
"""

# Lines that matched nothing, where by now there is something that they could settle.
_KNOWN_BY_NOW: Final = """
SELECT line.id
FROM payments_discrepancy discrepancy JOIN payments_settlementline line ON line.id = discrepancy.settlement_line_id
WHERE discrepancy.kind = 'unknown_movement' AND discrepancy.status = 'open' AND line.id > %(after)s
  AND (EXISTS (SELECT FROM payments_processorcall call
               WHERE call.processor_reference = line.processor_reference AND call.connector = line.connector
                 AND call.status = 'succeeded' AND call.kind IN ('authorize', 'capture', 'refund'))
       OR EXISTS (SELECT FROM payments_dispute dispute
                  WHERE dispute.connector = line.connector AND dispute.processor_reference = line.processor_reference))
ORDER BY line.id LIMIT %(limit)s
"""


def find_missing(*, now: datetime) -> Taken:
    """Match again what was unknown, and open a discrepancy for what has not come in time."""
    return _match_unknown(now=now) + _find_not_settled(now=now) + _find_batches_not_received(now=now)


def _match_unknown(*, now: datetime) -> Taken:
    total, after = Taken(), UUID(int=0)
    while True:
        with transaction.atomic(durable=True):
            lock_reconciliation()
            with connection.cursor() as cursor:
                cursor.execute(_KNOWN_BY_NOW, {"after": after, "limit": _PAGE})
                ids = [line_id for (line_id,) in cursor.fetchall()]
            rows = SettlementLine.objects.filter(pk__in=ids).select_related("report").order_by("id")
            total += match_again(list(rows), now=now)
        if len(ids) < _PAGE:
            return total
        after = ids[-1]


def _find_not_settled(*, now: datetime) -> Taken:
    return _sweep("not_settled", _NOT_SETTLED, _not_settled, now=now)


def _find_batches_not_received(*, now: datetime) -> Taken:
    return _sweep("batch_not_received", _NOT_RECEIVED, _not_received, now=now)


def _sweep(subject: str, statement: str, finding_of: _FindingOf, *, now: datetime) -> Taken:
    """Open a discrepancy for each row that a statement finds between the end of the last search and a moment ago."""
    until = now - timedelta(days=conf.SETTLEMENT_OVERDUE_DAYS)
    with transaction.atomic(durable=True):
        lock_reconciliation()
        sweep, _ = Sweep.objects.get_or_create(subject=subject, defaults={"through": _BEGINNING})
        if until <= sweep.through:
            return Taken()
        opened = 0
        with connection.cursor() as cursor:
            cursor.execute(statement, {"after": sweep.through, "until": until})
            rows = iter(cursor.fetchone, None)
            while page := [finding_of(row) for row in islice(rows, _PAGE)]:
                opened += open_discrepancies(page, now=now)
        sweep.through = until
        sweep.save(update_fields=("through",))
        return Taken(opened=opened)


def _not_settled(row: Sequence[Any]) -> Finding:
    call_id, kind, merchant_id, mode, currency, amount, payment_id, answered_at = row
    name = encode(ProcessorCall.PREFIX, call_id)
    return Finding(
        DiscrepancyKind.NOT_SETTLED,
        name,
        f"no report settles the {kind} of {Money(amount, currency)} that {name} made on {answered_at:%Y-%m-%d}",
        amount if kind == CallKind.REFUND else -amount,
        {
            "merchant_id": merchant_id,
            "mode": mode,
            "currency": currency,
            "payment_id": payment_id,
            "processor_call_id": call_id,
        },
    )


def _not_received(row: Sequence[Any]) -> Finding:
    batch, currency, net = row[0], row[1], int(row[2])
    return Finding(
        DiscrepancyKind.BATCH_NOT_RECEIVED,
        batch,
        f"no bank statement names {batch}, in which {Money(net, currency)} were settled",
        -net,
        {"currency": currency},
    )
