"""Schedules: what is available is paid out by itself, once a day, whatever dies on the way."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from payments.connectors.base import Outcome
from payments.connectors.sandbox import SandboxConnector
from payments.models import Event, Payout, PayoutSchedule, ProcessorCall
from payments.operations import payout_schedules
from payments.operations.balances import lock_available
from payments.operations.callers import Caller
from payments.operations.ledger_check import check_ledger
from payments.operations.payout_schedules import pay_out_scheduled
from payments.operations.unknown_outcomes import LOST_AFTER, find_lost_calls
from tests.api.test_balance import available
from tests.settling import earn
from tests.shop import Shop, open_shop

# A Monday.
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
A_DAY = timedelta(days=1)


def agree(shop: Shop, interval: str = "daily", **terms: Any) -> PayoutSchedule:
    """Give the shop a schedule for EUR."""
    defaults = {"currency": "EUR", "destination": "ba_sandbox_instant"}
    return PayoutSchedule.objects.create(merchant=shop.merchant, mode=shop.mode, interval=interval, **defaults | terms)


def paid_out(shop: Shop) -> list[tuple[date | None, int, str]]:
    """Return the shop's payouts: the day, the amount and the status."""
    found = Payout.objects.filter(merchant=shop.merchant).order_by("id")
    return [(payout.scheduled_for, payout.amount, payout.status) for payout in found]


def test_daily_schedule_pays_out_all_that_is_available(shop: Shop) -> None:
    earn(shop, 1000)
    shop.pay(amount=500)
    agree(shop)

    made = pay_out_scheduled(now=MONDAY)

    assert made == 1
    assert paid_out(shop) == [(MONDAY.date(), 1000, "succeeded")]
    assert Event.objects.filter(merchant_id=shop.merchant.id, type="payout.succeeded").count() == 1
    assert shop.get("/v1/payouts").json()["data"][0]["scheduled_for"] == "2026-03-02"
    assert check_ledger() == []


def test_schedule_is_followed_once_a_day(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    agree(shop)
    for hours in (0, 1, 14, 15):
        earn(shop, 100)
        pay_out_scheduled(now=MONDAY + timedelta(hours=hours))

    # The day ends at midnight in UTC.
    assert paid_out(shop) == [(MONDAY.date(), 100, "succeeded"), ((MONDAY + A_DAY).date(), 300, "succeeded")]
    assert "was not followed" not in caplog.text


def test_day_is_that_of_utc(shop: Shop) -> None:
    earn(shop, 100)
    agree(shop)

    pay_out_scheduled(now=datetime.fromisoformat("2026-03-03T00:30:00+02:00"))

    assert paid_out(shop) == [(date(2026, 3, 2), 100, "succeeded")]


def test_less_than_the_minimum_waits_for_more(shop: Shop) -> None:
    earn(shop, 999)
    agree(shop, minimum_amount=1000)
    first = pay_out_scheduled(now=MONDAY)
    earn(shop, 1)

    second = pay_out_scheduled(now=MONDAY + timedelta(hours=1))

    assert (first, second) == (0, 1)
    assert paid_out(shop) == [(MONDAY.date(), 1000, "succeeded")]


@pytest.mark.parametrize("amount", [0, -500])
def test_where_nothing_is_available_nothing_is_paid_out(shop: Shop, amount: int) -> None:
    if amount:
        payment_id = earn(shop, -amount)
        shop.post("/v1/payouts", {"currency": "EUR", "destination": "ba_sandbox_instant"})
        shop.post("/v1/refunds", {"payment": payment_id})
    agree(shop)

    assert pay_out_scheduled(now=MONDAY) == 0
    assert not Payout.objects.filter(merchant=shop.merchant, scheduled_for__isnull=False).exists()


@pytest.mark.parametrize(
    ("interval", "weekday", "followed"), [("manual", None, []), ("weekly", 2, [2]), ("daily", None, list(range(7)))]
)
def test_interval_says_on_which_days(shop: Shop, interval: str, weekday: int | None, followed: list[int]) -> None:
    agree(shop, interval, weekday=weekday)

    for day in range(7):
        earn(shop, 100)
        pay_out_scheduled(now=MONDAY + day * A_DAY)

    assert [day.weekday() for day, _, _ in paid_out(shop) if day] == followed


def test_each_schedule_is_for_one_merchant_mode_and_currency(shop: Shop) -> None:
    neighbor = open_shop()
    for each in (shop, neighbor):
        earn(each, 100)
        earn(each, 200, "USD")
    agree(shop)
    agree(neighbor, currency="USD")

    pay_out_scheduled(now=MONDAY)

    assert (available(shop), available(neighbor)) == ({"EUR": 0, "USD": 200}, {"EUR": 100, "USD": 0})


def test_refused_payout_is_not_tried_again_that_day(shop: Shop) -> None:
    earn(shop, 100)
    agree(shop, destination="ba_sandbox_declined")

    for hours in (0, 1, 24):
        pay_out_scheduled(now=MONDAY + timedelta(hours=hours))

    assert paid_out(shop) == [(MONDAY.date(), 100, "failed"), ((MONDAY + A_DAY).date(), 100, "failed")]
    assert available(shop) == {"EUR": 100}
    assert check_ledger() == []


def test_trouble_with_one_schedule_does_not_hold_up_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    neighbor = open_shop()
    for each in (shop, neighbor):
        earn(each, 100)
        agree(each)

    def break_down(*, caller: Caller, currency: str) -> int:
        if caller == shop.caller:
            raise ValueError("broken")
        return lock_available(caller=caller, currency=currency)

    monkeypatch.setattr(payout_schedules, "lock_available", break_down)

    made = pay_out_scheduled(now=MONDAY)

    assert (made, paid_out(shop)) == (1, [])
    assert paid_out(neighbor) == [(MONDAY.date(), 100, "succeeded")]
    assert "was not followed" in caplog.text


def test_batches_reach_every_schedule(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payout_schedules, "BATCH_MAX", 2)
    currencies = ["EUR", "USD", "GBP", "JPY", "KWD"]
    for currency in currencies:
        agree(shop, currency=currency)
    for currency in ("GBP", "KWD"):
        earn(shop, 100, currency)

    assert pay_out_scheduled(now=MONDAY) == 2


def test_worker_that_dies_before_the_call_is_sent_leaves_a_payout_that_never_was(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_while_paying_out(shop, monkeypatch, after=False)
    meanwhile = (paid_out(shop), available(shop))

    too_early = find_lost_calls(now=MONDAY + LOST_AFTER - timedelta(seconds=1))
    found = find_lost_calls(now=MONDAY + LOST_AFTER)

    assert meanwhile == ([(MONDAY.date(), 1000, "pending")], {"EUR": 0})
    assert (too_early, found) == (0, 1)
    assert paid_out(shop) == [(MONDAY.date(), 1000, "failed")]
    assert ProcessorCall.objects.get(kind="payout").decline_code == "never_received"
    assert available(shop) == {"EUR": 1000}
    assert check_ledger() == []


def test_worker_that_dies_after_the_call_is_sent_has_paid_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    die_while_paying_out(shop, monkeypatch, after=True)

    again = pay_out_scheduled(now=MONDAY + timedelta(hours=1))
    find_lost_calls(now=MONDAY + LOST_AFTER)

    assert again == 0
    assert paid_out(shop) == [(MONDAY.date(), 1000, "succeeded")]
    assert check_ledger() == []


def die_while_paying_out(shop: Shop, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """Have the worker die between its transactions, before or after the processor acted."""
    act = SandboxConnector.payout

    def die(self: SandboxConnector, request: Any) -> Outcome:
        if after:
            act(self, request)
        raise SystemExit

    earn(shop, 1000)
    agree(shop)
    with monkeypatch.context() as patched:
        patched.setattr(SandboxConnector, "payout", die)
        with pytest.raises(SystemExit):
            pay_out_scheduled(now=MONDAY)
