"""The SQL of migrations, written down without a database."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlparse

from django.db import connection
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations import Migration, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

# The oldest that is supported.
POSTGRES_MAJOR = 16


class Unwritable(Exception):
    """An operation whose SQL cannot be had; the message says which and what to do."""


@dataclass(frozen=True)
class Step:
    """An operation of a migration, and its statements, one a line."""

    operation: Operation
    description: str
    statements: tuple[str, ...]


Written = tuple[Migration, list[Step]]


class OfflineEditor(DatabaseSchemaEditor):
    """Writes what Django would tell PostgreSQL, and asks it nothing."""

    def __init__(self) -> None:
        """Collect from now on."""
        super().__init__(connection, collect_sql=True, atomic=False)
        # Django would ask the server.
        setattr(connection, "pg_version", POSTGRES_MAJOR * 10_000)
        self.deferred_sql = []

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Put the parameters in, for which Django would ask the connection, and collect the statement."""
        super().execute(str(sql) % tuple(map(self.quote_value, params)) if params else sql, None)

    def _constraint_names(self, *_: Any, **__: Any) -> list[str]:
        """Return none: a column that goes takes its constraints with it, and has a rule of its own."""
        return []

    def take(self) -> tuple[str, ...]:
        """Return what was collected since the last time, with what Django would leave for the end."""
        for statement in self.deferred_sql:
            self.execute(statement, None)
        self.deferred_sql.clear()
        # Without comments: on one line they would hide what follows, and in them squawk would read what to ignore.
        script = sqlparse.format("\n".join(self.collected_sql), strip_comments=True)
        self.collected_sql.clear()
        return tuple(" ".join(statement.split()).rstrip("; ") + ";" for statement in sqlparse.split(script))


def write_migrations(loader: MigrationLoader, wanted: Container[tuple[str, str]]) -> Iterator[Written]:
    """Yield those of the wanted migrations that there are, in their order, with their steps; raise Unwritable."""
    plan = [key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf)]
    state = loader.project_state(plan[0], at_end=False)
    editor = OfflineEditor()
    for key in dict.fromkeys(plan):
        migration = loader.graph.nodes[key]
        if key not in wanted:
            state = migration.mutate_state(state, preserve=False)
            continue
        steps = []
        for operation in migration.operations:
            before = state.clone()
            operation.state_forwards(key[0], state)
            if _is_sql(operation, migration):
                operation.database_forwards(key[0], editor, before, state)
            steps.append(Step(operation, operation.describe(), editor.take()))
        yield migration, steps


def _is_sql(operation: Operation, migration: Migration) -> bool:
    """Tell whether the operation can be written as SQL: anything but RunPython, which would be run."""
    if isinstance(operation, SeparateDatabaseAndState):
        parts: Sequence[Operation] = operation.database_operations
        if not all(_is_sql(part, migration) for part in parts):
            raise Unwritable(f"{migration}: take RunPython out of SeparateDatabaseAndState: it changes no state")
    return bool(operation.reduces_to_sql)
