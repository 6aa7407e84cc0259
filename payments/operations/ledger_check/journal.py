"""The journal: entries that balance, of one owner and one cause, with the lines and the amount of their kind."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

# Written down a second time and not taken from the recipes, so that a recipe which is wrong is found.
_LINES_OF_A_KIND: Final = """(VALUES
    ('payment_authorized', 'psp_receivable', 'debit', 'pending'),
    ('payment_authorized', 'merchant_payable', 'credit', 'pending'),
    ('payment_captured', 'merchant_payable', 'debit', 'pending'),
    ('payment_captured', 'psp_receivable', 'credit', 'pending'),
    ('payment_captured', 'psp_receivable', 'debit', 'posted'),
    ('payment_captured', 'merchant_payable', 'credit', 'posted'),
    ('payment_canceled', 'merchant_payable', 'debit', 'pending'),
    ('payment_canceled', 'psp_receivable', 'credit', 'pending'),
    ('payment_expired', 'merchant_payable', 'debit', 'pending'),
    ('payment_expired', 'psp_receivable', 'credit', 'pending'),
    ('platform_fee', 'merchant_payable', 'debit', 'posted'),
    ('platform_fee', 'fee_income', 'credit', 'posted'),
    ('refund_reserved', 'merchant_payable', 'debit', 'pending'),
    ('refund_reserved', 'psp_receivable', 'credit', 'pending'),
    ('refund_succeeded', 'psp_receivable', 'debit', 'pending'),
    ('refund_succeeded', 'merchant_payable', 'credit', 'pending'),
    ('refund_succeeded', 'merchant_payable', 'debit', 'posted'),
    ('refund_succeeded', 'psp_receivable', 'credit', 'posted'),
    ('refund_released', 'psp_receivable', 'debit', 'pending'),
    ('refund_released', 'merchant_payable', 'credit', 'pending'),
    ('refund_returned', 'psp_receivable', 'debit', 'posted'),
    ('refund_returned', 'merchant_payable', 'credit', 'posted'),
    ('dispute_opened', 'dispute_hold', 'debit', 'posted'),
    ('dispute_opened', 'psp_receivable', 'credit', 'posted'),
    ('dispute_won', 'psp_receivable', 'debit', 'posted'),
    ('dispute_won', 'dispute_hold', 'credit', 'posted'),
    ('dispute_lost', 'merchant_payable', 'debit', 'posted'),
    ('dispute_lost', 'dispute_hold', 'credit', 'posted'),
    ('payout_created', 'merchant_payable', 'debit', 'posted'),
    ('payout_created', 'payout_in_transit', 'credit', 'posted'),
    ('payout_paid', 'payout_in_transit', 'debit', 'posted'),
    ('payout_paid', 'cash', 'credit', 'posted'),
    ('payout_released', 'payout_in_transit', 'debit', 'posted'),
    ('payout_released', 'merchant_payable', 'credit', 'posted'),
    ('payout_returned', 'cash', 'debit', 'posted'),
    ('payout_returned', 'merchant_payable', 'credit', 'posted'),
    ('settlement', 'cash', 'debit', 'posted'),
    ('settlement', 'cash', 'credit', 'posted'),
    ('settlement', 'psp_fee_expense', 'debit', 'posted'),
    ('settlement', 'psp_fee_expense', 'credit', 'posted'),
    ('settlement', 'psp_receivable', 'debit', 'posted'),
    ('settlement', 'psp_receivable', 'credit', 'posted'),
    ('write_off', 'psp_fee_expense', 'debit', 'posted'),
    ('write_off', 'psp_fee_expense', 'credit', 'posted'),
    ('write_off', 'psp_receivable', 'debit', 'posted'),
    ('write_off', 'psp_receivable', 'credit', 'posted')
) AS usual (kind, code, direction, layer)"""

RULES: Final = (
    Rule(
        "an entry balances in each layer",
        "entry",
        """
        SELECT 'je', line.entry_id, format('debits less credits are %s in the layer %s',
            sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END), line.layer)
        FROM payments_journalline line
        WHERE touched(line.entry_id)
        GROUP BY line.entry_id, line.layer
        HAVING sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END) <> 0
        """,
    ),
    Rule(
        "an entry has lines",
        "entry",
        """
        SELECT 'je', entry.id, 'has none'
        FROM payments_journalentry entry
        WHERE NOT EXISTS (SELECT FROM payments_journalline line WHERE line.entry_id = entry.id) AND touched(entry.id)
        """,
    ),
    Rule(
        "an entry's lines and accounts are of its owner",
        "entry",
        """
        SELECT DISTINCT 'je', line.entry_id, 'a line or an account is of another merchant, mode or currency, or of none'
        FROM payments_journalline line
        LEFT JOIN payments_journalentry entry ON entry.id = line.entry_id
        LEFT JOIN payments_ledgeraccount account ON account.id = line.account_id
        WHERE ((line.merchant_id, line.mode, line.currency)
                  IS DISTINCT FROM (entry.merchant_id, entry.mode, entry.currency)
            OR (account.merchant_id, account.mode, account.currency)
                  IS DISTINCT FROM (entry.merchant_id, entry.mode, entry.currency))
          AND touched(line.entry_id)
        """,
    ),
    Rule(
        "an entry's payment and cause are of its owner",
        "entry",
        """
        SELECT 'je', entry.id,
               format('the %s is of another merchant, mode, currency or payment, or is none', other.name)
        FROM payments_journalentry entry
        LEFT JOIN payments_payment payment ON payment.id = entry.payment_id
        LEFT JOIN payments_processorcall call ON call.id = entry.processor_call_id
        LEFT JOIN payments_dispute dispute ON dispute.id = entry.dispute_id
        LEFT JOIN payments_payout payout ON payout.id = entry.payout_id
        LEFT JOIN payments_discrepancy discrepancy ON discrepancy.id = entry.discrepancy_id
        CROSS JOIN LATERAL (VALUES
            ('payment', entry.payment_id, payment.id, payment.merchant_id, payment.mode, payment.currency),
            ('call', entry.processor_call_id, call.id, call.merchant_id, call.mode, call.currency),
            ('payment of the call', entry.processor_call_id,
             CASE WHEN call.payment_id = entry.payment_id THEN call.id END,
             entry.merchant_id, entry.mode, entry.currency),
            ('dispute', entry.dispute_id, dispute.id, dispute.merchant_id, dispute.mode, dispute.currency),
            ('payment of the dispute', entry.dispute_id,
             CASE WHEN dispute.payment_id = entry.payment_id THEN dispute.id END,
             entry.merchant_id, entry.mode, entry.currency),
            ('payout', entry.payout_id, payout.id, payout.merchant_id, payout.mode, payout.currency),
            ('discrepancy', entry.discrepancy_id, discrepancy.id,
             discrepancy.merchant_id, discrepancy.mode, discrepancy.currency)
        ) AS other (name, named, found, merchant_id, mode, currency)
        WHERE other.named IS NOT NULL
          AND (other.found, other.merchant_id, other.mode, other.currency)
              IS DISTINCT FROM (other.named, entry.merchant_id, entry.mode, entry.currency)
          AND touched(entry.id)
        """,
    ),
    Rule(
        "an entry has the one cause that its kind has",
        "entry",
        """
        SELECT 'je', entry.id, format('is a %s, and has %s causes (processor call: %s)', entry.kind,
            num_nonnulls(entry.processor_call_id, entry.dispute_id, entry.payout_id, entry.report_id,
                         entry.discrepancy_id), coalesce(call.kind, 'none'))
        FROM payments_journalentry entry
        LEFT JOIN payments_processorcall call ON call.id = entry.processor_call_id
        WHERE (
            num_nonnulls(entry.processor_call_id, entry.dispute_id, entry.payout_id, entry.report_id,
                         entry.discrepancy_id) <> 1
            OR NOT coalesce(CASE entry.kind
                WHEN 'payment_authorized' THEN call.kind = 'authorize' AND NOT call.final
                WHEN 'payment_captured' THEN call.kind = 'capture' OR (call.kind = 'authorize' AND call.final)
                WHEN 'payment_canceled' THEN call.kind = 'void'
                WHEN 'payment_expired' THEN call.kind = 'authorize' AND NOT call.final
                WHEN 'platform_fee' THEN call.status = 'succeeded'
                    AND (call.kind = 'capture' OR (call.kind = 'authorize' AND call.final))
                WHEN 'settlement' THEN entry.report_id IS NOT NULL
                WHEN 'write_off' THEN entry.discrepancy_id IS NOT NULL
                ELSE CASE split_part(entry.kind, '_', 1)
                    WHEN 'refund' THEN call.kind = 'refund'
                    WHEN 'dispute' THEN entry.dispute_id IS NOT NULL
                    WHEN 'payout' THEN entry.payout_id IS NOT NULL
                END
            END, false)
        ) AND touched(entry.id)
        """,
    ),
    Rule(
        "an entry is on the accounts of its kind",
        "entry",
        f"""
        SELECT DISTINCT 'je', entry.id, format('is a %s, and has a %s %s of %s', entry.kind, line.layer, line.direction,
            account.code)
        FROM payments_journalentry entry
        JOIN payments_journalline line ON line.entry_id = entry.id
        JOIN payments_ledgeraccount account ON account.id = line.account_id
        WHERE NOT EXISTS (
            SELECT FROM {_LINES_OF_A_KIND}
            WHERE (usual.kind, usual.code, usual.direction, usual.layer)
                = (entry.kind, account.code, line.direction, line.layer)
        ) AND touched(entry.id)
        """,  # nosec B608  # The rule's own words.
    ),
    # A payment's expiry releases what is left, and a fee is the terms' affair: payments have rules for their sums.
    Rule(
        "an entry is over the amount of its cause",
        "entry",
        """
        SELECT 'je', entry.id, format('is over %s, but its cause is over %s',
            coalesce(booked.posted, booked.pending), cause.amount)
        FROM payments_journalentry entry
        LEFT JOIN payments_processorcall call ON call.id = entry.processor_call_id
        LEFT JOIN payments_dispute dispute ON dispute.id = entry.dispute_id
        LEFT JOIN payments_payout payout ON payout.id = entry.payout_id
        LEFT JOIN payments_discrepancy discrepancy ON discrepancy.id = entry.discrepancy_id
        CROSS JOIN LATERAL (
            SELECT coalesce(call.amount, dispute.amount + dispute.fee, payout.amount, abs(discrepancy.amount)) AS amount
        ) AS cause
        CROSS JOIN LATERAL (
            SELECT sum(line.amount) FILTER (WHERE line.layer = 'posted') AS posted,
                   sum(line.amount) FILTER (WHERE line.layer = 'pending') AS pending
            FROM payments_journalline line WHERE line.entry_id = entry.id AND line.direction = 'debit'
        ) AS booked
        WHERE entry.kind NOT IN ('payment_expired', 'platform_fee', 'settlement')
          AND coalesce(booked.posted, booked.pending) IS DISTINCT FROM cause.amount
          AND touched(entry.id)
        """,
    ),
    Rule(
        "a merchant's accounts add up to zero",
        "merchant",
        """
        SELECT 'mer', account.merchant_id, format('debits less credits are %s in %s (%s, %s)',
            sum(lines.net_debit), account.currency, account.mode, lines.layer)
        FROM payments_ledgeraccount account
        JOIN (
            SELECT line.account_id, line.layer,
                   sum(CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END) AS net_debit
            FROM payments_journalline line GROUP BY line.account_id, line.layer
        ) AS lines ON lines.account_id = account.id
        WHERE touched(account.merchant_id)
        GROUP BY account.merchant_id, account.mode, account.currency, lines.layer
        HAVING sum(lines.net_debit) <> 0
        """,
    ),
)
