"""Balances: the last checkpoint plus the lines after it, now or at a date.

No row is updated when money moves, so one busy merchant is as fast as a hundred quiet ones. A checkpoint covers
what transactions below a given id wrote, and is only ever taken at `pg_snapshot_xmin`: every transaction below
that has ended, so none can still commit a line that the checkpoint has left out.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from payments.ledger.accounts import NORMAL_SIDE
from payments.lifecycles import Mode
from payments.models.ledger import AccountCode, Direction, Layer

_BALANCES = """
SELECT account.currency, account.code, layer.name AS layer,
       coalesce(checkpoint.debit_total, 0) + coalesce(later.debits, 0)
       - coalesce(checkpoint.credit_total, 0) - coalesce(later.credits, 0) AS net_debit
FROM payments_ledgeraccount account
CROSS JOIN (VALUES ('pending'), ('posted')) AS layer (name)
LEFT JOIN LATERAL (
    SELECT below_transaction_id, debit_total, credit_total
    FROM payments_balancecheckpoint
    WHERE account_id = account.id AND layer = layer.name
      AND cluster_id = (SELECT system_identifier FROM pg_control_system())
      AND (%(at)s::timestamptz IS NULL OR effective_through <= %(at)s::timestamptz)
    ORDER BY below_transaction_id DESC
    LIMIT 1
) AS checkpoint ON true
LEFT JOIN LATERAL (
    SELECT sum(line.amount) FILTER (WHERE line.direction = 'debit') AS debits,
           sum(line.amount) FILTER (WHERE line.direction = 'credit') AS credits
    FROM payments_journalline line
    WHERE line.account_id = account.id AND line.layer = layer.name
      AND line.transaction_id >= coalesce(checkpoint.below_transaction_id, '0'::xid8)
      AND (%(at)s::timestamptz IS NULL OR EXISTS (
          SELECT FROM payments_journalentry entry
          WHERE entry.id = line.entry_id AND entry.effective_at <= %(at)s::timestamptz
      ))
) AS later ON true
WHERE account.merchant_id = %(merchant_id)s AND account.mode = %(mode)s
ORDER BY account.currency, account.code, layer.name
"""

# One statement, and so one snapshot: a refund that succeeds meanwhile counts as under way or as done, and never as
# neither.
_BY_CURRENCY = f"""
WITH account_balance AS ({_BALANCES}), refunds AS (
    SELECT currency, sum(amount) AS under_way FROM payments_refund
    WHERE merchant_id = %(merchant_id)s AND mode = %(mode)s AND status IN ('pending', 'submitted', 'unknown')
    GROUP BY currency
), by_currency AS (
    SELECT currency,
           -sum(net_debit) FILTER (WHERE code = 'merchant_payable' AND layer = 'pending') AS pending,
           -sum(net_debit) FILTER (WHERE code = 'merchant_payable' AND layer = 'posted') AS posted,
           coalesce(sum(net_debit) FILTER (WHERE code = 'psp_receivable' AND layer = 'posted'), 0) AS receivable,
           coalesce(sum(net_debit) FILTER (WHERE code = 'dispute_hold' AND layer = 'posted'), 0) AS held
    FROM account_balance GROUP BY currency
)
SELECT currency, pending, posted, posted - greatest(receivable, 0) - held - coalesce(refunds.under_way, 0)
FROM by_currency LEFT JOIN refunds USING (currency)
WHERE posted IS NOT NULL
ORDER BY currency
"""  # nosec B608  # The statement above.

# Each new checkpoint starts from the one before it and adds what has ended since.
_TAKE_CHECKPOINTS = """
WITH boundary AS (
    SELECT pg_snapshot_xmin(pg_current_snapshot()) AS transaction_id, system_identifier AS cluster_id
    FROM pg_control_system()
)
INSERT INTO payments_balancecheckpoint
    (account_id, layer, cluster_id, below_transaction_id, debit_total, credit_total, effective_through, taken_at)
SELECT account.id, layer.name, boundary.cluster_id, boundary.transaction_id,
       coalesce(previous.debit_total, 0) + coalesce(later.debits, 0),
       coalesce(previous.credit_total, 0) + coalesce(later.credits, 0),
       greatest(previous.effective_through, later.effective_through), %(now)s
FROM boundary
CROSS JOIN payments_ledgeraccount account
CROSS JOIN (VALUES ('pending'), ('posted')) AS layer (name)
LEFT JOIN LATERAL (
    SELECT * FROM payments_balancecheckpoint
    WHERE account_id = account.id AND layer = layer.name AND cluster_id = boundary.cluster_id
    ORDER BY below_transaction_id DESC
    LIMIT 1
) AS previous ON true
CROSS JOIN LATERAL (
    SELECT sum(line.amount) FILTER (WHERE line.direction = 'debit') AS debits,
           sum(line.amount) FILTER (WHERE line.direction = 'credit') AS credits,
           max(entry.effective_at) AS effective_through
    FROM payments_journalline line JOIN payments_journalentry entry ON entry.id = line.entry_id
    WHERE line.account_id = account.id AND line.layer = layer.name
      AND line.transaction_id >= coalesce(previous.below_transaction_id, '0'::xid8)
      AND line.transaction_id < boundary.transaction_id
) AS later
WHERE later.effective_through IS NOT NULL
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What one account holds in one layer, in minor units, positive on the account's normal side."""

    currency: str
    account: AccountCode
    layer: Layer
    amount: int


@dataclass(frozen=True, slots=True)
class CurrencyBalance:
    """What a merchant is owed in one currency, in minor units.

    `pending` is authorized and `posted` captured. `available` is what of it the processor has settled and nothing
    holds: less what the processor still owes, what disputes hold and what refunds under way will take. It is negative
    where more went back to payers than was there.
    """

    currency: str
    pending: int
    posted: int
    available: int


def balances(*, merchant_id: UUID, mode: Mode, at: datetime | None = None) -> list[AccountBalance]:
    """Return every balance of a merchant, as of entries effective at `at` or before (now, where it is None)."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"merchant_id": merchant_id, "mode": str(mode), "at": at})
        return [
            AccountBalance(
                currency, AccountCode(code), Layer(layer), _on_normal_side(AccountCode(code), int(net_debit))
            )
            for currency, code, layer, net_debit in cursor.fetchall()
        ]


def balances_by_currency(*, merchant_id: UUID, mode: Mode, at: datetime | None = None) -> list[CurrencyBalance]:
    """Return what a merchant is owed in each currency that it has an account in.

    With `at`, as of the entries effective then or before; of refunds it is known only now which are under way, and
    `available` means nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_CURRENCY, {"merchant_id": merchant_id, "mode": str(mode), "at": at})
        return [CurrencyBalance(currency, *map(int, amounts)) for currency, *amounts in cursor.fetchall()]


def take_checkpoints(*, now: datetime) -> int:
    """Write a checkpoint for every account with new lines; return how many were written."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_CHECKPOINTS, {"now": now})
        return int(cursor.rowcount)


def _on_normal_side(code: AccountCode, net_debit: int) -> int:
    return net_debit if NORMAL_SIDE[code] is Direction.DEBIT else -net_debit
