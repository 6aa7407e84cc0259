"""What refunds and payouts have in common: money on its way to somebody's bank, by one call to the processor."""

from payments.operations.ledger_check.rule import Rule


def stands_as_its_call(noun: str, prefix: str) -> Rule:
    """Return the rule that a transfer has one call, over its amount, and stands where the call stands.

    One that has come back is failed, though its call has succeeded: that is told by its entries.
    """
    return Rule(
        f"a {noun} stands where its call stands",
        noun,
        f"""
        SELECT '{prefix}', {noun}.id, format('is %s over %s, and its calls are %s', {noun}.status, {noun}.amount,
            coalesce(string_agg(format('%s over %s', call.status, call.amount), ', ' ORDER BY call.id), 'none'))
        FROM payments_{noun} {noun}
        LEFT JOIN payments_processorcall call ON call.{noun}_id = {noun}.id
        WHERE touched({noun}.id)
        GROUP BY {noun}.id
        HAVING count(call.id) <> 1 OR min(call.amount) <> {noun}.amount OR NOT CASE min(call.status)
                WHEN 'created' THEN {noun}.status = 'pending'
                WHEN 'submitted' THEN {noun}.status = 'submitted'
                WHEN 'unknown' THEN {noun}.status = 'unknown'
                WHEN 'succeeded' THEN {noun}.status IN ('succeeded', 'failed')
                WHEN 'declined' THEN {noun}.status = 'failed'
                WHEN 'not_sent' THEN {noun}.status = 'failed'
                ELSE false
            END
        """,  # nosec B608  # The rule's own words.
    )
