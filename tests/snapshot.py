"""What the tables hold, to see that a request has changed nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

# That a key was used is noted, whatever the request does.
USES_OF_KEYS = {"payments_apikeymeter"}


def content_of_tables() -> dict[str, tuple[int, int]]:
    """Return by table how many rows it has, and a sum over their content that any change would change."""
    tables = {model._meta.db_table for model in apps.get_app_config("payments").get_models()} - USES_OF_KEYS
    content = {table: "row::text" for table in tables} | {"payments_apikey": "(to_jsonb(row) - 'last_used_at')::text"}
    each = [
        f"SELECT '{table}', count(*), coalesce(sum(hashtextextended({content[table]}, 0)), 0) FROM {table} row"
        for table in tables
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return {table: (int(rows), int(content)) for table, rows, content in cursor.fetchall()}


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fail if any table of ours is not afterwards as it was before."""
    before = content_of_tables()
    yield
    after = content_of_tables()
    assert after == before, {table: (before[table], after[table]) for table in after if after[table] != before[table]}
