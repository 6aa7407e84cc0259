"""Differences to plant in good books: each is found by the rule it names, on the row it names.

PostgreSQL refuses most of these changes, so its triggers and foreign keys are switched off to plant them, and a CHECK
is dropped where there is one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from tests.books import Books, execute


@dataclass(frozen=True, slots=True)
class Planted:
    """A change to good books, and the difference that it makes: the rule and the row (as `prefix name`).

    `alone` says that no other rule sees it.
    """

    statements: tuple[str, ...]
    rule: str
    row: str
    alone: bool = False


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back whatever is done, as Django's test cases do: operations may open their transactions in it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined] # pylint: disable=protected-access
    with block:
        yield
        transaction.set_rollback(True)


def plant(planted: Planted, books: Books) -> None:
    """Make the change with PostgreSQL's triggers switched off."""
    execute("SET LOCAL session_replication_role = replica", {})
    for statement in planted.statements:
        execute(statement, books)
    execute("SET LOCAL session_replication_role = origin", {})


def planted(rule: str, row: str, *statements: str) -> Planted:
    """Return a difference that other rules may see, too."""
    return Planted(statements, rule, row)


def alone(rule: str, row: str, *statements: str) -> Planted:
    """Return a difference that no other rule sees."""
    return Planted(statements, rule, row, alone=True)


def setting(table: str, name: str, change: str) -> str:
    """Return the statement that changes columns of the row of this name."""
    return f"UPDATE payments_{table} SET {change} WHERE id = %({name})s"


def side(entry: str, direction: str, change: str) -> str:
    """Return the statement that changes one side of the entry of this name."""
    return f"UPDATE payments_journalline SET {change} WHERE entry_id = %({entry})s AND direction = '{direction}'"


def line(change: str) -> str:
    """Return the statement that changes the debit of a captured payment."""
    return side("captured_entry", "debit", change)


def without_entry(condition: str) -> tuple[str, str]:
    """Return the statements that delete entries with their lines."""
    entries = f"FROM payments_journalentry WHERE {condition}"
    return f"DELETE FROM payments_journalline WHERE entry_id IN (SELECT id {entries})", f"DELETE {entries}"


def account_of_shop(code: str) -> str:
    """Return the id of an account of the merchant whose books have everything in them."""
    return (
        f"(SELECT id FROM payments_ledgeraccount WHERE merchant_id = %(shop)s AND currency = 'EUR' AND code = '{code}')"
    )


def event_says(noun: str, members: str) -> str:
    """Return the statement that has an object's last event say something else."""
    last = f"(SELECT max(sequence) FROM payments_event WHERE object_id = %({noun})s)"
    return (
        f"UPDATE payments_event SET data = data || jsonb_build_object({members})"
        f" WHERE object_id = %({noun})s AND sequence = {last}"
    )


def no_check(table: str, name: str) -> str:
    """Return the statement that drops a CHECK."""
    return f"ALTER TABLE payments_{table} DROP CONSTRAINT {name}"
