"""What a breach of a rule is, and the SQL that breaches are made of.

A rule is named `table.name`, where the name is that of a trigger, a constraint or a unique index. Parameters such
as `%(captured)s` are the names of rows in books.py and more_books.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db.models import ForeignKey

from tests.books import copy_of

# What keeps the rows of a table from being deleted.
KEPT_BY: Final = {
    **dict.fromkeys(("journalentry", "journalline", "event", "ledgercheck", "deliveryattempt"), "append_only"),
    **dict.fromkeys(("payment", "processorcall", "refund", "dispute", "payout", "processorevent"), "never_deleted"),
    **dict.fromkeys(("webhookendpoint", "webhookdelivery"), "never_deleted"),
    **dict.fromkeys(("report", "settlementline", "bankline", "discrepancy", "repair", "apikey"), "never_deleted"),
    **{"processoraccount": "never_deleted", "newsreplay": "append_only"},
}


@dataclass(frozen=True, slots=True)
class Breach:
    """Statements that PostgreSQL refuses because of `rule`.

    Where another rule refuses them as well, `backed_by` names it: both have to go before they pass.
    """

    rule: str
    statements: tuple[str, ...]
    backed_by: tuple[str, ...] = ()


def breach(rule: str, *statements: str, backed_by: tuple[str, ...] = ()) -> Breach:
    """Return one breach."""
    return Breach(rule, statements, backed_by)


def entry(**changes: str) -> str:
    """Return an INSERT of an entry that books the declined call, which has none."""
    return copy_of(
        "JournalEntry",
        "captured_entry",
        **{"id": "%(new)s", "payment_id": "%(declined)s", "processor_call_id": "%(declined_call)s"} | changes,
    )


def line(direction: str, amount: int, layer: str = "posted", **changes: str) -> str:
    """Return an INSERT of a line of that entry."""
    values = {"direction": f"'{direction}'", "amount": str(amount), "layer": f"'{layer}'", "entry_id": "%(new)s"}
    return copy_of("JournalLine", "captured_line", **values | changes)


def update(table: str, name: str, /, **changes: str) -> str:
    """Return an UPDATE of columns of one row."""
    assignments = ", ".join(f"{column} = {value}" for column, value in changes.items())
    return f"UPDATE payments_{table} SET {assignments} WHERE id = %({name})s"


def delete(table: str, name: str) -> str:
    """Return a DELETE of one row."""
    return f"DELETE FROM payments_{table} WHERE id = %({name})s"


def frozen(table: str, row: str, values: dict[str, str], backed_by: Mapping[str, tuple[str, ...]]) -> dict[str, Breach]:
    """Return a breach for every column that never changes, with a value for it."""
    return {
        f"another {column} on a {table}": Breach(
            f"{table}.frozen_columns", (update(table, row, **{column: value}),), backed_by.get(column, ())
        )
        for column, value in values.items()
    }


def set_once(
    table: str, row: str, values: dict[str, str], backed_by: Mapping[str, tuple[str, ...]]
) -> dict[str, Breach]:
    """Return a breach for every column that is set once, with another value than the row has."""
    return {
        f"another {column} on a {table} that has one": Breach(
            f"{table}.set_once", (update(table, row, **{column: value}),), backed_by.get(column, ())
        )
        for column, value in values.items()
    }


def emptied(table: str) -> Breach:
    """Return the breach that empties a table, and with it every table that points to it."""
    others = sorted(other for other in _pointing_at(table) - {table} if other in KEPT_BY)
    return Breach(
        f"{table}.{KEPT_BY[table]}",
        (f"TRUNCATE payments_{table} CASCADE",),
        tuple(f"{other}.{KEPT_BY[other]}" for other in others),
    )


def _pointing_at(table: str) -> set[str]:
    """Return the table and those that point to it, directly or by way of others."""
    found, grown = {table}, True
    while grown:
        before = len(found)
        found |= {
            str(model._meta.model_name)
            for model in apps.get_app_config("payments").get_models()
            for field in model._meta.concrete_fields
            if isinstance(field, ForeignKey) and field.target_field.model._meta.model_name in found
        }
        grown = len(found) > before
    return found


BALANCED: Final = (line("debit", 1000), line("credit", 1000))
EMPTIED: Final = {f"an emptied table of {table}": emptied(table) for table in KEPT_BY}
