"""Plain SQL that breaks a rule is refused by PostgreSQL, and by that rule: without it, the same SQL passes."""

import re
from collections.abc import Iterable

import psycopg
import pytest

from django.db import IntegrityError, connection, transaction

from tests.books import Books, check_deferred_rules, execute
from tests.models import (
    api_key_rules,
    discrepancy_rules,
    dispute_rules,
    ledger_rules,
    news_rules,
    payout_rules,
    reconciliation_rules,
    refund_rules,
    routing_rules,
    rules,
    sandbox_rules,
    webhook_rules,
)
from tests.models.breaches import EMPTIED, Breach

BREACHES = {
    **EMPTIED,
    **rules.BREACHES,
    **ledger_rules.BREACHES,
    **refund_rules.BREACHES,
    **dispute_rules.BREACHES,
    **payout_rules.BREACHES,
    **news_rules.BREACHES,
    **reconciliation_rules.BREACHES,
    **discrepancy_rules.BREACHES,
    **sandbox_rules.BREACHES,
    **webhook_rules.BREACHES,
    **api_key_rules.BREACHES,
    **routing_rules.BREACHES,
}
every_breach = pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES.keys())

# Rules with a story of their own, in test_written_by_the_database.py, and those whose only use is to be pointed at.
SHOWN_ELSEWHERE = {
    "event.event_sequence_once_per_object",
    "event.next_in_sequence",
    "event.stamp_transaction",
    "event.fan_out",
    "journalentry.stamp_transaction",
    "journalline.stamp_transaction",
}
TARGETS_OF_FOREIGN_KEYS = {
    "apikey.api_key_owner",
    "journalentry.journal_entry_owner_and_currency",
    "ledgeraccount.ledger_account_owner_and_currency",
    "payment.payment_owner_and_currency",
    "refund.refund_and_payment",
    "dispute.dispute_and_payment",
    "payout.payout_owner_and_currency",
    "discrepancy.discrepancy_owner_and_currency",
    "discrepancy.discrepancy_and_payment",
    "processorcall.processor_call_and_payment",
    "webhookendpoint.webhook_endpoint_owner",
}
# What Django adds to a positive integer of its own accord.
SIGNS = {
    *(f"circuitbreaker.payments_circuitbreaker_{column}_check" for column in ("failures", "open_seconds")),
    *(f"routingrule.payments_routingrule_{column}_check" for column in ("position", "percentage")),
    "event.payments_event_sequence_check",
    "webhookdelivery.payments_webhookdelivery_attempts_check",
    "webhookdelivery.payments_webhookdelivery_tries_check",
    "deliveryattempt.payments_deliveryattempt_number_check",
    "deliveryattempt.payments_deliveryattempt_duration_ms_check",
    "deliveryattempt.payments_deliveryattempt_response_status_check",
    "idempotencyrecord.payments_idempotencyrecord_response_status_check",
}

_RULES = """
SELECT relname, conname, 'constraint', '' FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE contype IN ('c', 'u', 'f') AND relname LIKE 'payments\\_%'
UNION ALL
SELECT relname, tgname, 'trigger', tgfoid::regproc::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relname LIKE 'payments\\_%'
UNION ALL
SELECT owner.relname, pg_class.relname, 'index', '' FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_class AS owner ON owner.oid = indrelid
WHERE indisunique AND owner.relname LIKE 'payments\\_%'
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def rules_of_the_database() -> dict[str, tuple[str, str]]:
    """Return every rule by name, with its kind and, for a trigger, its function."""
    with connection.cursor() as cursor:
        cursor.execute(_RULES)
        return {
            f"{table.removeprefix('payments_')}.{name}": (kind, function)
            for table, name, kind, function in cursor.fetchall()
        }


def name_of_refuser(error: IntegrityError, candidates: Iterable[str]) -> str | None:
    """Return which of the candidates refused: a constraint says its name, a trigger its function and table."""
    cause = error.__cause__
    assert isinstance(cause, psycopg.errors.IntegrityError)
    kinds = rules_of_the_database()
    for rule in candidates:
        table, _, name = rule.partition(".")
        kind, function = kinds[rule]
        if kind != "trigger" and cause.diag.constraint_name == name:
            return rule
        about_another = re.search(r" is refused on (\w+)", cause.diag.message_primary or "")
        if kind == "trigger" and function in (cause.diag.context or ""):
            if about_another is None or about_another.group(1) == f"payments_{table}":
                return rule
    return None


def drop(rule: str) -> None:
    """Take a rule away."""
    table, _, name = rule.partition(".")
    kind, _ = rules_of_the_database()[rule]
    statements = {
        "trigger": f"DROP TRIGGER {name} ON payments_{table}",
        "constraint": f"ALTER TABLE payments_{table} DROP CONSTRAINT {name}",
        "index": f"DROP INDEX {name}",
    }
    execute(statements[kind], {})


def commit(breach: Breach, books: Books) -> None:
    """Run the statements and what PostgreSQL checks at a commit."""
    for statement in breach.statements:
        execute(statement, books)
    check_deferred_rules()


@every_breach
def test_postgresql_refuses(breach: Breach, books: Books) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        commit(breach, books)

    assert name_of_refuser(refusal.value, [breach.rule]) == breach.rule, refusal.value


@every_breach
def test_nothing_else_refuses(breach: Breach, books: Books) -> None:
    for rule in (breach.rule, *breach.backed_by):
        drop(rule)

    commit(breach, books)


@pytest.mark.parametrize(
    "breach",
    [breach for breach in BREACHES.values() if breach.backed_by],
    ids=[name for name, breach in BREACHES.items() if breach.backed_by],
)
def test_a_rule_that_is_backed_by_others_is_missed_by_them(breach: Breach, books: Books) -> None:
    drop(breach.rule)

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        commit(breach, books)

    assert name_of_refuser(refusal.value, breach.backed_by) in breach.backed_by, refusal.value


def test_every_rule_of_the_database_has_a_breach(db: None) -> None:
    own = {rule for rule in rules_of_the_database() if not re.search(r"_fk_payments_", rule)}

    covered = {breach.rule for breach in BREACHES.values()}

    assert own - covered == SHOWN_ELSEWHERE | TARGETS_OF_FOREIGN_KEYS | SIGNS
