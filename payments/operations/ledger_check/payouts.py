"""Payouts: their status against their call, their entries, their last event, and what is in transit."""

from typing import Final

from payments.operations.ledger_check.events import as_last_event
from payments.operations.ledger_check.rule import Rule
from payments.operations.ledger_check.transfers import stands_as_its_call

RULES: Final = (
    stands_as_its_call("payout", "po"),
    Rule(
        "a payout is booked as its status says",
        "payout",
        """
        SELECT 'po', payout.id, format('is %s, and booked as %s', payout.status,
                                       coalesce(array_to_string(booked.kinds, ', '), 'nothing'))
        FROM payments_payout payout
        LEFT JOIN (
            SELECT entry.payout_id, array_agg(entry.kind::text ORDER BY entry.kind) AS kinds
            FROM payments_journalentry entry
            WHERE entry.payout_id IS NOT NULL AND touched(entry.payout_id)
            GROUP BY entry.payout_id
        ) AS booked ON booked.payout_id = payout.id
        WHERE coalesce(booked.kinds, '{}') <> CASE payout.status
                WHEN 'succeeded' THEN ARRAY['payout_created', 'payout_paid']
                WHEN 'failed' THEN CASE
                    WHEN EXISTS (SELECT FROM payments_processorcall call
                                 WHERE call.payout_id = payout.id AND call.status = 'succeeded')
                    THEN ARRAY['payout_created', 'payout_paid', 'payout_returned']
                    ELSE ARRAY['payout_created', 'payout_released']
                END
                ELSE ARRAY['payout_created']
            END
          AND touched(payout.id)
        """,
    ),
    Rule(
        "what a merchant has in transit, its payouts have",
        "account",
        """
        SELECT 'account', account.id, format('%s in %s (%s) has %s in transit, but the payouts under way have %s',
            account.merchant_id, account.currency, account.mode, lines.balance, payouts.amount)
        FROM payments_ledgeraccount account
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(CASE line.direction WHEN 'credit' THEN line.amount ELSE -line.amount END), 0) AS balance
            FROM payments_journalline line WHERE line.account_id = account.id
        ) AS lines
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(payout.amount), 0) AS amount
            FROM payments_payout payout
            WHERE payout.merchant_id = account.merchant_id AND payout.mode = account.mode
              AND payout.currency = account.currency AND payout.status IN ('pending', 'submitted', 'unknown')
        ) AS payouts
        WHERE account.code = 'payout_in_transit' AND lines.balance <> payouts.amount AND touched(account.id)
        """,
    ),
    as_last_event("payout", moments=("created_at", "updated_at")),
)
