"""What has changed since an earlier check: for every noun a temporary table with the ids of its touched objects.

The earlier check saw everything that transactions below its boundary have written, because it took the boundary at
`pg_snapshot_xmin`: all of those had ended. So what has to be looked at again is what transactions from the boundary
on have written, whenever they began and committed. No time of day says that: a row may be stamped long before its
transaction commits.

- Rows that are only ever added (entries, their lines, events) carry the id of their transaction, which is indexed.
- Of rows that change, PostgreSQL itself knows which transaction has written them last: `xmin`, the lower 32 bits of
  its id. There is no index on it, so these tables are read through, once and nothing but that. It is told apart from
  the boundary as PostgreSQL does it, round the circle; that holds for two thousand million transactions, after which
  a check looks at everything (see `runs`).

An object is touched if its own row is, or if a row is that a rule compares it with. What leaves no trace is not seen
before the next full check: a row that was deleted, a journal row or event that was changed in its place, and a row that
does not point any more to where it did. The database refuses all of these.
"""

from typing import Final

from django.db.backends.utils import CursorWrapper


def _changed(table: str, boundary: str = "%(boundary)s") -> str:
    """Return the condition that the row of `table` was written at or after the boundary."""
    return f"(({table}.xmin::text::bigint - {boundary}) & 4294967295) < 2147483648"


_LATER: Final = "transaction_id::text::bigint >= %(boundary)s"

# In this order: a table may build on those before it.
TOUCHED: Final = {
    "settlement_line": f"""
        SELECT id FROM payments_settlementline line WHERE {_changed("line")}
        UNION SELECT settlement_line_id FROM payments_discrepancy discrepancy
              WHERE settlement_line_id IS NOT NULL AND {_changed("discrepancy")}
    """,  # nosec B608  # Words of this module.
    "bank_line": f"""
        SELECT id FROM payments_bankline line WHERE {_changed("line")}
        UNION SELECT bank_line_id FROM payments_discrepancy discrepancy
              WHERE bank_line_id IS NOT NULL AND {_changed("discrepancy")}
    """,  # nosec B608  # Words of this module.
    "account": f"""
        SELECT account.id
        FROM payments_ledgeraccount account CROSS JOIN (VALUES ('pending'), ('posted')) AS layer (name)
        WHERE EXISTS (
            SELECT FROM payments_journalline line
            WHERE line.account_id = account.id AND line.layer = layer.name
              AND line.transaction_id >= %(boundary)s::text::xid8
        )
        UNION SELECT id FROM payments_ledgeraccount account WHERE {_changed("account")}
        UNION SELECT account_id FROM payments_balancecheckpoint checkpoint WHERE {_changed("checkpoint")}
        UNION SELECT account.id
              FROM (SELECT merchant_id, mode, currency FROM payments_payout payout WHERE {_changed("payout")}
                    UNION SELECT merchant_id, mode, currency FROM payments_dispute dispute
                          WHERE {_changed("dispute")}) AS owner
              JOIN payments_ledgeraccount account USING (merchant_id, mode, currency)
    """,  # nosec B608  # Words of this module.
    "merchant": """
        SELECT DISTINCT account.merchant_id AS id
        FROM payments_ledgeraccount account JOIN touched_account ON touched_account.id = account.id
    """,
    "entry": f"""
        SELECT id FROM payments_journalentry WHERE {_LATER}
        UNION SELECT line.entry_id
              FROM touched_account
              CROSS JOIN (VALUES ('pending'), ('posted')) AS layer (name)
              JOIN payments_journalline line ON line.account_id = touched_account.id AND line.layer = layer.name
              WHERE line.transaction_id >= %(boundary)s::text::xid8
        UNION SELECT line.journal_entry_id
              FROM payments_settlementline line JOIN touched_settlement_line USING (id)
              WHERE line.journal_entry_id IS NOT NULL
        UNION SELECT entry.id
              FROM payments_processorcall call JOIN payments_journalentry entry ON entry.processor_call_id = call.id
              WHERE {_changed("call")}
        UNION SELECT entry.id
              FROM payments_dispute dispute JOIN payments_journalentry entry ON entry.dispute_id = dispute.id
              WHERE {_changed("dispute")}
        UNION SELECT entry.id
              FROM payments_payout payout JOIN payments_journalentry entry ON entry.payout_id = payout.id
              WHERE {_changed("payout")}
        UNION SELECT entry.id
              FROM payments_discrepancy discrepancy JOIN payments_journalentry entry
                  ON entry.discrepancy_id = discrepancy.id
              WHERE {_changed("discrepancy")}
        UNION SELECT entry.id
              FROM payments_payment payment JOIN payments_journalentry entry ON entry.payment_id = payment.id
              WHERE {_changed("payment")}
    """,  # nosec B608  # Words of this module.
    "object": f"""
        SELECT object_id AS id FROM payments_event WHERE {_LATER}
        UNION SELECT id FROM payments_payment payment WHERE {_changed("payment")}
        UNION SELECT id FROM payments_refund refund WHERE {_changed("refund")}
        UNION SELECT id FROM payments_dispute dispute WHERE {_changed("dispute")}
        UNION SELECT id FROM payments_payout payout WHERE {_changed("payout")}
    """,  # nosec B608  # Words of this module.
    "call": f"""
        SELECT id FROM payments_processorcall call WHERE {_changed("call")}
        UNION SELECT other.id
              FROM payments_processorcall call JOIN payments_processorcall other ON other.payment_id = call.payment_id
              WHERE {_changed("call")}
        UNION SELECT call.id FROM touched_object JOIN payments_processorcall call ON call.payment_id = touched_object.id
        UNION SELECT entry.processor_call_id
              FROM touched_entry JOIN payments_journalentry entry USING (id) WHERE entry.processor_call_id IS NOT NULL
    """,  # nosec B608  # Words of this module.
    "refund": """
        SELECT refund.id FROM touched_object JOIN payments_refund refund USING (id)
        UNION SELECT call.refund_id
              FROM touched_call JOIN payments_processorcall call USING (id) WHERE call.refund_id IS NOT NULL
    """,
    "dispute": """
        SELECT dispute.id FROM touched_object JOIN payments_dispute dispute USING (id)
        UNION SELECT call.dispute_id
              FROM touched_call JOIN payments_processorcall call USING (id) WHERE call.dispute_id IS NOT NULL
        UNION SELECT entry.dispute_id
              FROM touched_entry JOIN payments_journalentry entry USING (id) WHERE entry.dispute_id IS NOT NULL
    """,
    "payout": """
        SELECT payout.id FROM touched_object JOIN payments_payout payout USING (id)
        UNION SELECT call.payout_id
              FROM touched_call JOIN payments_processorcall call USING (id) WHERE call.payout_id IS NOT NULL
        UNION SELECT entry.payout_id
              FROM touched_entry JOIN payments_journalentry entry USING (id) WHERE entry.payout_id IS NOT NULL
    """,
    "payment": """
        SELECT payment.id FROM touched_object JOIN payments_payment payment USING (id)
        UNION SELECT call.payment_id
              FROM touched_call JOIN payments_processorcall call USING (id) WHERE call.payment_id IS NOT NULL
        UNION SELECT entry.payment_id
              FROM touched_entry JOIN payments_journalentry entry USING (id) WHERE entry.payment_id IS NOT NULL
        UNION SELECT refund.payment_id FROM touched_refund JOIN payments_refund refund USING (id)
        UNION SELECT dispute.payment_id FROM touched_dispute JOIN payments_dispute dispute USING (id)
    """,
    "discrepancy": f"""
        SELECT id FROM payments_discrepancy discrepancy WHERE {_changed("discrepancy")}
        UNION SELECT discrepancy_id FROM payments_repair repair
              WHERE discrepancy_id IS NOT NULL AND {_changed("repair")}
        UNION SELECT entry.discrepancy_id
              FROM touched_entry JOIN payments_journalentry entry USING (id) WHERE entry.discrepancy_id IS NOT NULL
    """,  # nosec B608  # Words of this module.
    "repair": f"""
        SELECT id FROM payments_repair repair WHERE {_changed("repair")}
        UNION SELECT repair.id
              FROM touched_call JOIN payments_repair repair ON repair.processor_call_id = touched_call.id
    """,  # nosec B608  # Words of this module.
    "processor_event": f"""
        SELECT id FROM payments_processorevent event WHERE {_changed("event")}
        UNION SELECT processor_event_id FROM payments_discrepancy discrepancy
              WHERE processor_event_id IS NOT NULL AND {_changed("discrepancy")}
    """,  # nosec B608  # Words of this module.
}


def collect_touched(cursor: CursorWrapper, *, boundary: int) -> None:
    """Make the temporary tables `touched_…` of what transactions from `boundary` on have written."""
    for noun, statement in TOUCHED.items():
        written = statement.replace("%(boundary)s", str(int(boundary)))
        cursor.execute(f"CREATE TEMPORARY TABLE touched_{noun} ON COMMIT DROP AS {written}")
        cursor.execute(f"ANALYZE touched_{noun}")


def drop_touched(cursor: CursorWrapper) -> None:
    """Drop them: within a transaction of the caller's there may be another check."""
    cursor.execute(f"DROP TABLE {', '.join(f'touched_{noun}' for noun in TOUCHED)}")
