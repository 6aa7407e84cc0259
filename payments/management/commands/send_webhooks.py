"""`manage.py send_webhooks`: send merchants what they want to be told. Any number of these may run."""

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from prometheus_client import start_http_server

from django.core.management.base import BaseCommand

from payments import conf
from payments.operations.webhook_sending import WebhookSender


class Command(BaseCommand):
    """Runs until it is told to stop (SIGTERM, SIGINT), and ends when what is on its way has its answer."""

    help = "Send webhooks, until told to stop. Run it beside the web server and the worker, as often as you like."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how wide the sender is, and where its metrics are read."""
        parser.add_argument("--threads", type=int, default=conf.webhook_sender_threads(), help="requests at a time")
        parser.add_argument("--metrics-port", type=int, help="serve Prometheus metrics at this port of all interfaces")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send."""
        sender = WebhookSender(threads=options["threads"])

        def stop(number: int, frame: FrameType | None) -> None:
            sender.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        if options["metrics_port"]:
            start_http_server(options["metrics_port"])
        self.stderr.write("Sending webhooks.")
        sender.run()
        self.stderr.write("Stopped.")
