"""Balances: the same from the lines alone and from checkpoints, now and at every date, and no row is hot."""

import re
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
import time_machine

from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.models import BalanceCheckpoint, JournalEntry, JournalLine, LedgerAccount
from payments.operations.balances import checkpoint_balances
from payments.operations.ledger_check import check_ledger
from tests.ledger.held import WAIT_SECONDS, payment_before_its_commit
from tests.ledger.reading import balance, every_balance, one_value, pay_at, step
from tests.shop import Shop, open_shop

DAYS = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in (10, 20, 30)]
# Before, on and after the days on which something happens, and now.
MOMENTS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 10, 11, 20, 21, 30, 31)] + [None]


def checkpoints(shop: Shop) -> list[tuple[int, str, int, int, int]]:
    """Return the shop's checkpoints, oldest first."""
    return [
        (row.account_id, row.layer, row.below_transaction_id, row.debit_total, row.credit_total)
        for row in BalanceCheckpoint.objects.filter(account__merchant_id=shop.merchant.id).order_by("id")
    ]


def checkpoint_everything(shop: Shop) -> None:
    """Take a checkpoint that covers every line the shop has.

    Transactions of other tests on the same server hold the boundary back until they end.
    """
    lines = JournalLine.objects.filter(merchant_id=shop.merchant.id).values_list("transaction_id", flat=True)
    latest = max(lines)
    deadline = monotonic() + WAIT_SECONDS
    while int(one_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) <= latest:
        assert monotonic() < deadline, "another transaction stays open"
    checkpoint_balances(now=timezone.now())


def plant_checkpoint(
    shop: Shop, *, owed: int, through: datetime, below: str, cluster: str = "system_identifier"
) -> None:
    """Write a checkpoint on what the shop is owed, true or not; `below` and `cluster` are SQL."""
    account = LedgerAccount.objects.get(merchant_id=shop.merchant.id, code="merchant_payable")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_balancecheckpoint (account_id, layer, cluster_id, below_transaction_id, debit_total,"
            f" credit_total, effective_through, taken_at) SELECT %s, 'posted', {cluster}, ({below})::text::xid8, 0, %s,"
            " %s, %s FROM pg_control_system()",
            [account.id, owed, through, timezone.now()],
        )


# In a rolled-back test every line is of the one transaction that is open.
ABOVE_EVERY_LINE = "pg_current_xact_id()::text::bigint + 1"
FURTHER_ABOVE = "pg_current_xact_id()::text::bigint + 2"


def test_a_balance_at_a_date_counts_what_was_effective_by_then(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)
    pay_at(shop, DAYS[1], 200, capture_method="manual")
    pay_at(shop, DAYS[2], 30)

    found = [balance(shop, at=moment) for moment in MOMENTS]

    assert found == [
        *({}, {}),
        *[{"posted": "10.00 EUR"}] * 2,
        *[{"posted": "10.00 EUR", "pending": "2.00 EUR"}] * 2,
        *[{"posted": "10.30 EUR", "pending": "2.00 EUR"}] * 2,
    ]


def test_a_date_counts_to_the_microsecond(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)
    moment = JournalEntry.objects.get(merchant_id=shop.merchant.id).effective_at

    assert balance(shop, at=moment) == {"posted": "10.00 EUR"}
    assert balance(shop, at=moment - timedelta(microseconds=1)) == {}


@pytest.mark.parametrize("after", [(0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_checkpoints_change_no_balance_at_any_date(after: tuple[int, ...], committed_db: None) -> None:
    shop = open_shop()
    # The last one to be booked is not the last one to be effective.
    for number, day in enumerate((DAYS[0], DAYS[2], DAYS[1])):
        payment = pay_at(shop, day, 1000 + number, capture_method="manual")
        with time_machine.travel(day, tick=False):
            step(shop, payment, "capture", amount=400)
        if number in after:
            checkpoint_everything(shop)
    with_checkpoints = [every_balance(shop, at=moment) for moment in MOMENTS]

    written = len(checkpoints(shop))
    BalanceCheckpoint.objects.filter(account__merchant_id=shop.merchant.id).delete()

    # Two accounts in two layers each.
    assert written == 4 * len(after)
    assert with_checkpoints == [every_balance(shop, at=moment) for moment in MOMENTS]


def test_a_checkpoint_is_what_its_lines_add_up_to(committed_db: None) -> None:
    shop = open_shop()
    pay_at(shop, DAYS[0], 1000)
    checkpoint_everything(shop)
    pay_at(shop, DAYS[1], 500)
    checkpoint_everything(shop)

    totals = {(layer, debits, credits) for _, layer, _, debits, credits in checkpoints(shop)}

    assert totals == {("posted", 1000, 0), ("posted", 0, 1000), ("posted", 1500, 0), ("posted", 0, 1500)}
    assert check_ledger() == []


def test_taking_checkpoints_twice_changes_nothing(committed_db: None) -> None:
    shop = open_shop()
    pay_at(shop, DAYS[0], 1000)
    checkpoint_everything(shop)
    taken, owed = checkpoints(shop), balance(shop)

    checkpoint_everything(shop)

    assert checkpoints(shop) == taken
    assert balance(shop) == owed


def test_the_command_says_how_many_checkpoints_it_wrote(committed_db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("checkpoint_balances")

    assert re.fullmatch(r"Wrote \d+ checkpoints\.\n", capsys.readouterr().out)


def test_a_checkpoint_loses_nothing_of_a_writer_that_commits_after_it(
    committed_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = open_shop()
    pay_at(shop, DAYS[0], 1)

    with payment_before_its_commit(shop, monkeypatch, amount=20):
        # This one begins after the writer and commits before it.
        pay_at(shop, DAYS[1], 300)
        checkpoint_balances(now=timezone.now())
        meanwhile = balance(shop)
    afterwards = balance(shop)
    checkpoint_everything(shop)

    assert meanwhile == {"posted": "3.01 EUR"}
    assert afterwards == balance(shop) == {"posted": "3.21 EUR"}
    assert check_ledger() == []


def test_a_balance_begins_at_the_last_checkpoint(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)

    plant_checkpoint(shop, owed=77, through=DAYS[0], below="0")
    plant_checkpoint(shop, owed=88, through=DAYS[0], below=ABOVE_EVERY_LINE)

    # Nothing but the checkpoint was read: its lines, which say otherwise, were not.
    assert balance(shop) == {"posted": "0.88 EUR"}


def test_lines_after_the_checkpoint_are_added_to_it(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)

    plant_checkpoint(shop, owed=77, through=DAYS[0], below="pg_current_xact_id()")

    assert balance(shop) == {"posted": "10.77 EUR"}


def test_an_earlier_date_takes_an_earlier_checkpoint_or_none(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)

    plant_checkpoint(shop, owed=2000, through=DAYS[1], below=ABOVE_EVERY_LINE)
    plant_checkpoint(shop, owed=3000, through=DAYS[2], below=FURTHER_ABOVE)

    assert balance(shop, at=DAYS[2]) == {"posted": "30.00 EUR"}
    assert balance(shop, at=DAYS[2] - timedelta(microseconds=1)) == {"posted": "20.00 EUR"}
    assert balance(shop, at=DAYS[1] - timedelta(microseconds=1)) == {"posted": "10.00 EUR"}


def test_a_checkpoint_of_another_cluster_is_passed_over(shop: Shop) -> None:
    pay_at(shop, DAYS[0], 1000)

    plant_checkpoint(shop, owed=77, through=DAYS[0], below=ABOVE_EVERY_LINE, cluster="system_identifier # 1")

    assert balance(shop) == {"posted": "10.00 EUR"}
    assert check_ledger() == []


@pytest.mark.parametrize("verb", ["capture", "cancel"])
def test_booking_changes_and_locks_no_row_of_the_ledger(verb: str, shop: Shop) -> None:
    payment = shop.authorize()

    with CaptureQueriesContext(
        connection,
    ) as statements:
        step(shop, payment, verb)

    on_the_ledger = [
        query["sql"]
        for query in statements.captured_queries
        if re.search(r"payments_(ledgeraccount|journalentry|journalline|balancecheckpoint)", query["sql"])
    ]
    assert {statement.split()[0] for statement in on_the_ledger} == {"SELECT", "INSERT"}
    assert not [statement for statement in on_the_ledger if "FOR UPDATE" in statement or "DO UPDATE" in statement]
