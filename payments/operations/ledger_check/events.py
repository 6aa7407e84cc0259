"""The event log: without a gap, along the lifecycle, of the object's owner; and each object as its last event says."""

from collections.abc import Iterable
from typing import Final

from payments.operations.ledger_check.rule import Rule

_NOUNS: Final = {
    "payment": "pay",
    "refund": "re",
    "dispute": "dp",
    "payout": "po",
    "discrepancy": "dis",
    "webhook_endpoint": "we",
}
_NOUN: Final = "split_part(event.type, '.', 1)"
_CASES: Final = " ".join(f"WHEN '{noun}' THEN '{prefix}'" for noun, prefix in _NOUNS.items())
_PREFIX: Final = f"CASE {_NOUN} {_CASES} END"
_OBJECTS: Final = " UNION ALL ".join(
    f"SELECT '{noun}' AS noun, id, merchant_id, mode FROM payments_{noun.replace('_', '')}"  # nosec B608  # Ours.
    for noun in _NOUNS
)


def as_last_event(noun: str, *, moments: Iterable[str], spelled_otherwise: Iterable[str] = ()) -> Rule:
    """Return the rule that every member of an object's last event is what the row's column of that name holds.

    `moments` are the members that are moments, which PostgreSQL would spell in another way; `spelled_otherwise` are
    the members that have no column of their name.
    """
    as_shown = ", ".join(
        f"""'{name}', to_char({noun}.{name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""" for name in moments
    )
    left_out = ", ".join(f"'{name}'" for name in ("id", "object", *spelled_otherwise))
    return Rule(
        f"a {noun} is as its last event says",
        noun,
        f"""
        SELECT '{_NOUNS[noun]}', {noun}.id, coalesce(
            (SELECT string_agg(format('%s is %s, but its last event says %s',
                                      shown.key, kept.members -> shown.key, shown.value), '; ' ORDER BY shown.key)
             FROM jsonb_each(last.members) AS shown WHERE shown.value IS DISTINCT FROM kept.members -> shown.key),
            'has no event')
        FROM payments_{noun} {noun}
        CROSS JOIN LATERAL (
            -- OFFSET: make it once, however often it is read.
            SELECT to_jsonb({noun}) || jsonb_build_object({as_shown}) AS members OFFSET 0
        ) AS kept
        LEFT JOIN LATERAL (
            SELECT event.data - ARRAY[{left_out}] AS members
            FROM payments_event event WHERE event.object_id = {noun}.id ORDER BY event.sequence DESC LIMIT 1
        ) AS last ON true
        WHERE (kept.members || last.members) IS DISTINCT FROM kept.members AND touched({noun}.id)
        """,  # nosec B608  # The rule's own words.
    )


RULES: Final = (
    Rule(
        "an object's events have no gap",
        "object",
        f"""
        SELECT min({_PREFIX}), event.object_id,
               format('%s events, numbered %s to %s', count(*), min(event.sequence), max(event.sequence))
        FROM payments_event event
        WHERE touched(event.object_id)
        GROUP BY event.object_id
        HAVING min(event.sequence) <> 1 OR max(event.sequence) <> count(*)
        """,  # nosec B608  # The rule's own words.
    ),
    Rule(
        "an object's events follow its lifecycle",
        "object",
        f"""
        SELECT {_PREFIX}, event.object_id, format('goes from "%s" to "%s" at event %s', event.before, event.status,
                                                 event.sequence)
        FROM (
            SELECT event.object_id, event.type, event.sequence, event.data ->> 'status' AS status,
                   lag(event.data ->> 'status', 1, '') OVER (PARTITION BY event.object_id ORDER BY event.sequence)
                       AS before
            FROM payments_event event
            WHERE touched(event.object_id)
        ) AS event
        WHERE event.before IS DISTINCT FROM event.status
          AND NOT EXISTS (
              SELECT FROM payments_lifecycleedge edge
              WHERE (edge.noun, edge.from_status, edge.to_status) = ({_NOUN}, event.before, event.status)
          )
        """,  # nosec B608  # The rule's own words.
    ),
    Rule(
        "an event is of the owner of what it is about",
        "object",
        f"""
        SELECT DISTINCT {_PREFIX}, event.object_id, 'an event is of another merchant or mode, or about nothing there is'
        FROM payments_event event
        LEFT JOIN ({_OBJECTS}) AS object ON object.id = event.object_id AND object.noun = {_NOUN}
        WHERE (object.merchant_id, object.mode) IS DISTINCT FROM (event.merchant_id, event.mode)
          AND touched(event.object_id)
        """,  # nosec B608  # The rule's own words.
    ),
)
