"""Settlement: what processors and the bank have reported, against the entries that booked it."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    Rule(
        "a settlement entry is the sum of its lines",
        "entry",
        """
        SELECT 'je', entry.id, format(
            'has gross %s, fee %s and net %s, but its lines have %s, %s and %s',
            coalesce(-journal.receivable, 0), coalesce(journal.fee, 0), coalesce(journal.cash, 0),
            coalesce(lines.gross, 0), coalesce(lines.fee, 0), coalesce(lines.net, 0))
        FROM payments_journalentry entry
        LEFT JOIN LATERAL (
            SELECT sum(side.debit) FILTER (WHERE account.code = 'psp_receivable') AS receivable,
                   sum(side.debit) FILTER (WHERE account.code = 'psp_fee_expense') AS fee,
                   sum(side.debit) FILTER (WHERE account.code = 'cash') AS cash
            FROM payments_journalline line
            JOIN payments_ledgeraccount account ON account.id = line.account_id
            CROSS JOIN LATERAL (
                SELECT CASE line.direction WHEN 'debit' THEN line.amount ELSE -line.amount END AS debit
            ) AS side
            WHERE line.entry_id = entry.id
        ) AS journal ON true
        LEFT JOIN LATERAL (
            SELECT sum(line.gross) AS gross, sum(line.fee) AS fee, sum(line.net) AS net
            FROM payments_settlementline line WHERE line.journal_entry_id = entry.id
        ) AS lines ON true
        WHERE entry.kind = 'settlement'
          AND (coalesce(-journal.receivable, 0), coalesce(journal.fee, 0), coalesce(journal.cash, 0))
              IS DISTINCT FROM (coalesce(lines.gross, 0), coalesce(lines.fee, 0), coalesce(lines.net, 0))
          AND touched(entry.id)
        """,
    ),
    Rule(
        "a settlement line is booked for the owner of what it settles, by its report",
        "settlement_line",
        """
        SELECT 'stl', line.id, 'its entry is of another merchant, mode, currency or report, or no settlement'
        FROM payments_settlementline line
        LEFT JOIN payments_journalentry entry ON entry.id = line.journal_entry_id
        LEFT JOIN payments_payment payment ON payment.id = line.payment_id
        WHERE line.journal_entry_id IS NOT NULL
          AND (entry.kind, entry.report_id, entry.currency, entry.merchant_id, entry.mode) IS DISTINCT FROM
              ('settlement', line.report_id, line.currency, payment.merchant_id, payment.mode)
          AND touched(line.id)
        """,
    ),
    Rule(
        "a settlement line is booked, or has a discrepancy",
        "settlement_line",
        """
        SELECT 'stl', line.id, format('line %s of its report has neither', line.line_number)
        FROM payments_settlementline line
        WHERE line.journal_entry_id IS NULL
          AND NOT EXISTS (SELECT FROM payments_discrepancy discrepancy WHERE discrepancy.settlement_line_id = line.id)
          AND touched(line.id)
        """,
    ),
    Rule(
        "a bank line belongs to a batch or a payout, or has a discrepancy",
        "bank_line",
        """
        SELECT 'bnk', line.id, format('line %s of its report has none of them', line.line_number)
        FROM payments_bankline line
        WHERE line.batch_reference IS NULL AND line.payout_id IS NULL
          AND NOT EXISTS (SELECT FROM payments_discrepancy discrepancy WHERE discrepancy.bank_line_id = line.id)
          AND touched(line.id)
        """,
    ),
)
