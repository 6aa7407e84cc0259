"""`manage.py checkpoint_balances`: sum up the journal so far, so that balances stay quick to read."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from payments.operations.balances import checkpoint_balances


class Command(BaseCommand):
    """Writes a checkpoint for every account that has new lines. Run it daily; running it twice does no harm."""

    help = "Write balance checkpoints for every account with new journal lines."

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them."""
        written = checkpoint_balances(now=timezone.now())
        self.stdout.write(f"Wrote {written} checkpoints.")
