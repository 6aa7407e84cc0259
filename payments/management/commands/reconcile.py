"""`manage.py reconcile FILE`: take in a settlement report or a bank statement, and say what does not match."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.operations.reconciliation import reconcile
from payments.staff_errors import BadReport


class Command(BaseCommand):
    """Fails only if the file cannot be read: discrepancies are its result, and wait for a person in the admin."""

    help = "Reconcile a settlement report (CSV) or a bank statement (camt.053, MT940). The same file may be read again."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--connector", default="sandbox", help="whose settlement report it is (default: sandbox)")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reconcile, and print what came of it."""
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                summary = reconcile(name=path.name, file=file, connector=options["connector"], now=timezone.now())
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}") from error
        except BadReport as error:
            raise CommandError(f"{path}: {error}") from error
        report = summary.report
        figures = {name: value for name, value in asdict(summary).items() if name != "report"}
        if options["json"]:
            self.stdout.write(json.dumps({"report": report.public_id, "format": report.format, **figures}))
            return
        self.stdout.write(
            f"{report.public_id} ({report.format}): {summary.lines} lines, {summary.new} of them new,"
            f" {summary.matched} matched."
        )
        if summary.opened or not summary.cleared:
            style = self.style.WARNING if summary.opened else self.style.SUCCESS
            self.stdout.write(style(f"{summary.opened or 'No'} discrepancies opened."))
        if summary.cleared:
            self.stdout.write(f"{summary.cleared} discrepancies cleared up.")
