"""The inbox: what was not applied says why, and what contradicts the books has a discrepancy."""

from typing import Final

from payments.operations.ledger_check.rule import Rule

RULES: Final = (
    Rule(
        "a piece of news that is not applied says why",
        "processor_event",
        """
        SELECT 'pev', event.id, format('is %s without a reason', event.status)
        FROM payments_processorevent event
        WHERE event.status IN ('ignored', 'contradicted') AND event.detail IS NULL AND touched(event.id)
        """,
    ),
    Rule(
        "a piece of news that is contradicted has a discrepancy, and one that is not has none open",
        "processor_event",
        """
        SELECT 'pev', event.id, format('is %s, and has %s such discrepancies', event.status, count(discrepancy.id))
        FROM payments_processorevent event
        LEFT JOIN payments_discrepancy discrepancy ON discrepancy.processor_event_id = event.id
            AND discrepancy.kind IN ('contradictory_news', 'unknown_object')
        WHERE touched(event.id)
        GROUP BY event.id
        HAVING CASE event.status WHEN 'contradicted' THEN count(discrepancy.id) = 0
               -- Once it was contradicted, and then applied again.
               ELSE count(discrepancy.id) FILTER (WHERE discrepancy.status = 'open') > 0 END
        """,
    ),
    Rule(
        "a discrepancy of contradictory news names the news, or the call that was answered",
        "discrepancy",
        """
        SELECT 'dis', discrepancy.id, 'names none'
        FROM payments_discrepancy discrepancy
        WHERE discrepancy.kind = 'contradictory_news' AND discrepancy.processor_event_id IS NULL
          AND discrepancy.processor_call_id IS NULL
          AND touched(discrepancy.id)
        """,
    ),
)
