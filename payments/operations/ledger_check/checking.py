"""Running the rules over one snapshot of the database."""

from typing import Final
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from payments.operations.ledger_check import (
    calls,
    checkpoints,
    disputes,
    events,
    journal,
    news,
    payments,
    payouts,
    refunds,
    repairs,
    settlement,
)
from payments.operations.ledger_check.rule import Difference, Rule
from payments.operations.ledger_check.touched import collect_touched, drop_touched
from payments.public_ids import encode

DIFFERENCES_MAX: Final = 100

RULES: Final[tuple[Rule, ...]] = (
    *journal.RULES,
    *payments.RULES,
    *calls.RULES,
    *refunds.RULES,
    *disputes.RULES,
    *payouts.RULES,
    *settlement.RULES,
    *repairs.RULES,
    *events.RULES,
    *news.RULES,
    *checkpoints.RULES,
)


def differences_of_all(cursor: CursorWrapper) -> list[Difference]:
    """Return what any rule finds in the whole database."""
    return [found for rule in RULES for found in _broken(cursor, rule, rule.over_everything())]


def differences_since(cursor: CursorWrapper, *, boundary: int) -> list[Difference]:
    """Return what any rule finds among what transactions from `boundary` on have touched."""
    collect_touched(cursor, boundary=boundary)
    found = [found for rule in RULES for found in _broken(cursor, rule, rule.over_what_was_touched())]
    drop_touched(cursor)
    return found


def _broken(cursor: CursorWrapper, rule: Rule, statement: str) -> list[Difference]:
    cursor.execute(f"{statement} LIMIT {DIFFERENCES_MAX}")
    return [Difference(rule.name, _named(prefix, row_id), detail) for prefix, row_id, detail in cursor.fetchall()]


def _named(prefix: str | None, row_id: UUID | int) -> str:
    return encode(prefix or "obj", row_id) if isinstance(row_id, UUID) else f"{prefix} {row_id}"
