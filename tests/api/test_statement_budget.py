"""What each endpoint costs the database: statements and commits, the sandbox processor's own not counted.

The processor stands for another company's machine. The figures are exact, so that a change is noticed either way;
one statement of each is the route to the processor. Two commits are the floor for a payment, and two statements for
reading.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import PlatformFee
from tests.api.answers import rows
from tests.probes import probe
from tests.settling import earn
from tests.shop import Shop, open_shop

PAYOUT: dict[str, Any] = {"amount": 100, "currency": "EUR", "destination": "ba_sandbox_instant"}
TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK")


@dataclass
class Bill:
    """The statements between two moments, without those the processor made."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    def __str__(self) -> str:
        """Return the statements, numbered, to be read when a budget is exceeded."""
        numbered = [f"{number}. {statement}" for number, statement in enumerate(self.statements, start=1)]
        return "\n".join([f"{self.commits} commits", *numbered])


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant who has taken a payment before: ledger accounts exist."""
    shop = open_shop()
    shop.pay()
    shop.authorize()
    return shop


@pytest.fixture
def billed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], Bill]:
    """Return a function that runs a request, sees it go well and returns what it cost."""
    spans: list[tuple[int, int]] = []

    @contextmanager
    def note_span() -> Iterator[None]:
        begin = len(connection.queries_log)
        yield
        spans.append((begin, len(connection.queries_log)))

    def run(request: Callable[[], int]) -> Bill:
        spans.clear()
        with CaptureQueriesContext(connection) as captured:
            status = request()
        assert status in (200, 201, 402, 409)
        offset = captured.initial_queries
        foreign = {index - offset for begin, end in spans for index in range(begin, end)}
        own = [query["sql"] for index, query in enumerate(captured.captured_queries) if index not in foreign]
        counted = Counter(statement.split(" ")[0].rstrip(";") for statement in own)
        assert counted["BEGIN"] == counted["COMMIT"] + counted["ROLLBACK"]
        statements = [statement for statement in own if not statement.startswith(TRANSACTION_CONTROL)]
        assert not any("payments_sandbox" in statement for statement in statements)
        return Bill(statements, counted["COMMIT"])

    probe(monkeypatch, note_span)
    return run


def prepared(shop: Shop) -> str:
    """Return the path of a payment that waits to be confirmed."""
    return f"/v1/payments/{shop.pay(confirm=False).json()['id']}"


def authorized(shop: Shop) -> str:
    """Return the path of a payment that waits to be captured."""
    return f"/v1/payments/{shop.authorize()['id']}"


def charged(shop: Shop) -> str:
    """Return the path of a payment that waits to be captured, and to be charged a fee for it."""
    PlatformFee.objects.create(merchant=shop.merchant, currency="EUR", fee_bps=100)
    shop.pay()
    return authorized(shop)


def settled(shop: Shop) -> str:
    """Pay out something, so that ledger accounts exist and something is left."""
    earn(shop, 2 * PAYOUT["amount"])
    shop.post("/v1/payouts", PAYOUT)
    return ""


def existing(shop: Shop) -> str:
    """Return the path of any payment."""
    return f"/v1/payments/{rows(shop, '/v1/payments')[0]['id']}"


def nothing(shop: Shop) -> str:
    """Prepare nothing."""
    return ""


def repeat(shop: Shop) -> str:
    """Use the key that will be used again."""
    shop.pay_under("repeated")
    return ""


def list_of(shop: Shop, path: str, limit: int) -> int:
    """Return the status of a list."""
    return shop.get(path, limit=limit).status_code


Prepare = Callable[[Shop], str]
Act = Callable[[Shop, str], int]

# Statements and commits.
BUDGETS: dict[str, tuple[Prepare, Act, tuple[int, int]]] = {
    "create, automatic": (nothing, lambda shop, _: shop.pay().status_code, (15, 2)),
    "create, manual": (nothing, lambda shop, _: shop.pay(capture_method="manual").status_code, (14, 2)),
    "create, declined": (nothing, lambda shop, _: shop.pay(payment_method="pm_card_lost").status_code, (11, 2)),
    "create, unconfirmed": (nothing, lambda shop, _: shop.pay(confirm=False).status_code, (5, 1)),
    "create, repeated": (repeat, lambda shop, _: shop.pay_under("repeated").status_code, (3, 1)),
    # What is captured is looked up in the terms of the platform fee; a fee itself takes no statement of its own.
    "confirm": (prepared, lambda shop, path: shop.post(f"{path}/confirm").status_code, (16, 2)),
    "capture": (authorized, lambda shop, path: shop.post(f"{path}/capture").status_code, (15, 2)),
    "capture with a fee": (charged, lambda shop, path: shop.post(f"{path}/capture").status_code, (15, 2)),
    "cancel": (authorized, lambda shop, path: shop.post(f"{path}/cancel").status_code, (14, 2)),
    "cancel, unconfirmed": (prepared, lambda shop, path: shop.post(f"{path}/cancel").status_code, (6, 1)),
    "payout": (settled, lambda shop, _: shop.post("/v1/payouts", PAYOUT).status_code, (20, 2)),
    "payouts": (nothing, lambda shop, _: shop.get("/v1/payouts").status_code, (2, 0)),
    "get": (existing, lambda shop, path: shop.get(path).status_code, (2, 0)),
    "list": (nothing, lambda shop, _: shop.get("/v1/payments").status_code, (2, 0)),
    "events": (nothing, lambda shop, _: shop.get("/v1/events").status_code, (2, 0)),
    "balance": (nothing, lambda shop, _: shop.get("/v1/balance").status_code, (2, 0)),
    "entries": (nothing, lambda shop, _: shop.get("/v1/balance/entries").status_code, (2, 0)),
}


@pytest.mark.parametrize(("prepare", "act", "budget"), BUDGETS.values(), ids=BUDGETS)
def test_request_costs_what_it_may(
    shop: Shop, billed: Callable[[Callable[[], int]], Bill], prepare: Prepare, act: Act, budget: tuple[int, int]
) -> None:
    path = prepare(shop)

    bill = billed(lambda: act(shop, path))

    assert (len(bill.statements), bill.commits) == budget, str(bill)


def test_list_costs_the_same_however_long_it_is(shop: Shop, billed: Callable[[Callable[[], int]], Bill]) -> None:
    for _ in range(5):
        shop.pay()

    bills = [
        billed(partial(list_of, shop, path, limit))
        for path in ("/v1/payments", "/v1/events", "/v1/balance/entries")
        for limit in (1, 100)
    ]

    assert [len(bill.statements) for bill in bills] == [2] * 6
