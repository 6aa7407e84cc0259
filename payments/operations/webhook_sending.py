"""The sender: one thread that speaks to the database, and many that speak to merchants' endpoints.

Claims and results go through the one connection, in batches as large as the load makes them; requests are made by a
pool of threads, which hold nothing. Any number of senders may run side by side. One that is killed loses nothing: what
it had claimed falls due again when its lease is over.
"""

import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final
from uuid import UUID

from django.db import OperationalError, connection
from django.utils import timezone

from payments.operations.deliveries import Attempt, Claimed, attempt, claim_due, record_attempts
from payments.webhook_sender import Sent, close_connections

logger = logging.getLogger(__name__)

# How long a sender with nothing to do waits before it looks again.
POLL_SECONDS: Final = 0.2
DATABASE_AWAY_SECONDS: Final = 1.0
# Claimed for each thread: what it sends, and what it sends next, so that no thread waits for the database and each
# round there is worth it. Even where every receiver is as slow as can be, all of it has ended within the lease.
CLAIMED_PER_THREAD: Final = 2


class WebhookSender:
    """Sends what is due until it is told to stop."""

    def __init__(self, *, threads: int, clock: Callable[[], datetime] = timezone.now) -> None:
        """Take how many requests may be on their way at a time."""
        self._threads = threads
        self._clock = clock
        self._stopping = Event()
        self._results: SimpleQueue[Attempt | Claimed] = SimpleQueue()
        self._unrecorded: list[Attempt] = []
        # Requests on their way or not recorded yet, by endpoint.
        self._in_flight: Counter[UUID] = Counter()

    def stop(self) -> None:
        """Have `run` claim nothing more, and return when what is on its way has ended and is recorded."""
        self._stopping.set()

    def run(self) -> None:
        """Send, until told to stop. While the database is away, wait for it."""
        try:
            with ThreadPoolExecutor(self._threads, thread_name_prefix="webhook") as pool:
                self._run(pool)
        finally:
            close_connections()

    def _run(self, pool: ThreadPoolExecutor) -> None:
        while self._in_flight or not self._stopping.is_set():
            try:
                self._collect(wait=not self._claim(pool))
            except OperationalError:
                logger.exception("the database is away; deliveries wait")
                connection.close()
                if self._stopping.wait(DATABASE_AWAY_SECONDS):
                    # What is not recorded falls due again by itself.
                    return

    def _claim(self, pool: ThreadPoolExecutor) -> bool:
        """Give the threads something to do, and something to do next; tell whether there may be more of it."""
        free = self._threads * CLAIMED_PER_THREAD - self._in_flight.total()
        if self._stopping.is_set() or not free:
            return False
        claimed = claim_due(limit=free, in_flight=self._in_flight, now=self._clock())
        for each in claimed:
            self._in_flight[each.endpoint_id] += 1
            pool.submit(self._send, each)
        return bool(claimed)

    def _send(self, claimed: Claimed) -> None:
        """Send one delivery, in a thread of the pool; what is not begun at the stop falls due again by itself."""
        if self._stopping.is_set():
            self._results.put(claimed)
            return
        now = self._clock()
        try:
            self._results.put(attempt(claimed, now=now))
        except Exception as error:  # pylint: disable=broad-exception-caught
            # Whatever is wrong with one delivery: it counts, so that it is not sent for ever, and holds up no other.
            logger.exception("a webhook could not be sent")
            failed = Sent(
                status=None, body="", error=f"{type(error).__name__} at the sender", duration_ms=0, retry_after=None
            )
            self._results.put(Attempt(claimed, now, {}, failed))

    def _collect(self, *, wait: bool) -> None:
        """Record the results there are; where there are none, wait for one for a moment if there is nothing to do."""
        try:
            if wait and not self._unrecorded:
                self._take(self._results.get(timeout=POLL_SECONDS))
            while True:
                self._take(self._results.get_nowait())
        except Empty:
            pass
        if self._unrecorded:
            record_attempts(self._unrecorded, now=self._clock())
            self._in_flight -= Counter(made.claimed.endpoint_id for made in self._unrecorded)
            self._unrecorded = []

    def _take(self, result: Attempt | Claimed) -> None:
        """Keep a result until it is recorded; a delivery that was not begun has none."""
        if isinstance(result, Claimed):
            self._in_flight -= Counter([result.endpoint_id])
        else:
            self._unrecorded.append(result)
