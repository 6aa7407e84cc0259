"""An incremental check_ledger looks at what was touched since the last clean run, and at all of that."""

import json
import re
from datetime import timedelta
from io import StringIO
from math import inf
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from django.core.management import call_command
from django.utils import timezone

from payments.models import Event, JournalEntry, JournalLine, LedgerCheck, Payment
from payments.operations.figures import read_figures
from payments.operations.ledger_check import Difference, Result, run_check, runs
from payments.operations.ledger_check.checking import RULES
from payments.operations.ledger_check.touched import TOUCHED
from payments.public_ids import encode
from payments.tasks import check_ledger_changes, check_ledger_in_full
from tests.books import copy_of, execute
from tests.ledger.held import WAIT_SECONDS, payment_before_its_commit
from tests.ledger.planted_others import GAPS
from tests.ledger.planted_payments import AMOUNTS, BALANCES, FEES, HAS_LINES, JOURNAL, LAST_EVENT
from tests.ledger.planting import rolled_back
from tests.ledger.reading import one_value
from tests.shop import Shop, open_shop, uuid_of


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant whose doings are committed."""
    return open_shop()


def pay(shop: Shop) -> UUID:
    """Take a payment, and return its id."""
    return uuid_of(shop.pay().json()["id"])


def check(*, full: bool = False) -> Result:
    """Run a check now."""
    return run_check(full=full, now=timezone.now())


def clean_run_beyond(shop: Shop) -> None:
    """Have a clean run whose boundary is above all that the shop has written.

    Transactions of other tests on the same server hold the boundary back until they end.
    """
    latest = max(JournalEntry.objects.filter(merchant_id=shop.merchant.id).values_list("transaction_id", flat=True))
    deadline = monotonic() + WAIT_SECONDS
    while int(one_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) <= latest + 20:
        assert monotonic() < deadline, "another transaction stays open"
        one_value("SELECT pg_current_xact_id()::text")
    assert check(full=True).ok


def rules_in(differences: list[Difference], *subjects: str) -> set[str]:
    """Return the rules that say something of these."""
    return {difference.rule for difference in differences if difference.subject in subjects}


def tampered(statement: str, **names: UUID) -> None:
    """Run a statement with PostgreSQL's triggers switched off."""
    execute("SET LOCAL session_replication_role = replica", {})
    execute(statement, names)
    execute("SET LOCAL session_replication_role = origin", {})


def entry_of(payment_id: UUID) -> UUID:
    """Return the entry of a captured payment."""
    return JournalEntry.objects.get(payment_id=payment_id).id


def test_without_a_run_before_it_an_incremental_one_looks_at_everything(shop: Shop) -> None:
    with rolled_back():
        tampered("DELETE FROM payments_ledgercheck")

        first, second = check(), check()

    assert (first.ok, first.full, second.full) == (True, True, False)


def test_what_nobody_has_touched_only_a_full_run_sees(shop: Shop) -> None:
    old = pay(shop)
    clean_run_beyond(shop)

    with rolled_back():
        tampered("UPDATE payments_journalline SET amount = amount + 1 WHERE entry_id = %(entry)s", entry=entry_of(old))
        incremental, full = check(), check(full=True)

    assert (incremental.full, incremental.ok) == (False, True)
    assert rules_in(full.differences, encode("je", entry_of(old))) >= {AMOUNTS}


def test_what_was_written_since_is_checked(shop: Shop) -> None:
    clean_run_beyond_nothing = check(full=True)
    new = pay(shop)

    with rolled_back():
        tampered("DELETE FROM payments_journalline WHERE entry_id = %(entry)s", entry=entry_of(new))
        tampered("DELETE FROM payments_event WHERE object_id = %(payment)s", payment=new)
        found = check()

    assert clean_run_beyond_nothing.ok
    assert not found.full
    assert rules_in(found.differences, encode("je", entry_of(new)), encode("pay", new)) == {
        *(HAS_LINES, JOURNAL, LAST_EVENT, AMOUNTS),
    }


def test_an_old_row_that_is_written_again_is_checked(shop: Shop) -> None:
    old = pay(shop)
    clean_run_beyond(shop)

    with rolled_back():
        tampered("UPDATE payments_payment SET platform_fee = 1 WHERE id = %(payment)s", payment=old)
        found = check()

    assert not found.full
    assert FEES in rules_in(found.differences, encode("pay", old))


def test_an_entry_and_an_event_beside_which_nothing_was_written_are_checked(shop: Shop) -> None:
    old, entry = pay(shop), uuid4()
    event = Event.objects.get(object_id=old, sequence=2).id
    clean_run_beyond(shop)
    now_written = {"transaction_id": "pg_current_xact_id()"}

    with rolled_back():
        empty = copy_of("JournalEntry", "old_entry", id="%(entry)s", kind="'payment_canceled'", **now_written)
        tampered(empty, entry=entry, old_entry=entry_of(old))
        found_in_journal = check().differences
    with rolled_back():
        tampered(copy_of("Event", "event", sequence="9", **now_written), event=event)
        found_in_events = check().differences

    assert HAS_LINES in rules_in(found_in_journal, encode("je", entry))
    assert GAPS in rules_in(found_in_events, encode("pay", old))


def test_lines_that_were_added_to_an_old_entry_are_checked(shop: Shop) -> None:
    entry = entry_of(pay(shop))
    line = JournalLine.objects.filter(entry_id=entry).earliest("id").id
    clean_run_beyond(shop)

    with rolled_back():
        added = copy_of("JournalLine", "line", transaction_id="pg_current_xact_id()")
        execute("SET LOCAL session_replication_role = replica", {})
        execute(added, {"line": line})
        found = check().differences

    assert BALANCES in rules_in(found, encode("je", entry))


def test_after_a_run_that_was_not_clean_everything_is_looked_at(shop: Shop) -> None:
    old = pay(shop)
    clean_run_beyond(shop)

    with rolled_back():
        tampered("UPDATE payments_journalline SET amount = amount + 1 WHERE entry_id = %(entry)s", entry=entry_of(old))
        found = [check(full=full) for full in (True, False, False)]

    assert [(result.full, result.ok) for result in found] == [(True, False)] * 3


@pytest.mark.parametrize(
    "change",
    [
        "cluster_id = cluster_id # 1",
        "rules_digest = 'of other rules'",
        "below_transaction_id = '3'::xid8",
        "differences = 1",
    ],
)
def test_a_run_that_does_not_count_is_passed_over(change: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests' transactions may hold the boundary far back, but it never goes back.
    boundary = int(one_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
    monkeypatch.setattr(runs, "_TRANSACTIONS_MAX", boundary - 10)
    assert check(full=True).ok

    with rolled_back():
        tampered(f"UPDATE payments_ledgercheck SET {change}")
        result = check()

    assert result.full


def test_a_writer_that_commits_after_a_run_is_checked_by_the_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # The accounts are there already: the writer holds no other up.
    pay(shop)
    with payment_before_its_commit(shop, monkeypatch, amount=20):
        # These begin after the writer; what it has written, the second does not see either.
        pay(shop)
        meanwhile = [check(full=True), check()]
        unseen = Payment.objects.get(merchant_id=shop.merchant.id, amount=20).status
    late = Payment.objects.get(merchant_id=shop.merchant.id, amount=20)
    written_by_the_time_of = LedgerCheck.objects.latest("id").started_at

    with rolled_back():
        tampered("DELETE FROM payments_event WHERE object_id = %(payment)s AND sequence > 1", payment=late.id)
        tampered("DELETE FROM payments_journalline WHERE entry_id = %(entry)s", entry=entry_of(late.id))
        found = check()

    assert [(result.full, result.ok) for result in meanwhile] == [(True, True), (False, True)]
    assert (unseen, late.status) == ("processing", "succeeded")
    # By the clock it was there when the last run began.
    assert late.updated_at < written_by_the_time_of
    assert not found.full
    assert rules_in(found.differences, late.public_id, encode("je", entry_of(late.id))) == {
        *(HAS_LINES, JOURNAL, LAST_EVENT, AMOUNTS),
    }


def test_the_command_looks_at_what_was_touched(shop: Shop) -> None:
    assert check(full=True).ok
    said = StringIO()

    call_command("check_ledger", "--incremental", "--json", stdout=said)

    assert json.loads(said.getvalue())["full"] is False
    assert not LedgerCheck.objects.latest("id").full


def test_the_last_run_is_in_the_figures(shop: Shop) -> None:
    entry = entry_of(pay(shop))
    now = timezone.now()

    with rolled_back():
        tampered("DELETE FROM payments_ledgercheck")
        never = read_figures(now=now)
        tampered("UPDATE payments_journalline SET amount = amount + 1 WHERE entry_id = %(entry)s", entry=entry)
        result = run_check(full=True, now=now)
        figures = read_figures(now=now + timedelta(hours=30))

    assert (never.ledger_differences, never.ledger_check_age_seconds) == (0, inf)
    assert figures.ledger_differences == len(result.differences) > 0
    assert figures.ledger_check_seconds == result.seconds
    assert figures.ledger_check_age_seconds == pytest.approx(30 * 3600 - result.seconds, abs=0.001)


def test_the_last_run_is_in_the_metrics(shop: Shop) -> None:
    assert check(full=True).ok

    page = shop.client.get("/metrics").content.decode()

    assert "payments_ledger_differences 0.0" in page
    assert {"payments_ledger_check_age_seconds", "payments_ledger_check_seconds"} <= set(
        re.findall(r"^\w+", page, re.M)
    )


@pytest.mark.parametrize(("task", "full"), [(check_ledger_changes, False), (check_ledger_in_full, True)])
def test_the_worker_checks_by_itself(task: Any, full: bool, shop: Shop) -> None:
    assert check(full=True).ok
    before = LedgerCheck.objects.latest("id")

    task(timestamp=0)

    run = LedgerCheck.objects.latest("id")
    assert (run.pk != before.pk, run.full, run.differences) == (True, full, 0)


def test_every_rule_looks_at_one_noun_and_says_at_which_rows() -> None:
    assert {rule.noun for rule in RULES} == set(TOUCHED)
    assert [rule.name for rule in RULES if rule.over_what_was_touched() == rule.over_everything()] == []
