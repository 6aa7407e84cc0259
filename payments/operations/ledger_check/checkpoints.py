"""Checkpoints of balances: what they say is what their lines add up to."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    # Each line is read once, however many checkpoints cover it: it is added to the first of them.
    Rule(
        "a checkpoint is the sum of the lines it covers",
        "account",
        """
        SELECT 'checkpoint', summed.id,
            format('of account %s (%s): debits %s and credits %s, but the lines have %s and %s',
                   summed.account_id, summed.layer, summed.debit_total, summed.credit_total, summed.debits,
                   summed.credits)
        FROM (
            SELECT checkpoint.*,
                   sum(coalesce(lines.debits, 0)) OVER through_here AS debits,
                   sum(coalesce(lines.credits, 0)) OVER through_here AS credits
            FROM (
                SELECT checkpoint.*, lag(checkpoint.below_transaction_id, 1, '0') OVER (
                    PARTITION BY checkpoint.account_id, checkpoint.layer ORDER BY checkpoint.below_transaction_id
                ) AS from_transaction_id
                FROM payments_balancecheckpoint checkpoint
                WHERE checkpoint.cluster_id = (SELECT system_identifier FROM pg_control_system())
                  AND touched(checkpoint.account_id)
            ) AS checkpoint
            CROSS JOIN LATERAL (
                SELECT sum(line.amount) FILTER (WHERE line.direction = 'debit') AS debits,
                       sum(line.amount) FILTER (WHERE line.direction = 'credit') AS credits
                FROM payments_journalline line
                WHERE line.account_id = checkpoint.account_id AND line.layer = checkpoint.layer
                  AND line.transaction_id >= checkpoint.from_transaction_id
                  AND line.transaction_id < checkpoint.below_transaction_id
            ) AS lines
            WINDOW through_here AS (
                PARTITION BY checkpoint.account_id, checkpoint.layer ORDER BY checkpoint.below_transaction_id
            )
        ) AS summed
        WHERE (summed.debit_total, summed.credit_total) IS DISTINCT FROM (summed.debits, summed.credits)
        """,
    ),
)
