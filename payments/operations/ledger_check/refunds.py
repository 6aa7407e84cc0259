"""Refunds: their status against their call, their entries and their last event."""

from typing import Final

from payments.operations.ledger_check.events import as_last_event
from payments.operations.ledger_check.rule import Rule
from payments.operations.ledger_check.transfers import stands_as_its_call

RULES: Final = (
    stands_as_its_call("refund", "re"),
    Rule(
        "a refund is booked as its status says",
        "refund",
        """
        SELECT 're', refund.id, format('is %s, and booked as %s', refund.status,
                                       coalesce(array_to_string(booked.kinds, ', '), 'nothing'))
        FROM payments_refund refund
        LEFT JOIN (
            SELECT call.refund_id, array_agg(entry.kind::text ORDER BY entry.kind) AS kinds
            FROM payments_processorcall call
            JOIN payments_journalentry entry ON entry.processor_call_id = call.id
            WHERE touched(call.refund_id)
            GROUP BY call.refund_id
        ) AS booked ON booked.refund_id = refund.id
        WHERE coalesce(booked.kinds, '{}') <> CASE refund.status
                WHEN 'succeeded' THEN ARRAY['refund_reserved', 'refund_succeeded']
                WHEN 'failed' THEN CASE
                    WHEN EXISTS (SELECT FROM payments_processorcall call
                                 WHERE call.refund_id = refund.id AND call.status = 'succeeded')
                    THEN ARRAY['refund_reserved', 'refund_returned', 'refund_succeeded']
                    ELSE ARRAY['refund_released', 'refund_reserved']
                END
                ELSE ARRAY['refund_reserved']
            END
          AND touched(refund.id)
        """,
    ),
    as_last_event("refund", moments=("created_at", "updated_at"), spelled_otherwise=("payment",)),
)
