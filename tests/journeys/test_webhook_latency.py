"""From the commit of an event to its arrival at a merchant's server, with a real sender."""

import pytest

from perf.webhooks import make_endpoints, measure_latency, receiving, sending
from tests.webhooks import put_off_what_is_due

P95_SECONDS = 1.0


@pytest.mark.timeout(180)
def test_a_webhook_arrives_within_a_second(database_url: str) -> None:
    put_off_what_is_due()
    with receiving() as receiver, sending(database_url):
        endpoints = make_endpoints(receiver.url, 4)
        # What a process does once, at its first requests, is no part of it.
        measure_latency(endpoints, receiver, rate=20, seconds=1)

        wait = measure_latency(endpoints, receiver, rate=20, seconds=5)

    assert wait.p95 < P95_SECONDS
