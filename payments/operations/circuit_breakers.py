"""Circuit breakers: an account whose processor does not answer gets no new payments until it answers again.

A call that was not sent, or that no answer came to, is a failure; whatever is answered, a decline too, is an answer.
`FAILURES_TO_OPEN` failures one after the other, within `WINDOW`, open the breaker. After a while, which doubles as long
as it does not help, one payment is let through to try: an answer closes the breaker, a failure opens it again.

Nothing is written while all goes well: only a failure, and the first answer after one, touch the row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from payments import metrics
from payments.connectors.base import NotSent, Outcome, Unknown
from payments.lifecycles import CircuitBreakerStatus
from payments.models.circuit_breakers import CircuitBreaker
from payments.models.processor_accounts import ProcessorAccount

FAILURES_TO_OPEN: Final = 5
WINDOW: Final = timedelta(seconds=60)
OPEN_SECONDS_FIRST: Final = 30
OPEN_SECONDS_MAX: Final = 300
# By then the payment that was let through has its answer, or its process has died and another may try.
TRIAL: Final = timedelta(seconds=60)

_CLEAN: Final = {
    "status": CircuitBreakerStatus.CLOSED,
    "failures": 0,
    "failing_since": None,
    "retry_at": None,
    "open_seconds": 0,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker's columns, as values."""

    status: CircuitBreakerStatus
    failures: int
    failing_since: datetime | None
    retry_at: datetime | None
    open_seconds: int


def after_failure(before: Standing, *, now: datetime) -> Standing:
    """Return where one more failure takes a breaker."""
    recent = before.failing_since is not None and before.failing_since > now - WINDOW
    since = before.failing_since if recent else now
    failures = before.failures + 1 if recent else 1
    match before.status:
        case CircuitBreakerStatus.CLOSED:
            if failures < FAILURES_TO_OPEN:
                return Standing(before.status, failures, since, None, 0)
            return _opened(failures, since, OPEN_SECONDS_FIRST, now=now)
        case CircuitBreakerStatus.HALF_OPEN:
            return _opened(failures, since, min(2 * before.open_seconds, OPEN_SECONDS_MAX), now=now)
        case CircuitBreakerStatus.OPEN:
            # Captures and refunds go on meanwhile: that they fail too is no news.
            return Standing(before.status, failures, since, before.retry_at, before.open_seconds)


def note_outcome(account: ProcessorAccount | None, outcome: Outcome, *, now: datetime) -> None:
    """Count a failure, or take an answer for what it shows; call this with no transaction open.

    `account` comes with its breaker as it stood before the call: where that was clean, an answer writes nothing.
    """
    if account is None:
        return
    if isinstance(outcome, NotSent | Unknown):
        _count_failure(account, now=now)
    elif not _is_clean(account):
        reset_breaker(account_id=account.pk)


def reset_breaker(*, account_id: UUID) -> bool:
    """Close an account's breaker and forget its failures; return False where there was nothing to forget."""
    rows = CircuitBreaker.objects.filter(account_id=account_id)
    return bool(rows.exclude(status=CircuitBreakerStatus.CLOSED, failures=0).update(**_CLEAN))


def claim_trial(*, account_id: UUID, now: datetime) -> bool:
    """Take, in the caller's transaction, the one payment that may try an open breaker; False: another has it."""
    due = CircuitBreaker.objects.filter(account_id=account_id, retry_at__lte=now)
    return bool(due.update(status=CircuitBreakerStatus.HALF_OPEN, retry_at=now + TRIAL))


def _opened(failures: int, since: datetime | None, seconds: int, *, now: datetime) -> Standing:
    return Standing(CircuitBreakerStatus.OPEN, failures, since, now + timedelta(seconds=seconds), seconds)


def _is_clean(account: ProcessorAccount) -> bool:
    breaker: CircuitBreaker | None = getattr(account, "circuit_breaker", None)
    return breaker is None or (breaker.status == CircuitBreakerStatus.CLOSED and breaker.failures == 0)


def _count_failure(account: ProcessorAccount, *, now: datetime) -> None:
    new = CircuitBreaker(account=account, status=CircuitBreakerStatus.CLOSED)
    with transaction.atomic(durable=True):
        CircuitBreaker.objects.bulk_create([new], ignore_conflicts=True)
        breaker = CircuitBreaker.objects.select_for_update().get(account=account)
        before = CircuitBreakerStatus(breaker.status)
        standing = after_failure(
            Standing(before, breaker.failures, breaker.failing_since, breaker.retry_at, breaker.open_seconds), now=now
        )
        breaker.status = standing.status
        breaker.failures, breaker.failing_since = standing.failures, standing.failing_since
        breaker.retry_at, breaker.open_seconds = standing.retry_at, standing.open_seconds
        breaker.save(update_fields=("status", "failures", "failing_since", "retry_at", "open_seconds"))
    if standing.status == CircuitBreakerStatus.OPEN and before != CircuitBreakerStatus.OPEN:
        metrics.CIRCUIT_BREAKER_OPENINGS.labels(account.connector).inc()
