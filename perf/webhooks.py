"""How fast webhooks go out, beside a plain loop that makes the same signed requests; and how soon they arrive.

    python -m perf.webhooks [--events 10000] [--endpoints 20] [--rate 50] [--seconds 20] [--senders 1]

Uses a PostgreSQL of its own in `.local/`, thrown away at the end, or the database in DATABASE_URL, where the rows stay.
The real sender (`manage.py send_webhooks`) is started as a process, and so is the receiver.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Final

import requests

from platform_site.local_postgres import remove_postgres, running_postgres

if TYPE_CHECKING:
    from payments.models import Event, WebhookEndpoint

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".local" / "perf-postgres"
DEADLINE_SECONDS: Final = 600
_POLL_SECONDS: Final = 0.1
_BATCH: Final = 1_000
# Threads that commit events: one alone would be held up by each commit.
_WRITERS: Final = 4


@dataclass(frozen=True, slots=True)
class Throughput:
    """Webhooks a second: of the sender, and of a plain loop."""

    sender: float
    plain_loop: float

    @property
    def ratio(self) -> float:
        """Return how much faster the sender is than the loop."""
        return self.sender / self.plain_loop


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the commit of an event to its arrival, and how many events a second there really were."""

    p50: float
    p95: float
    worst: float
    rate: float


class Receiver:
    """The receiver's process, seen from here."""

    def __init__(self, port: int) -> None:
        """Take its port."""
        self.url = f"http://127.0.0.1:{port}/webhooks"
        self._received = f"http://127.0.0.1:{port}/received"
        self._arrivals: dict[str, float] = {}

    def arrivals(self) -> dict[str, float]:
        """Return when each webhook came first, in Unix seconds by its id."""
        for message_id, at in requests.get(self._received, timeout=30).json():
            self._arrivals.setdefault(message_id, at)
        return self._arrivals

    def wait_for(self, message_ids: set[str]) -> list[float]:
        """Return when these came, in order, once all of them did."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while missing := len(message_ids - self.arrivals().keys()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{missing} of {len(message_ids)} webhooks have not arrived.")
            time.sleep(_POLL_SECONDS)
        return sorted(self._arrivals[message_id] for message_id in message_ids)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run the receiver."""
    command = [sys.executable, "-m", "perf.receiver"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Receiver(int(process.stdout.readline()))
        finally:
            process.terminate()


@contextmanager
def sending(database_url: str) -> Iterator[None]:
    """Run a sender; when the block begins, it is about to look for the first time."""
    command = [sys.executable, "manage.py", "send_webhooks"]
    environment = os.environ | {"DATABASE_URL": database_url}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            while (line := process.stderr.readline()) and not line.startswith("Sending webhooks"):
                continue
            yield
        finally:
            process.terminate()
            process.communicate()


def make_endpoints(url: str, count: int) -> "Sequence[WebhookEndpoint]":
    """Return endpoints at the receiver, each a merchant's own."""
    # pylint: disable=import-outside-toplevel  # Django is set up by then.
    from payments.lifecycles import Mode
    from payments.operations.callers import Caller
    from payments.operations.merchants import create_merchant
    from payments.operations.webhook_endpoints import create_endpoint

    now = datetime.now(UTC)
    merchants = [create_merchant(name=f"Measured {number}", now=now) for number in range(count)]
    return [
        create_endpoint(caller=Caller(merchant.pk, Mode.TEST), url=f"{url}/{number}", event_types=["*"], now=now)
        for number, merchant in enumerate(merchants)
    ]


def measure_throughput(
    endpoints: "Sequence[WebhookEndpoint]", receiver: Receiver, *, events: int, senders: Callable[[], ExitStack]
) -> Throughput:
    """Write so many events, and have them sent: by a plain loop first, then by the senders."""
    to = [endpoints[number % len(endpoints)] for number in range(events)]
    rows = _write_events(to)
    plain_loop = _send_plainly(to, rows)
    with senders():
        arrived = receiver.wait_for({row.public_id for row in rows})
    return Throughput(sender=(events - 1) / (arrived[-1] - arrived[0]), plain_loop=plain_loop)


def _write_events(to: "Sequence[WebhookEndpoint]") -> "list[Event]":
    """Write an event for each of these endpoints, many in one statement: how fast that is, is not the question."""
    # pylint: disable=import-outside-toplevel  # Django is set up by then.
    from payments.models import Event
    from payments.public_ids import new_uuid

    shown = Event.objects.filter(merchant=to[0].merchant).latest("id").data
    now = datetime.now(UTC)
    rows = [
        Event(
            merchant_id=endpoint.merchant_id,
            mode=endpoint.mode,
            type="payment.succeeded",
            object_id=new_uuid(),
            data=shown,
            created_at=now,
        )
        for endpoint in to
    ]
    for first in range(0, len(rows), _BATCH):
        Event.objects.bulk_create(rows[first : first + _BATCH])
    return rows


def _send_plainly(to: "Sequence[WebhookEndpoint]", rows: "Sequence[Event]") -> float:
    """Make the signed requests one after the other, and return how many that is a second."""
    # pylint: disable=import-outside-toplevel  # Django is set up by then.
    from payments.operations.representations import as_json, represent_event
    from payments.signing import webhook_signatures

    bodies = [as_json(represent_event(row)).encode() for row in rows]
    began = time.monotonic()
    with requests.Session() as session:
        for endpoint, row, body in zip(to, rows, bodies, strict=True):
            at = datetime.now(UTC)
            signatures = webhook_signatures(secrets=[endpoint.secret], message_id=row.public_id, at=at, body=body)
            headers = {
                "Content-Type": "application/json",
                "webhook-id": f"plain-{row.public_id}",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signatures,
            }
            session.post(endpoint.url, data=body, headers=headers, timeout=15).raise_for_status()
    return len(rows) / (time.monotonic() - began)


def measure_latency(endpoints: "Sequence[WebhookEndpoint]", receiver: Receiver, *, rate: int, seconds: int) -> Latency:
    """Commit so many events a second, evenly, and see when each arrives. Senders are to be running."""
    # pylint: disable=import-outside-toplevel  # Django is set up by then.
    from django.db import connection

    from payments.lifecycles import Mode
    from payments.operations.callers import Caller
    from payments.operations.webhook_endpoints import send_test_event

    committed: dict[str, float] = {}
    began = time.monotonic()

    def write(first: int) -> None:
        for number in range(first, rate * seconds, _WRITERS):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            endpoint = endpoints[number % len(endpoints)]
            caller = Caller(endpoint.merchant_id, Mode(endpoint.mode))
            delivery = send_test_event(caller=caller, endpoint_id=endpoint.pk, now=datetime.now(UTC))
            committed[delivery.event.public_id] = time.time()
        connection.close()

    with ThreadPoolExecutor(_WRITERS) as pool:
        for writing in [pool.submit(write, first) for first in range(_WRITERS)]:
            writing.result()
    took = time.monotonic() - began
    receiver.wait_for(set(committed))
    arrivals = receiver.arrivals()
    waits = sorted(max(0.0, arrivals[message_id] - at) for message_id, at in committed.items())
    shares = quantiles(waits, n=20)
    return Latency(p50=shares[9], p95=shares[18], worst=waits[-1], rate=len(committed) / took)


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a database with all tables."""
    with ExitStack() as stack:
        url = os.environ.get("DATABASE_URL")
        if url is None:
            stack.callback(remove_postgres, FOLDER)
            url = stack.enter_context(running_postgres(FOLDER))
        environment = os.environ | {"DATABASE_URL": url}
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)
        yield url


def main(arguments: Sequence[str]) -> int:
    """Measure, and print figures."""
    parser = argparse.ArgumentParser(prog="python -m perf.webhooks", description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000, help="how many are sent as fast as can be")
    parser.add_argument("--endpoints", type=int, default=20)
    parser.add_argument("--rate", type=int, default=50, help="events a second, to see how soon they arrive")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--senders", type=int, default=1, help="processes side by side")
    options = parser.parse_args(arguments)
    os.environ.setdefault("PAYMENTS_ENVIRONMENT", "local")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "platform_site.settings")
    with database() as url, receiving() as receiver:
        os.environ["DATABASE_URL"] = url
        # pylint: disable=import-outside-toplevel  # Its settings need the database.
        import django
        from django.db import connection

        django.setup()

        def senders() -> ExitStack:
            with ExitStack() as stack:
                for _ in range(options.senders):
                    stack.enter_context(sending(url))
                return stack.pop_all()

        endpoints = make_endpoints(receiver.url, options.endpoints)
        speed = measure_throughput(endpoints, receiver, events=options.events, senders=senders)
        print(f"{options.events} webhooks to {options.endpoints} endpoints, senders: {options.senders}")
        print(f"  sender      {speed.sender:7.0f} a second")
        print(f"  plain loop  {speed.plain_loop:7.0f} a second")
        print(f"  ratio       {speed.ratio:7.2f}")
        with senders():
            wait = measure_latency(endpoints, receiver, rate=options.rate, seconds=options.seconds)
        print(f"From commit to arrival, at {wait.rate:.0f} events a second for {options.seconds} s")
        print(f"  p50 {wait.p50 * 1000:.0f} ms, p95 {wait.p95 * 1000:.0f} ms, worst {wait.worst * 1000:.0f} ms")
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
