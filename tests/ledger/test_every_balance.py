"""Every account's balance at every date is the sum of its lines: whoever writes, and whenever checkpoints are taken."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django.db import connection, transaction
from django.utils import timezone

from payments.ledger import recipes
from payments.ledger.accounts import NORMAL_SIDE
from payments.ledger.posting import post_for
from payments.ledger.recipes import Recipe
from payments.models import JournalLine, Report
from payments.models.ledger import AccountCode
from payments.money import Money
from payments.operations.balances import checkpoint_balances
from payments.operations.ledger_check import check_ledger
from payments.public_ids import new_uuid
from tests.ledger.reading import every_balance, one_value
from tests.shop import Shop, open_shop

FIRST_DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
# Together they move every account in both layers and both directions.
RECIPES: Final[tuple[Callable[[Money], Recipe], ...]] = (
    lambda amount: recipes.payment_authorized(authorized=amount),
    lambda amount: recipes.payment_captured(captured=amount, reserved=amount.amount + 5),
    lambda amount: recipes.payment_canceled(released=amount),
    lambda amount: recipes.platform_fee(fee=amount),
    lambda amount: recipes.refund_reserved(amount=amount),
    lambda amount: recipes.refund_succeeded(amount=amount),
    lambda amount: recipes.settlement(gross=amount, fee=amount.amount // 3),
    lambda amount: recipes.settlement(gross=Money(-amount.amount, amount.currency), fee=7),
    lambda amount: recipes.payout_created(amount=amount),
    lambda amount: recipes.payout_paid(amount=amount),
    lambda amount: recipes.payout_returned(amount=amount),
    lambda amount: recipes.dispute_opened(held=amount),
    lambda amount: recipes.dispute_won(held=amount),
    lambda amount: recipes.dispute_lost(held=amount),
    lambda amount: recipes.write_off(missing=amount),
)
# Tables with rows of the merchants here, those that point to others first.
WRITTEN: Final = ("journalline", "journalentry", "balancecheckpoint", "ledgeraccount", "report")


@dataclass(frozen=True)
class Posted:
    """One entry to write."""

    recipe: int
    amount: int
    currency: str
    day: int


entries = st.builds(
    Posted,
    st.integers(0, len(RECIPES) - 1),
    st.integers(1, 10**6),
    st.sampled_from(["EUR", "JPY"]),
    st.integers(1, 5),
)


@dataclass
class Books:
    """The books of shops whose entries nothing but this test explains; afterwards they are gone."""

    shops: list[Shop] = field(default_factory=list)

    def shop(self) -> Shop:
        """Return a new shop."""
        self.shops.append(open_shop())
        return self.shops[-1]

    def close(self) -> None:
        """Take out what was committed, past the rules that keep it."""
        merchants = [shop.merchant.id for shop in self.shops]
        owned = "merchant_id = ANY(%(merchants)s)"
        conditions = {
            "balancecheckpoint": f"account_id IN (SELECT id FROM payments_ledgeraccount WHERE {owned})",
            "report": "name LIKE 'every-balance-%%'",
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in WRITTEN:
                cursor.execute(
                    f"DELETE FROM payments_{table} WHERE {conditions.get(table, owned)}", {"merchants": merchants}
                )


@pytest.fixture
def books(committed_db: None) -> Iterator[Books]:
    """Return books to commit into."""
    opened = Books()
    yield opened
    opened.close()


def write(shop: Shop, posted: Posted) -> None:
    """Write one entry, in the caller's transaction."""
    name = f"every-balance-{new_uuid()}"
    report = Report.objects.create(name=name, format="test", digest=name, created_at=FIRST_DAY)
    recipe = RECIPES[posted.recipe](Money(posted.amount, posted.currency))
    moment = FIRST_DAY + timedelta(days=posted.day)
    post_for(shop.merchant.id, shop.mode, recipe, cause=report, payment_id=None, effective_at=moment)


def added_up(shop: Shop, *, at: datetime | None = None) -> Counter[tuple[str, str, str]]:
    """Return each account's balance from its lines alone, added up here."""
    lines = JournalLine.objects.filter(merchant_id=shop.merchant.id).select_related("entry", "account")
    totals: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        if at is None or line.entry.effective_at <= at:
            grows = line.direction == NORMAL_SIDE[AccountCode(line.account.code)]
            totals[line.currency, line.account.code, line.layer] += line.amount if grows else -line.amount
    return totals


def as_read(shop: Shop, *, at: datetime | None = None) -> Counter[tuple[str, str, str]]:
    """Return each account's balance as the ledger says it."""
    return Counter({(currency, code, layer): amount for currency, code, layer, amount in every_balance(shop, at=at)})


def assert_adds_up(shop: Shop) -> None:
    """Compare every balance now and on every day, before the first and after the last too."""
    for at in (None, *(FIRST_DAY + timedelta(days=day) for day in range(7))):
        # Counters are equal where the one has a zero and the other nothing.
        assert as_read(shop, at=at) == added_up(shop, at=at), at


def test_the_recipes_here_move_every_account() -> None:
    moved = {line.account for recipe in RECIPES for line in recipe(Money(90, "EUR")).lines}

    assert moved == set(AccountCode)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(st.tuples(st.lists(entries, min_size=1, max_size=3), st.booleans()), min_size=1, max_size=5))
def test_every_balance_is_the_sum_of_its_lines(story: list[tuple[list[Posted], bool]], books: Books) -> None:
    shop = books.shop()

    for together, checkpoint in story:
        with transaction.atomic():
            for posted in together:
                write(shop, posted)
        if checkpoint:
            checkpoint_balances(now=timezone.now())

    assert_adds_up(shop)
    assert [found for found in check_ledger() if "checkpoint" in found.rule] == []


class Writer:
    """A writer with a connection of its own, whose transaction stays open between two of its steps."""

    def __init__(self, shop: Shop) -> None:
        """Start its thread."""
        self.shop = shop
        self.thread = ThreadPoolExecutor(1)
        self.open: ExitStack | None = None

    def step(self, posted: Posted, *, commits: bool) -> None:
        """Begin and write; or, where it has begun, commit or roll back."""
        self.thread.submit(self._step, posted, commits).result(timeout=60)

    def close(self) -> None:
        """Roll back what is open, and end."""
        self.thread.submit(self._close).result(timeout=60)
        self.thread.shutdown()

    def _step(self, posted: Posted, commits: bool) -> None:
        if self.open is None:
            self.open = ExitStack()
            self.open.enter_context(transaction.atomic())
            write(self.shop, posted)
            return
        if not commits:
            transaction.set_rollback(True)
        self.open.close()
        self.open = None

    def _close(self) -> None:
        if self.open is not None:
            self._step(Posted(0, 1, "EUR", 1), False)
        connection.close()


CHECKPOINT: Final = 3
steps = st.lists(
    st.tuples(st.integers(0, CHECKPOINT), entries, st.sampled_from([True, True, False])), min_size=8, max_size=14
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=steps)
def test_checkpoints_among_writers_lose_and_double_nothing(
    schedule: list[tuple[int, Posted, bool]], books: Books
) -> None:
    shop = books.shop()
    for code in RECIPES:
        # Accounts that two transactions open at once would make one wait for the other.
        with transaction.atomic():
            for currency in ("EUR", "JPY"):
                write(shop, Posted(RECIPES.index(code), 9, currency, 1))
    writers = [Writer(shop) for _ in range(CHECKPOINT)]

    try:
        for who, posted, commits in schedule:
            if who == CHECKPOINT:
                # Begun after those that are open, and committed before them.
                with transaction.atomic():
                    write(shop, posted)
                checkpoint_balances(now=timezone.now())
            else:
                writers[who].step(posted, commits=commits)
            assert as_read(shop) == added_up(shop)
    finally:
        for writer in writers:
            writer.close()
    checkpoint_balances(now=timezone.now())

    assert_adds_up(shop)
    assert [found for found in check_ledger() if "checkpoint" in found.rule] == []


def test_the_writers_here_hold_checkpoints_back(books: Books) -> None:
    writer = Writer(books.shop())
    posted = Posted(0, 100, "EUR", 1)

    writer.step(posted, commits=True)
    held = int(one_value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
    after = int(one_value("SELECT pg_current_xact_id()::text"))
    writer.step(posted, commits=True)
    writer.close()

    # The boundary stood at the open transaction, or before it, though later ones had begun.
    (first,) = set(
        JournalLine.objects.filter(merchant_id=writer.shop.merchant.id).values_list("transaction_id", flat=True)
    )
    assert held <= first < after
