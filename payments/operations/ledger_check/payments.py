"""Payments: their amounts against journal, calls, refunds and disputes, and their status against what is under way."""

from typing import Final

from payments.operations.ledger_check.events import as_last_event
from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    # What a dispute takes back, the processor was not asked for: those entries have no call.
    Rule(
        "a payment's amounts are those of the journal",
        "payment",
        """
        SELECT 'pay', payment.id, format(
            'keeps %s and has %s in flight, but the journal has %s and %s',
            payment.amount_captured - payment.amount_refunded,
            payment.amount_capturable - payment.amount_refund_pending,
            coalesce(journal.posted, 0), coalesce(journal.pending, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT entry.payment_id,
                sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END)
                    FILTER (WHERE line.layer = 'posted') AS posted,
                sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END)
                    FILTER (WHERE line.layer = 'pending') AS pending
            FROM payments_journalentry entry
            JOIN payments_journalline line ON line.entry_id = entry.id
            JOIN payments_ledgeraccount account ON account.id = line.account_id AND account.code = 'psp_receivable'
            WHERE entry.processor_call_id IS NOT NULL AND touched(entry.payment_id)
            GROUP BY entry.payment_id
        ) AS journal ON journal.payment_id = payment.id
        WHERE (payment.amount_captured - payment.amount_refunded <> coalesce(journal.posted, 0)
            OR payment.amount_capturable - payment.amount_refund_pending <> coalesce(journal.pending, 0))
          AND touched(payment.id)
        """,
    ),
    Rule(
        "a payment's platform fee is that of the journal",
        "payment",
        """
        SELECT 'pay', payment.id, format('has paid a fee of %s, but the journal has %s', payment.platform_fee,
                                         coalesce(journal.fee, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT entry.payment_id,
                   sum(CASE line.direction WHEN 'credit' THEN line.amount ELSE -line.amount END) AS fee
            FROM payments_journalentry entry
            JOIN payments_journalline line ON line.entry_id = entry.id
            JOIN payments_ledgeraccount account ON account.id = line.account_id AND account.code = 'fee_income'
            WHERE touched(entry.payment_id)
            GROUP BY entry.payment_id
        ) AS journal ON journal.payment_id = payment.id
        WHERE payment.platform_fee <> coalesce(journal.fee, 0) AND touched(payment.id)
        """,
    ),
    Rule(
        "what a payment has authorized and captured, its processor calls have",
        "payment",
        """
        SELECT 'pay', payment.id, format(
            'authorized %s and captured %s, but the calls that succeeded have %s and %s',
            payment.amount_authorized, payment.amount_captured,
            coalesce(calls.authorized, 0), coalesce(calls.captured, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT call.payment_id,
                sum(call.amount) FILTER (WHERE call.kind = 'authorize') AS authorized,
                sum(call.amount) FILTER (WHERE call.kind = 'capture' OR (call.kind = 'authorize' AND call.final))
                    AS captured
            FROM payments_processorcall call
            WHERE call.status = 'succeeded' AND touched(call.payment_id)
            GROUP BY call.payment_id
        ) AS calls ON calls.payment_id = payment.id
        WHERE (payment.amount_authorized <> coalesce(calls.authorized, 0)
            OR payment.amount_captured <> coalesce(calls.captured, 0))
          AND touched(payment.id)
        """,
    ),
    Rule(
        "what a payment has refunded and on its way back, its refunds have",
        "payment",
        """
        SELECT 'pay', payment.id, format(
            'refunded %s and on the way back %s, but its refunds have %s and %s',
            payment.amount_refunded, payment.amount_refund_pending,
            coalesce(refunds.done, 0), coalesce(refunds.under_way, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT refund.payment_id,
                sum(refund.amount) FILTER (WHERE refund.status = 'succeeded') AS done,
                sum(refund.amount) FILTER (WHERE refund.status IN ('pending', 'submitted', 'unknown')) AS under_way
            FROM payments_refund refund
            WHERE touched(refund.payment_id)
            GROUP BY refund.payment_id
        ) AS refunds ON refunds.payment_id = payment.id
        WHERE (payment.amount_refunded <> coalesce(refunds.done, 0)
            OR payment.amount_refund_pending <> coalesce(refunds.under_way, 0))
          AND touched(payment.id)
        """,
    ),
    Rule(
        "what a payment has disputed, its disputes have",
        "payment",
        """
        SELECT 'pay', payment.id, format('disputed %s, but its disputes that are not won have %s',
                                         payment.amount_disputed, coalesce(disputes.amount, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT dispute.payment_id, sum(dispute.amount) AS amount
            FROM payments_dispute dispute
            WHERE dispute.status IN ('needs_response', 'under_review', 'lost', 'accepted')
              AND touched(dispute.payment_id)
            GROUP BY dispute.payment_id
        ) AS disputes ON disputes.payment_id = payment.id
        WHERE payment.amount_disputed <> coalesce(disputes.amount, 0) AND touched(payment.id)
        """,
    ),
    # Beside a call that waits for the payer there may be one that gives it up.
    Rule(
        "a payment is processing or requires action while, and only while, such a call is open",
        "payment",
        """
        SELECT 'pay', payment.id, format('is %s, and has %s open calls and %s that wait for the payer',
            payment.status, coalesce(calls.open, 0), coalesce(calls.waiting, 0))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT call.payment_id,
                count(*) FILTER (WHERE call.status <> 'action_required') AS open,
                count(*) FILTER (WHERE call.status = 'action_required') AS waiting
            FROM payments_processorcall call
            WHERE call.status IN ('created', 'submitted', 'action_required', 'unknown')
              AND call.kind IN ('authorize', 'capture', 'void') AND touched(call.payment_id)
            GROUP BY call.payment_id
        ) AS calls ON calls.payment_id = payment.id
        WHERE NOT CASE payment.status
                WHEN 'processing' THEN coalesce(calls.open, 0) = 1
                WHEN 'requires_action' THEN coalesce(calls.open, 0) <= 1 AND coalesce(calls.waiting, 0) = 1
                ELSE calls.payment_id IS NULL
            END
          AND touched(payment.id)
        """,
    ),
    # What was captured at once was never reserved, and nothing of it is ever released.
    Rule(
        "a payment releases its reserve once, if it is canceled or expired",
        "payment",
        """
        SELECT 'pay', payment.id, format('is %s, and is released by %s', payment.status,
                                         coalesce(nullif(array_to_string(releases.kinds, ', '), ''), 'nothing'))
        FROM payments_payment payment
        LEFT JOIN (
            SELECT entry.payment_id, array_agg(entry.kind::text ORDER BY entry.kind) AS kinds
            FROM payments_journalentry entry
            WHERE entry.kind IN ('payment_canceled', 'payment_expired') AND touched(entry.payment_id)
            GROUP BY entry.payment_id
        ) AS releases ON releases.payment_id = payment.id
        WHERE coalesce(releases.kinds, '{}') <> CASE
                WHEN payment.status IN ('canceled', 'expired') AND payment.amount_authorized > 0
                    THEN ARRAY['payment_' || payment.status]
                ELSE '{}'
            END
          AND touched(payment.id)
        """,
    ),
    as_last_event(
        "payment",
        moments=("expires_at", "authorization_expires_at", "created_at", "updated_at"),
        spelled_otherwise=("next_action",),
    ),
)
