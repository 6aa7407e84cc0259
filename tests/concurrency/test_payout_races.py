"""Payouts at the same moment: never more leaves than is available, whatever else happens meanwhile."""

from collections import Counter
from datetime import UTC, datetime
from functools import partial

import pytest

from django.db.models import Sum

from payments.models import Payout, PayoutSchedule, PlatformFee, SandboxPayout
from payments.operations.balances import merchant_balance
from payments.operations.ledger_check import check_ledger
from payments.operations.payout_schedules import pay_out_scheduled
from tests.concurrency.collisions import at_once, clone
from tests.settling import earn
from tests.shop import Shop, payment_named

PATH = "/v1/payouts"
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


def available(shop: Shop) -> int:
    """Return what can be paid out in EUR."""
    return int(merchant_balance(caller=shop.caller)[0]["available"])


def paid_by_the_sandbox(shop: Shop) -> int:
    """Return what the sandbox has transferred to the shop's bank."""
    references = Payout.objects.filter(merchant=shop.merchant).values("processor_reference")
    return SandboxPayout.objects.filter(reference__in=references).aggregate(total=Sum("amount"))["total"] or 0


def test_fifty_payouts_of_all_make_one_payout(shop: Shop) -> None:
    earn(shop, 1000)
    body = {"currency": "EUR", "destination": "ba_sandbox_instant"}

    responses = at_once([partial(clone(shop).post, PATH, body) for _ in range(50)])

    assert Counter(response.status_code for response in responses) == {201: 1, 422: 49}
    assert (paid_by_the_sandbox(shop), available(shop)) == (1000, 0)


def test_payouts_of_parts_never_exceed_the_whole(shop: Shop) -> None:
    earn(shop, 1000)
    body = {"currency": "EUR", "destination": "ba_sandbox", "amount": 300}

    responses = at_once([partial(clone(shop).post, PATH, body) for _ in range(20)])

    assert Counter(response.status_code for response in responses) == {201: 3, 422: 17}
    assert (paid_by_the_sandbox(shop), available(shop)) == (900, 100)


def test_a_first_payout_races_another_to_open_its_account(shop: Shop) -> None:
    body = {"currency": "EUR", "destination": "ba_sandbox"}

    responses = at_once([partial(clone(shop).post, PATH, body) for _ in range(10)])

    assert {response.status_code for response in responses} == {422}


def test_payout_and_refund_end_as_one_of_the_two_orders_would(shop: Shop) -> None:
    for _ in range(5):
        before = available(shop) if Payout.objects.filter(merchant=shop.merchant).exists() else 0
        payment_id = earn(shop, 1000 - before)
        body = {"currency": "EUR", "destination": "ba_sandbox_instant", "amount": 1000}

        paid_out, refunded = at_once(
            [
                partial(clone(shop).post, PATH, body),
                partial(clone(shop).post, "/v1/refunds", {"payment": payment_id}),
            ]
        )

        # The refund first: too little is left. The payout first: the refund is for the merchant to make good.
        assert refunded.status_code == 201
        assert (paid_out.status_code, available(shop)) in [(422, before), (201, before - 1000)]


def test_payments_go_on_beside_payouts(shop: Shop) -> None:
    earn(shop, 1000)
    body = {"currency": "EUR", "destination": "ba_sandbox_instant", "amount": 100}

    responses = at_once(
        [partial(clone(shop).pay, amount=500) for _ in range(10)]
        + [partial(clone(shop).post, PATH, body) for _ in range(10)]
    )

    assert Counter(response.status_code for response in responses) == {201: 20}
    assert merchant_balance(caller=shop.caller)[0]["posted"] == 5000
    assert (paid_by_the_sandbox(shop), available(shop)) == (1000, 0)


def test_partial_captures_at_once_are_charged_once_each(shop: Shop) -> None:
    PlatformFee.objects.create(merchant=shop.merchant, currency="EUR", fee_bps=333, fixed_amount=7)
    payment_id = shop.authorize(amount=1000)["id"]
    path = f"/v1/payments/{payment_id}/capture"

    for _ in range(10):
        at_once([partial(clone(shop).post, path, {"amount": 100}) for _ in range(2)])

    payment = payment_named(payment_id)
    assert (payment.amount_captured, payment.platform_fee) == (1000, 40)


def test_workers_follow_a_schedule_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    earn(shop, 1000)
    PayoutSchedule.objects.create(
        merchant=shop.merchant, mode="test", currency="EUR", interval="daily", destination="ba_sandbox_instant"
    )

    made = at_once([partial(pay_out_scheduled, now=MONDAY) for _ in range(8)])

    assert sum(made) == 1
    assert "was not followed" not in caplog.text
    assert (paid_by_the_sandbox(shop), available(shop)) == (1000, 0)


def test_schedule_and_request_never_pay_out_twice(shop: Shop) -> None:
    earn(shop, 1000)
    PayoutSchedule.objects.create(
        merchant=shop.merchant, mode="test", currency="EUR", interval="daily", destination="ba_sandbox_instant"
    )

    def ask() -> int:
        return clone(shop).post(PATH, {"currency": "EUR"}).status_code

    def follow() -> int:
        return pay_out_scheduled(now=MONDAY)

    at_once([follow, ask])

    assert check_ledger() == []
    assert (paid_by_the_sandbox(shop), available(shop)) == (1000, 0)
