"""`manage.py sandbox_settlement`: the sandbox's settlement report of all that moved since the last one."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from payments.operations.processor_reports import sandbox_settlement


class Command(BaseCommand):
    """Closes the sandbox's batches and writes their report. It is test money only, so it may be done anywhere."""

    help = "Write the sandbox's settlement report (CSV) of all that moved since the last one, to be reconciled."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to write."""
        parser.add_argument("file", nargs="?", type=Path, help="where to write; the standard output, if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it, and say so where there is nothing to write."""
        path: Path | None = options["file"]
        written = False
        with path.open("w", encoding="utf-8", newline="") if path else nullcontext(self.stdout) as target:
            for line in sandbox_settlement(now=timezone.now()):
                target.write(line)
                written = True
        if not written:
            self.stderr.write("Nothing has moved at the sandbox since the last report.")
