"""The rules that PostgreSQL holds of processors' news, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, set_once, update

_SETTLED: Final = "processorevent.processor_event_settled_at_a_time"


def _news(**changes: str) -> str:
    """Return an INSERT of a further piece of news."""
    return copy_of("ProcessorEvent", "news", **{"event_id": "'sbe-new'"} | changes)


NEWS: Final = {
    "deleted news": breach("processorevent.never_deleted", delete("processorevent", "news")),
    "the same news twice": breach("processorevent.processor_event_once", copy_of("ProcessorEvent", "news")),
    "news born as applied": breach("processorevent.lifecycle", _news(status="'applied'", settled_at="%(now)s")),
    "applied news that are received once more": breach(
        "processorevent.lifecycle",
        update("processorevent", "applied_news", status="'received'"),
        backed_by=(_SETTLED,),
    ),
    "ignored news that are received once more": breach(
        "processorevent.lifecycle",
        update("processorevent", "news", status="'ignored'", settled_at="%(now)s"),
        update("processorevent", "news", status="'received'"),
        backed_by=(_SETTLED,),
    ),
    "news of another account": breach(
        "processorevent.frozen_account", update("processorevent", "news", account_id="%(processor_account)s")
    ),
    "news that wait, and were settled": breach(_SETTLED, _news(settled_at="%(now)s")),
    "news that were applied at no time": breach(_SETTLED, update("processorevent", "news", status="'applied'")),
}

_REPLAY: Final = (
    "INSERT INTO payments_newsreplay (id, event_id, by, reason, status_before, status_after, created_at)"
    " VALUES (%(new)s, %(news)s, {by}, {reason}, {before}, 'applied', %(now)s)"
)
REPLAYS: Final = {
    "a replay by nobody": breach(
        "newsreplay.news_replay_says_who_and_why", _REPLAY.format(by="''", reason="'Why.'", before="'ignored'")
    ),
    "a replay for no reason": breach(
        "newsreplay.news_replay_says_who_and_why", _REPLAY.format(by="'ann'", reason="''", before="'ignored'")
    ),
    "a replay of what is applied": breach(
        "newsreplay.news_replay_was_not_applied", _REPLAY.format(by="'ann'", reason="'Why.'", before="'applied'")
    ),
    "another reason of a replay": breach("newsreplay.append_only", update("newsreplay", "replay", reason="'Other.'")),
}

FROZEN_NEWS: Final = {
    "id": "%(new)s",
    "connector": "'stripe'",
    "event_id": "'sbe-new'",
    "type": "'dispute.closed'",
    "object_reference": "'dp-new'",
    "payload": "'[]'",
    "occurred_at": "occurred_at - interval '1d'",
    "received_at": "received_at - interval '1d'",
}
NEWS_SET_ONCE: Final = {"settled_at": "settled_at + interval '1d'"}

BREACHES: Final = (
    NEWS
    | REPLAYS
    | frozen("processorevent", "news", FROZEN_NEWS, {})
    | set_once("processorevent", "applied_news", NEWS_SET_ONCE, {})
)
