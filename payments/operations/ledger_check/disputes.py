"""Disputes: their status against their calls, their entries, their last event, and what is held."""

from typing import Final

from payments.operations.ledger_check.events import as_last_event
from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    # The payer's bank decides when it likes: won and lost follow on anything.
    Rule(
        "a dispute stands where its calls have left it",
        "dispute",
        """
        SELECT 'dp', dispute.id, format('is %s, and evidence was taken %s times, and its acceptance %s times',
            dispute.status, count(call.id) FILTER (WHERE call.kind = 'submit_evidence'),
            count(call.id) FILTER (WHERE call.kind = 'accept_dispute'))
        FROM payments_dispute dispute
        LEFT JOIN payments_processorcall call ON call.dispute_id = dispute.id AND call.status = 'succeeded'
        WHERE touched(dispute.id)
        GROUP BY dispute.id
        HAVING NOT CASE dispute.status
                WHEN 'needs_response' THEN count(call.id) = 0
                WHEN 'under_review' THEN bool_and(call.kind = 'submit_evidence') IS TRUE
                WHEN 'accepted' THEN bool_or(call.kind = 'accept_dispute') IS TRUE
                ELSE true
            END
        """,
    ),
    Rule(
        "a dispute is booked as its status says",
        "dispute",
        """
        SELECT 'dp', dispute.id, format('is %s, and booked as %s', dispute.status,
                                        coalesce(array_to_string(booked.kinds, ', '), 'nothing'))
        FROM payments_dispute dispute
        LEFT JOIN (
            SELECT entry.dispute_id, array_agg(entry.kind::text ORDER BY entry.kind) AS kinds
            FROM payments_journalentry entry
            WHERE entry.dispute_id IS NOT NULL AND touched(entry.dispute_id)
            GROUP BY entry.dispute_id
        ) AS booked ON booked.dispute_id = dispute.id
        WHERE coalesce(booked.kinds, '{}') <> CASE dispute.status
                WHEN 'won' THEN ARRAY['dispute_opened', 'dispute_won']
                WHEN 'lost' THEN ARRAY['dispute_lost', 'dispute_opened']
                WHEN 'accepted' THEN ARRAY['dispute_lost', 'dispute_opened']
                ELSE ARRAY['dispute_opened']
            END
          AND touched(dispute.id)
        """,
    ),
    Rule(
        "what is held of a merchant, its open disputes have",
        "account",
        """
        SELECT 'account', account.id, format('%s in %s (%s) has %s held, but the open disputes have %s',
            account.merchant_id, account.currency, account.mode, lines.balance, disputes.held)
        FROM payments_ledgeraccount account
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END), 0) AS balance
            FROM payments_journalline line WHERE line.account_id = account.id
        ) AS lines
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(dispute.amount + dispute.fee), 0) AS held
            FROM payments_dispute dispute
            WHERE dispute.merchant_id = account.merchant_id AND dispute.mode = account.mode
              AND dispute.currency = account.currency AND dispute.status IN ('needs_response', 'under_review')
        ) AS disputes
        WHERE account.code = 'dispute_hold' AND lines.balance <> disputes.held AND touched(account.id)
        """,
    ),
    as_last_event("dispute", moments=("evidence_due_at", "created_at", "updated_at"), spelled_otherwise=("payment",)),
)
