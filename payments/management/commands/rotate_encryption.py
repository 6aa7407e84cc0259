"""`manage.py rotate_encryption`: encrypt what is stored of secrets with the newest key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.encryption import Undecryptable
from payments.operations.encryption_rotation import rotate_encryption


class Command(BaseCommand):
    """Writes every secret once more. After it the older keys can be taken out of PAYMENTS_ENCRYPTION_KEYS."""

    help = "Encrypt every stored secret with the first of PAYMENTS_ENCRYPTION_KEYS; the others can then be taken out."
    requires_migrations_checks = True

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate."""
        try:
            written = rotate_encryption()
        except Undecryptable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Encrypted the secrets of {written} rows with the first key.")
