"""A column whose content is a secret: encrypted in the database, readable in memory."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from payments.encryption import decrypt, encrypt


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is stored as a Fernet token (see `payments.encryption`). It cannot be searched."""

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt on the way in."""
        return None if value is None else encrypt(value)

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        """Decrypt on the way out."""
        return None if value is None else decrypt(value)
