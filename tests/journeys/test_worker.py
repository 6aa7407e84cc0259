"""The worker: a process of its own that carries doubts to their end, and whose jobs outlive it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from django.db import connection

from payments.operations.ledger_check import check_ledger
from tests.shop import open_shop, payment_named

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60


@contextmanager
def worker(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Start a worker on the test's database, and stop it at the end."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "procrastinate", "worker"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be so in time"
        time.sleep(0.05)


def doubtful_payment() -> tuple[str, ProcrastinateJob]:
    """Take a payment whose answer is lost, and return its id and the job that will ask, which is due now."""
    payment = open_shop().pay(payment_method="pm_fault_timeout_after").json()
    call = payment_named(payment["id"]).processor_calls.get()
    jobs = ProcrastinateJob.objects.filter(task_name="resolve_call", args__call_id=str(call.pk))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE id = %s", [jobs.get().id])
    return payment["id"], jobs.get()


def job_status(job: ProcrastinateJob) -> str:
    """Return the job's status as it is now."""
    return str(ProcrastinateJob.objects.get(id=job.id).status)


@pytest.mark.timeout(120)
def test_worker_asks_the_processor_and_stops_when_it_is_told_to(committed_db: None, database_url: str) -> None:
    payment_id, job = doubtful_payment()

    with worker(database_url) as process:
        wait_until(lambda: job_status(job) == "succeeded")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()

    assert process.returncode == 0, output
    assert payment_named(payment_id).status == "succeeded"
    assert check_ledger() == []


@pytest.mark.timeout(120)
def test_job_of_a_killed_worker_is_taken_over(committed_db: None, database_url: str) -> None:
    payment_id, job = doubtful_payment()
    with connection.cursor() as cursor:
        # A worker that took the job and was killed in the middle of it leaves just this behind.
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1h') RETURNING id")
        dead = cursor.fetchone()[0]
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE id = %s", [dead, job.id])
    # The worker before may have left one.
    with suppress(AlreadyEnqueued):
        app.configure_task("take_over_stalled_jobs").defer(timestamp=0)

    with worker(database_url):
        wait_until(lambda: job_status(job) == "succeeded")

    assert payment_named(payment_id).status == "succeeded"


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("task", "argument"), [("resolve_call", "call_id"), ("apply_processor_event", "event_id")])
def test_job_that_stumbles_is_tried_again_later(
    committed_db: None, database_url: str, task: str, argument: str
) -> None:
    arguments: dict[str, Any] = {argument: str(uuid4()), "attempt": 0}
    job_id = app.configure_task(task).defer(**arguments)

    with worker(database_url):
        wait_until(lambda: ProcrastinateJob.objects.get(id=job_id).attempts == 1)

    again = ProcrastinateJob.objects.get(id=job_id)
    assert again.status == "todo"
    assert again.scheduled_at is not None
