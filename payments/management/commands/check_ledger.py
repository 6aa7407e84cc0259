"""`manage.py check_ledger`: recompute the ledger and say what differs."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from payments.operations.ledger_check import run_check


class Command(BaseCommand):
    """Prints each difference on a line, or all of them as JSON, records the run, and fails if there is one."""

    help = "Recompute every amount, status and checkpoint from the journal and the events. Fails on a difference."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to look at, and how to say it."""
        parser.add_argument(
            "--incremental", action="store_true", help="look only at what was touched since the last run that was clean"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the check."""
        result = run_check(full=not options["incremental"], now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(result.as_document(), ensure_ascii=False, indent=2))
        else:
            for difference in result.differences:
                self.stdout.write(str(difference))
        if not result.ok:
            raise CommandError(f"The ledger does not add up: {len(result.differences)} differences.")
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("The ledger adds up."))
