"""What a new noun cannot forget: its lifecycle in the database, and foreign keys that keep owners apart.

The tables are looked at as PostgreSQL has them, not as the models or migrations would like them to be.
"""

from collections import defaultdict
from typing import NamedTuple

import pytest

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

from payments.lifecycles import LIFECYCLES

OWNER = frozenset({"merchant_id", "mode", "currency"})
# Of these one merchant has some in each mode: what points to them says whose it is. They name no currency.
WITHOUT_CURRENCY = frozenset(
    {"apikey", "event", "idempotencyrecord", "processoraccount", "webhookendpoint", "webhookdelivery"}
)

TABLES = [model for model in apps.get_app_config("payments").get_models() if not model._meta.proxy]
every_table = pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)

_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, confrelid::regclass::text, array_agg(own.attname::text ORDER BY place),
       array_agg(theirs.attname::text ORDER BY place)
FROM pg_constraint, unnest(conkey, confkey) WITH ORDINALITY AS pair (own_number, their_number, place)
JOIN pg_attribute own ON own.attnum = own_number
JOIN pg_attribute theirs ON theirs.attnum = their_number
WHERE contype = 'f' AND own.attrelid = conrelid AND theirs.attrelid = confrelid
GROUP BY pg_constraint.oid, conrelid, confrelid
"""
_LIFECYCLES = """
SELECT tgrelid::regclass::text, split_part(encode(tgargs, 'escape'), '\\000', 1)
FROM pg_trigger WHERE tgfoid = 'payments_follow_lifecycle'::regproc
"""


class Key(NamedTuple):
    """A foreign key: the columns of the row that points, and those they have to equal, in the same order."""

    target: str
    columns: tuple[str, ...]
    equals: tuple[str, ...]


def foreign_keys() -> dict[str, list[Key]]:
    """Return the foreign keys of each table."""
    found = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS)
        for table, target, columns, equals in cursor.fetchall():
            found[table].append(Key(target, tuple(columns), tuple(equals)))
    return found


def lifecycles() -> dict[str, str]:
    """Return the noun whose lifecycle each table follows."""
    with connection.cursor() as cursor:
        cursor.execute(_LIFECYCLES)
        return dict(cursor.fetchall())


def columns_of(model: type[Model]) -> set[str]:
    """Return the names of a table's columns."""
    return {field.column for field in model._meta.concrete_fields}


def nullable(model: type[Model], columns: tuple[str, ...]) -> set[str]:
    """Return those of the columns that may be null."""
    return {field.column for field in model._meta.concrete_fields if field.null and field.column in columns}


def owned_references(model: type[Model]) -> list[ForeignKey[Model, Model]]:
    """Return the references from a row of one merchant, mode and currency to another such row."""
    if not OWNER <= columns_of(model):
        return []
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, ForeignKey) and OWNER <= columns_of(field.target_field.model)
    ]


def keeps_owners_apart(key: Key, table: str, keys: dict[str, list[Key]]) -> bool:
    """Tell whether both rows have the same owner: the key says so, or both are about one row that has it."""
    if OWNER <= set(key.columns):
        return dict(zip(key.columns, key.equals, strict=True)).items() >= {name: name for name in OWNER}.items()
    shared = set(key.columns[1:]) & set(key.equals[1:])
    return any(
        OWNER <= set(own.columns) and OWNER <= set(theirs.columns) and own.target == theirs.target
        for column in shared
        for own in keys[table]
        for theirs in keys[key.target]
        if own.columns[0] == theirs.columns[0] == column
    )


@every_table
def test_a_status_follows_its_lifecycle_in_the_database(model: type[Model], db: None) -> None:
    followed = lifecycles().get(model._meta.db_table)

    assert (followed is not None) == ("status" in columns_of(model))


def test_every_lifecycle_is_followed_by_one_table(db: None) -> None:
    assert sorted(lifecycles().values()) == sorted(lifecycle.noun for lifecycle in LIFECYCLES)


@every_table
def test_a_reference_keeps_owners_apart(model: type[Model], db: None) -> None:
    keys, table = foreign_keys(), model._meta.db_table

    open_doors = [
        field.name
        for field in owned_references(model)
        if not any(
            key.columns[0] == field.column
            and key.target == field.target_field.model._meta.db_table
            and keeps_owners_apart(key, table, keys)
            for key in keys[table]
        )
    ]

    assert open_doors == []


@every_table
def test_what_a_reference_needs_is_there_or_is_checked(model: type[Model], db: None) -> None:
    """A foreign key over several columns says nothing where one of them is null."""
    keys, table = foreign_keys(), model._meta.db_table
    references = {field.column for field in owned_references(model)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(string_agg(pg_get_constraintdef(oid), ' '), '') FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid = %s::regclass",
            [table],
        )
        (checks,) = cursor.fetchone() or ("",)

    unchecked = {
        column
        for key in keys[table]
        if key.columns[0] in references and len(key.columns) > 1
        for column in nullable(model, key.columns[1:])
        if f"({column} IS NOT NULL)" not in checks
    }

    assert unchecked == set()


@every_table
def test_a_row_of_a_merchant_names_its_mode(model: type[Model]) -> None:
    if "merchant_id" in columns_of(model) and model._meta.model_name not in {"merchant", "platformfee"}:
        expected = OWNER - {"currency"} if model._meta.model_name in WITHOUT_CURRENCY else OWNER
        assert expected <= columns_of(model)


def test_the_references_that_matter_most_are_among_those_looked_at() -> None:
    names = {f"{model.__name__}.{field.name}" for model in TABLES for field in owned_references(model)}

    assert names >= {
        *("Refund.payment", "Dispute.payment", "ProcessorCall.payment", "ProcessorCall.payout"),
        *("JournalEntry.payment", "JournalEntry.payout", "JournalEntry.dispute", "JournalEntry.discrepancy"),
        *("JournalLine.account", "JournalLine.entry", "Discrepancy.payment", "Discrepancy.payout"),
    }
