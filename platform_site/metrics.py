"""`/metrics`: what all workers have counted together, and what only the database knows."""

import logging
import os
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from payments.operations.figures import count_open_breakers, read_figures

logger = logging.getLogger(__name__)

HELP = {
    "jobs_waiting": "Background jobs that are due.",
    "oldest_job_seconds": "How long the oldest of them has been due.",
    "calls_in_doubt": "Calls to processors without a final answer.",
    "oldest_doubt_seconds": "How old the oldest of them is.",
    "open_discrepancies": "What does not match and nobody has resolved.",
    "oldest_discrepancy_seconds": "How old the oldest of them is.",
    "webhook_deliveries_pending": "Events on their way to merchants' endpoints.",
    "oldest_due_webhook_seconds": "How long the oldest of them that could be sent has been due.",
    "webhook_endpoints_given_up": "Endpoints that were disabled because they are gone or keep failing.",
    "ledger_differences": "What did not add up when check_ledger last ran.",
    "ledger_check_age_seconds": "How long ago that was; infinite, if it never ran.",
    "ledger_check_seconds": "How long it took.",
}
OPEN_BREAKERS = "Accounts that get no new payments because their processor does not answer."


class DatabaseCollector(Collector):
    """Reads the figures when they are asked for; a database that is away takes no other metric with it."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield a gauge for each figure."""
        try:
            figures, open_breakers = read_figures(now=timezone.now()), count_open_breakers()
        except DatabaseError:
            logger.exception("the figures of the database cannot be read")
            return
        for name, text in HELP.items():
            yield GaugeMetricFamily(f"payments_{name}", text, value=getattr(figures, name))
        gauge = GaugeMetricFamily("payments_open_circuit_breakers", OPEN_BREAKERS, labels=("connector",))
        for connector, number in open_breakers.items():
            gauge.add_metric((connector,), number)
        yield gauge


def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics of all workers in the Prometheus text format."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        counted = generate_latest(registry)
    else:
        counted = generate_latest(REGISTRY)
    figures = CollectorRegistry()
    figures.register(DatabaseCollector())
    return HttpResponse(counted + generate_latest(figures), content_type=CONTENT_TYPE_LATEST)
