"""Figures for metrics that only the database knows: what waits, and for how long."""

from dataclasses import dataclass
from datetime import datetime
from math import inf

from django.db import connection

_FIGURES = """
SELECT jobs.waiting, jobs.oldest, doubts.number, doubts.oldest, discrepancies.number, discrepancies.oldest FROM
    (SELECT count(*) AS waiting, min(scheduled_at) AS oldest
     FROM procrastinate_jobs WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= %(now)s)) AS jobs,
    (SELECT count(*) AS number, min(created_at) AS oldest
     FROM payments_processorcall WHERE status IN ('created', 'unknown')) AS doubts,
    (SELECT count(*) AS number, min(created_at) AS oldest
     FROM payments_discrepancy WHERE status = 'open') AS discrepancies
"""

# Where the order is kept, what is due may wait for what comes before it.
_WEBHOOKS = """
SELECT deliveries.number, deliveries.oldest, given_up.number FROM
    (SELECT count(*) AS number,
            min(next_attempt_at) FILTER (WHERE next_attempt_at <= %(now)s AND NOT endpoint.ordered) AS oldest
     FROM payments_webhookdelivery delivery JOIN payments_webhookendpoint endpoint ON endpoint.id = endpoint_id
     WHERE delivery.status = 'pending') AS deliveries,
    (SELECT count(*) AS number FROM payments_webhookendpoint
     WHERE disabled_reason IN ('gone', 'failing')) AS given_up
"""

_LAST_LEDGER_CHECK = "SELECT differences, finished_at, seconds FROM payments_ledgercheck ORDER BY id DESC LIMIT 1"

_BREAKERS = """
SELECT account.connector, count(*) FILTER (WHERE breaker.status <> 'closed')
FROM payments_circuitbreaker breaker JOIN payments_processoraccount account ON account.id = breaker.account_id
GROUP BY account.connector ORDER BY account.connector
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers, and ages in seconds; the age of nothing is zero, but a check that never was is infinitely old."""

    jobs_waiting: int
    oldest_job_seconds: float
    calls_in_doubt: int
    oldest_doubt_seconds: float
    open_discrepancies: int
    oldest_discrepancy_seconds: float
    webhook_deliveries_pending: int
    oldest_due_webhook_seconds: float
    webhook_endpoints_given_up: int
    ledger_differences: int
    ledger_check_age_seconds: float
    ledger_check_seconds: float


def read_figures(*, now: datetime) -> Figures:
    """Return the figures as of now: what waits, what is in doubt or does not match, and the ledger's last check."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"now": now})
        jobs, oldest_job, doubts, oldest_doubt, discrepancies, oldest_discrepancy = cursor.fetchone()
        cursor.execute(_WEBHOOKS, {"now": now})
        pending, oldest_due, given_up = cursor.fetchone()
        cursor.execute(_LAST_LEDGER_CHECK)
        differences, finished_at, seconds = cursor.fetchone() or (0, None, 0.0)
    return Figures(
        jobs_waiting=jobs,
        oldest_job_seconds=_age(oldest_job, now),
        calls_in_doubt=doubts,
        oldest_doubt_seconds=_age(oldest_doubt, now),
        open_discrepancies=discrepancies,
        oldest_discrepancy_seconds=_age(oldest_discrepancy, now),
        webhook_deliveries_pending=pending,
        oldest_due_webhook_seconds=_age(oldest_due, now),
        webhook_endpoints_given_up=given_up,
        ledger_differences=differences,
        ledger_check_age_seconds=inf if finished_at is None else _age(finished_at, now),
        ledger_check_seconds=seconds,
    )


def count_open_breakers() -> dict[str, int]:
    """Return by connector at how many accounts the circuit breaker is not closed."""
    with connection.cursor() as cursor:
        cursor.execute(_BREAKERS)
        return dict(cursor.fetchall())


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else (now - since).total_seconds()
