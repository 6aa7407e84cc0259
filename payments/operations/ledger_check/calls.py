"""Calls to processors: answered once, and booked when they succeed."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    # Refunds say themselves how they are booked; payouts and disputes are booked in their own name. A fee may go
    # with a capture. A void of what only waited for the payer has released nothing.
    Rule(
        "every call that succeeded is booked, and no other",
        "call",
        """
        SELECT 'call', call.id, format('is %s (%s), and booked as %s, not as %s', call.status, call.kind,
            coalesce(array_to_string(booked.kinds, ', '), 'nothing'),
            coalesce(nullif(array_to_string(due.kinds, ', '), ''), 'nothing'))
        FROM payments_processorcall call
        LEFT JOIN payments_payment payment ON payment.id = call.payment_id
        LEFT JOIN (
            SELECT entry.processor_call_id, array_agg(entry.kind::text ORDER BY entry.kind) AS kinds
            FROM payments_journalentry entry
            WHERE entry.kind <> 'platform_fee' AND touched(entry.processor_call_id)
            GROUP BY entry.processor_call_id
        ) AS booked ON booked.processor_call_id = call.id
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN call.status <> 'succeeded' OR call.kind NOT IN ('authorize', 'capture', 'void') THEN '{}'
                WHEN call.kind = 'capture' OR (call.kind = 'authorize' AND call.final) THEN ARRAY['payment_captured']
                WHEN call.kind = 'authorize' AND payment.status = 'expired'
                    THEN ARRAY['payment_authorized', 'payment_expired']
                WHEN call.kind = 'authorize' THEN ARRAY['payment_authorized']
                WHEN payment.amount_authorized > 0 THEN ARRAY['payment_canceled']
                ELSE '{}'
            END AS kinds
        ) AS due
        WHERE call.kind <> 'refund' AND coalesce(booked.kinds, '{}') <> due.kinds AND touched(call.id)
        """,
    ),
    Rule(
        "what was given up while it waited for the payer is declined as canceled",
        "call",
        """
        SELECT 'call', call.id, format('was given up; the payment is %s, its last authorization %s (%s)',
            payment.status, coalesce(given_up.status, 'none'), coalesce(given_up.decline_code, 'no code'))
        FROM payments_processorcall call
        JOIN payments_payment payment ON payment.id = call.payment_id AND payment.amount_authorized = 0
        LEFT JOIN LATERAL (
            SELECT authorization_.status, authorization_.decline_code
            FROM payments_processorcall authorization_
            WHERE authorization_.payment_id = call.payment_id AND authorization_.kind = 'authorize'
            ORDER BY authorization_.id DESC LIMIT 1
        ) AS given_up ON true
        WHERE call.kind = 'void' AND call.status = 'succeeded'
          AND (payment.status, given_up.status, given_up.decline_code)
              IS DISTINCT FROM ('canceled', 'declined', 'canceled')
          AND touched(call.id)
        """,
    ),
    Rule(
        "a call has an answer once it is not created any more",
        "call",
        """
        SELECT 'call', call.id, format('is %s, and was answered at %s', call.status,
                                       coalesce(call.answered_at::text, 'no time'))
        FROM payments_processorcall call
        WHERE (call.status = 'created') <> (call.answered_at IS NULL) AND touched(call.id)
        """,
    ),
)
