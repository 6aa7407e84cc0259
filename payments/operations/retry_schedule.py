"""When a webhook that did not get there is sent again: fixed delays, a little chance, and the receiver's own wish."""

from datetime import timedelta
from typing import Final

# Before the first attempt, the second … (Standard Webhooks 1.0.0 recommends these.) After the last one it is given up.
DELAYS: Final = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# A delay is lengthened by up to this share of itself, so that what failed together does not come back together.
JITTER_SHARE: Final = 0.1
# Too many requests, service unavailable: their Retry-After says when to come back.
_MAY_ASK_TO_WAIT: Final = frozenset({429, 503})


def delay_before(attempt: int, *, chance: float) -> timedelta | None:
    """Return how long to wait before the attempt of this number, counted from 1; None: it is not made any more.

    `chance` is a number from 0 to 1 that decides on the jitter.
    """
    if attempt > len(DELAYS):
        return None
    return DELAYS[attempt - 1] * (1 + JITTER_SHARE * chance)


def wait_asked_for(*, status: int | None, retry_after: timedelta | None) -> timedelta:
    """Return how long an answer asks us to wait at least; zero, if it does not."""
    if retry_after is None or status not in _MAY_ASK_TO_WAIT:
        return timedelta(0)
    return retry_after
