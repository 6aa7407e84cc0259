"""Secrets at rest under a new key: every encrypted column of every table is written once more."""

from typing import Final

from django.apps import apps
from django.db import transaction
from django.db.models import Model, QuerySet

from payments.models.encrypted import EncryptedTextField

ROWS_AT_ONCE: Final = 500


def rotate_encryption() -> int:
    """Encrypt every stored secret with the first of the configured keys; return how many rows were written.

    It may be run again at any time, and beside everything else: rows are locked a few hundred at a time.

    Raises:
        Undecryptable: a secret was encrypted with a key that is not configured any more.
    """
    return sum(_rotate(model) for model in apps.get_app_config("payments").get_models())


def encrypted_columns(model: type[Model]) -> list[str]:
    """Return the names of the fields that are stored encrypted."""
    return [field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]


def _rotate(model: type[Model]) -> int:
    columns = encrypted_columns(model)
    if not columns:
        return 0
    rows: QuerySet[Model] = QuerySet(model).order_by("pk").only("pk", *columns)
    written, remaining = 0, rows
    while True:
        with transaction.atomic(durable=True):
            batch = list(remaining.select_for_update(no_key=True)[:ROWS_AT_ONCE])
            for row in batch:
                # What was decrypted on the way out is encrypted with the first key on the way in.
                row.save(update_fields=columns)
        if not batch:
            return written
        written += len(batch)
        remaining = rows.filter(pk__gt=batch[-1].pk)
