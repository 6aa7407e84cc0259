"""Repairs: what two people have agreed on has happened, and a write-off only then."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    Rule(
        "a discrepancy is written off if, and only if, that was approved",
        "discrepancy",
        """
        SELECT 'dis', discrepancy.id, format('is %s; approved write-offs: %s, entries: %s', discrepancy.status,
                                             approved.number, booked.number)
        FROM payments_discrepancy discrepancy
        CROSS JOIN LATERAL (
            SELECT count(*) AS number FROM payments_repair repair
            WHERE repair.discrepancy_id = discrepancy.id AND repair.action = 'write_off' AND repair.status = 'approved'
        ) AS approved
        CROSS JOIN LATERAL (
            SELECT count(*) AS number FROM payments_journalentry entry WHERE entry.discrepancy_id = discrepancy.id
        ) AS booked
        WHERE (approved.number <> booked.number OR booked.number > 1
               OR (booked.number = 1 AND discrepancy.status <> 'resolved'))
          AND touched(discrepancy.id)
        """,
    ),
    Rule(
        "a repair is approved by another than who proposed it",
        "repair",
        """
        SELECT 'rep', repair.id, format('is proposed by %s and approved by %s', repair.proposed_by,
                                        coalesce(repair.decided_by, 'nobody'))
        FROM payments_repair repair
        WHERE repair.status = 'approved' AND (repair.decided_by IS NULL OR repair.decided_by = repair.proposed_by)
          AND touched(repair.id)
        """,
    ),
    Rule(
        "a call stands where its approved repair has put it",
        "repair",
        """
        SELECT 'rep', repair.id, format('has put the call to %s, but it is %s', repair.action, call.status)
        FROM payments_repair repair
        JOIN payments_processorcall call ON call.id = repair.processor_call_id
        WHERE repair.status = 'approved' AND repair.action <> call.status AND touched(repair.id)
        """,
    ),
)
