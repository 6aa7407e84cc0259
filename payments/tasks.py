"""Background jobs: each one line into operations. `manage.py procrastinate worker` runs them, any number of it."""

from typing import Final
from uuid import UUID

from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app

from django.utils import timezone

from payments.operations import (
    expiry,
    idempotency,
    ledger_check,
    missing,
    payout_schedules,
    processor_events,
    processor_reports,
    unknown_outcomes,
)

_DONE_JOBS_KEPT_HOURS: Final = 72

# A job that stumbles (the database was away) is tried again for about a day: after half a minute, a minute more …
_RETRY: Final = RetryStrategy(max_attempts=50, wait=30, linear_wait=60)


@app.task(name="resolve_call", retry=_RETRY)
def resolve_call(call_id: str, attempt: int) -> None:
    """Ask the processor about a call in doubt."""
    unknown_outcomes.ask_again(call_id=UUID(call_id), attempt=attempt, now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="find_lost_calls", queueing_lock="find_lost_calls")
def find_lost_calls(timestamp: int) -> None:
    """Ask about calls whose process died."""
    unknown_outcomes.find_lost_calls(now=timezone.now())


@app.periodic(cron="* * * * *")
# No queueing lock: it would have a processor's word refused whenever a job waits already.
@app.task(name="collect_news")
def collect_news(timestamp: int = 0) -> None:
    """Fetch and store the processors' news."""
    processor_events.collect_news(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="expire_authorizations", queueing_lock="expire_authorizations")
def expire_authorizations(timestamp: int) -> None:
    """Release reserves that have lapsed."""
    expiry.expire_authorizations(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="expire_payments", queueing_lock="expire_payments")
def expire_payments(timestamp: int) -> None:
    """Expire payments that nobody has paid."""
    expiry.expire_payments(now=timezone.now())


@app.task(name="apply_processor_event", retry=_RETRY)
def apply_processor_event(event_id: str, attempt: int) -> None:
    """Apply one piece of a processor's news."""
    processor_events.apply_event(event_id=UUID(event_id), attempt=attempt, now=timezone.now())


@app.periodic(cron="0 * * * *")
@app.task(name="pay_out_scheduled", queueing_lock="pay_out_scheduled")
def pay_out_scheduled(timestamp: int) -> None:
    """Pay out by the schedules that are due today."""
    payout_schedules.pay_out_scheduled(now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="reconcile_reports", queueing_lock="reconcile_reports", lock="reconcile_reports")
def reconcile_reports(timestamp: int) -> None:
    """Reconcile the processors' new reports, and look for what has not come."""
    processor_reports.fetch_reports(now=timezone.now())
    missing.find_missing(now=timezone.now())


@app.periodic(cron="30 3 * * 1-6")
@app.task(name="check_ledger_changes", queueing_lock="check_ledger_changes")
def check_ledger_changes(timestamp: int) -> None:
    """Check what was touched since the last check of the ledger; the runs tell what came of it."""
    ledger_check.run_check(full=False, now=timezone.now())


@app.periodic(cron="30 3 * * 0")
@app.task(name="check_ledger_in_full", queueing_lock="check_ledger_in_full")
def check_ledger_in_full(timestamp: int) -> None:
    """Check the whole ledger."""
    ledger_check.run_check(full=True, now=timezone.now())


@app.periodic(cron="* * * * *")
@app.task(name="take_over_stalled_jobs", queueing_lock="take_over_stalled_jobs", pass_context=True)
async def take_over_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Give the jobs of workers that died to the living."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


@app.periodic(cron="17 3 * * *")
@app.task(name="tidy_up", queueing_lock="tidy_up")
def tidy_up(timestamp: int) -> None:
    """Delete idempotency keys whose time is over."""
    idempotency.delete_expired_keys(now=timezone.now())


@app.periodic(cron="27 * * * *")
@app.task(name="delete_done_jobs", queueing_lock="delete_done_jobs", pass_context=True)
async def delete_done_jobs(context: JobContext, timestamp: int) -> None:
    """Delete the jobs that succeeded days ago; those that failed stay, to be looked at."""
    await app.job_manager.delete_old_jobs(nb_hours=_DONE_JOBS_KEPT_HOURS)
