"""check_ledger is silent on good books, and names every difference that is planted in them.

PostgreSQL refuses most of these changes, so its triggers are switched off to plant them.
"""

import json
import re
from collections.abc import Iterator
from io import StringIO
from uuid import UUID

import pytest
from pytest_django import DjangoDbBlocker

from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from payments.models import LedgerCheck
from payments.operations.ledger_check import RULES, check_ledger, checking, run_check
from payments.operations.ledger_check.checking import differences_since
from payments.public_ids import encode
from tests.books import Books, check_deferred_rules, execute
from tests.ledger.every_noun import write_every_noun
from tests.ledger.planted_others import CHECKPOINT, HELD, OTHER_DIFFERENCES, TRANSIT
from tests.ledger.planted_payments import (
    BALANCES,
    CALL_DIFFERENCES,
    JOURNAL,
    JOURNAL_DIFFERENCES,
    LAST_EVENT,
    PAYMENT_DIFFERENCES,
    RELEASED,
    ZERO,
)
from tests.ledger.planting import Planted, plant, rolled_back
from tests.ledger.reading import one_value

PLANTED = JOURNAL_DIFFERENCES | PAYMENT_DIFFERENCES | CALL_DIFFERENCES | OTHER_DIFFERENCES
# Another rule sees what these see, one by one and not as a sum; each is there to find a fault in the other.
SECOND_OPINIONS = {BALANCES, ZERO, RELEASED, HELD, TRANSIT}


@pytest.fixture(scope="module")
def every_noun(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    """Write the books once, and take them back after the last test."""
    with django_db_blocker.unblock(), rolled_back():
        written = write_every_noun()
        check_deferred_rules()
        yield written
    with django_db_blocker.unblock():
        connection.close()


@pytest.fixture
def books(every_noun: Books, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    """Return the names of rows; what the test does to them is rolled back."""
    with django_db_blocker.unblock(), rolled_back():
        yield every_noun


def name_of(row: str, books: Books) -> str:
    """Return how check_ledger names the row."""
    if row == "checkpoint":
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(id) FROM payments_balancecheckpoint")
            return f"checkpoint {cursor.fetchall()[0][0]}"
    prefix, _, name = row.partition(" ")
    row_id = books[name]
    return encode(prefix, row_id) if isinstance(row_id, UUID) else row.replace(name, str(row_id))


def next_transaction() -> int:
    """Return a transaction id above all that wrote rows so far: each savepoint has one of its own."""
    with rolled_back():
        written = (
            "UPDATE payments_lifecycleedge SET noun = noun WHERE id = (SELECT min(id) FROM payments_lifecycleedge)"
        )
        return int(one_value(f"{written} RETURNING xmin::text::bigint"))


def leaves_a_trace(planted: Planted) -> bool:
    """Tell whether it is planted in rows that may change: in no journal or event, without a lost reference."""
    statements = " ".join(planted.statements)
    return not re.search("payments_(journal|event)|DELETE|_id = ", statements, re.IGNORECASE)


def test_good_books_make_no_difference(books: Books) -> None:
    assert check_ledger() == []


def test_a_checkpoint_that_adds_up_makes_no_difference(books: Books) -> None:
    lines = "FROM payments_journalline WHERE account_id = %(account)s AND layer = 'posted'"

    execute(
        CHECKPOINT.format(*(f"(SELECT sum(amount) {lines} AND direction = '{side}')" for side in ("debit", "credit"))),
        books,
    )

    assert check_ledger() == []


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_what_is_planted_is_found_and_named(planted: Planted, books: Books) -> None:
    plant(planted, books)

    found = {(difference.rule, difference.subject) for difference in check_ledger()}

    assert (planted.rule, name_of(planted.row, books)) in found
    assert not planted.alone or {rule for rule, _ in found} == {planted.rule}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED.keys())
def test_what_was_touched_is_checked_as_strictly(planted: Planted, books: Books) -> None:
    assert run_check(full=True, now=timezone.now()).ok
    plant(planted, books)

    # Everything here is of the transaction that is open, and that is beyond the boundary.
    assert set(check_ledger(full=False)) == set(check_ledger())


@pytest.mark.parametrize(
    "planted", [pytest.param(value, id=name) for name, value in PLANTED.items() if leaves_a_trace(value)]
)
def test_a_row_that_is_written_again_is_touched_whoever_wrote_it(planted: Planted, books: Books) -> None:
    boundary = next_transaction()

    with rolled_back(), connection.cursor() as cursor:
        plant(planted, books)
        found = {(difference.rule, difference.subject) for difference in differences_since(cursor, boundary=boundary)}
        wanted = (planted.rule, name_of(planted.row, books))

    assert wanted in found


def test_every_rule_has_found_something() -> None:
    assert {planted.rule for planted in PLANTED.values()} == {rule.name for rule in RULES}


def test_every_rule_sees_what_no_other_sees() -> None:
    needed = {planted.rule for planted in PLANTED.values() if planted.alone}

    assert {rule.name for rule in RULES} - needed == SECOND_OPINIONS


def test_a_difference_says_both_sides(books: Books) -> None:
    plant(PLANTED["less captured than booked"], books)

    lines = [str(difference) for difference in check_ledger()]

    assert (
        f"{JOURNAL}: {encode('pay', books['captured'])}: "
        "keeps 1998 and has 0 in flight, but the journal has 1999 and 0"
    ) in lines


def test_a_flood_of_differences_is_cut(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DIFFERENCES_MAX", 2)
    execute("SET LOCAL session_replication_role = replica", {})
    execute("DELETE FROM payments_event", {})

    found = [difference for difference in check_ledger() if difference.rule == LAST_EVENT]

    assert len(found) == 2


def test_the_command_says_that_all_is_well(books: Books) -> None:
    said = StringIO()

    call_command("check_ledger", stdout=said)

    assert said.getvalue() == "The ledger adds up.\n"


def test_the_command_prints_each_difference_and_fails(books: Books) -> None:
    plant(PLANTED["a line of another amount"], books)
    said = StringIO()

    with pytest.raises(CommandError, match=r"The ledger does not add up: \d+ differences\.") as failure:
        call_command("check_ledger", stdout=said)

    assert failure.value.returncode == 1
    assert f"{BALANCES}: {encode('je', books['captured_entry'])}: debits less credits are 1" in said.getvalue()


def test_the_command_speaks_json(books: Books) -> None:
    plant(PLANTED["a line of another amount"], books)
    said = StringIO()

    with pytest.raises(CommandError):
        call_command("check_ledger", "--json", stdout=said)

    document = json.loads(said.getvalue())
    row = LedgerCheck.objects.latest("id")
    assert document == {
        "ok": False,
        "full": True,
        "checked_at": row.started_at.isoformat(),
        "seconds": round(row.seconds, 3),
        "rules": len(RULES),
        "differences": document["differences"],
    }
    assert {
        "rule": BALANCES,
        "subject": encode("je", books["captured_entry"]),
        "detail": "debits less credits are 1 in the layer posted",
    } in document["differences"]
    assert (row.full, row.differences) == (True, len(document["differences"]))


def test_the_command_speaks_json_of_a_clean_ledger_and_nothing_else(books: Books) -> None:
    said = StringIO()

    call_command("check_ledger", "--json", stdout=said)

    document = json.loads(said.getvalue())
    assert (document["ok"], document["differences"]) == (True, [])
