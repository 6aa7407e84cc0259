"""Which transaction wrote a row: what says, unlike a time of day, whether a snapshot has seen it."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Cast


class TransactionIdField(models.BigIntegerField):  # type: ignore[type-arg]
    """PostgreSQL's 64-bit transaction id (`xid8`), which never wraps round; the database fills it in."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return the column's type."""
        return "xid8"

    def from_db_value(self, value: str | None, *_: object) -> int | None:
        """Return the id as a number; the driver has no type of its own for it."""
        return None if value is None else int(value)


def transactions_index(name: str) -> BrinIndex:
    """Return an index for what was written from a transaction on, in a table that rows are only ever added to.

    It is a few pages, whatever the size of the table, and costs a writer next to nothing. PostgreSQL has such indexes
    over numbers only.
    """
    as_number = Cast(Cast("transaction_id", models.TextField()), models.BigIntegerField())
    return BrinIndex(as_number, autosummarize=True, name=name)
