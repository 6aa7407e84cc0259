"""Refunds of one payment at the same moment: never more goes back than was captured."""

from collections import Counter
from functools import partial

from payments.models import Refund, SandboxCharge
from payments.operations.ledger_check import check_ledger
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop, payment_named


def refunded_by_the_sandbox(payment_id: str) -> int:
    """Return what the sandbox has given back."""
    return SandboxCharge.objects.get(reference=payment_named(payment_id).processor_reference).amount_refunded


def test_fifty_refunds_of_all_make_one_refund(shop: Shop) -> None:
    payment_id = shop.pay().json()["id"]

    responses = at_once([partial(clone(shop).post, "/v1/refunds", {"payment": payment_id}) for _ in range(50)])

    assert Counter(response.status_code for response in responses) == {201: 1, 409: 49}
    assert payment_named(payment_id).amount_refunded == refunded_by_the_sandbox(payment_id) == 1999
    assert Refund.objects.filter(merchant_id=shop.merchant.id).count() == 1
    assert check_ledger() == []


def test_refunds_of_parts_never_exceed_the_whole(shop: Shop) -> None:
    payment_id = shop.pay(amount=1000).json()["id"]
    body = {"payment": payment_id, "amount": 300}

    responses = at_once([partial(clone(shop).post, "/v1/refunds", body) for _ in range(20)])

    assert Counter(response.status_code for response in responses) == {201: 3, 422: 17}
    assert payment_named(payment_id).amount_refunded == refunded_by_the_sandbox(payment_id) == 900
    assert check_ledger() == []


def test_capture_and_refund_go_together(shop: Shop) -> None:
    payment_id = shop.authorize()["id"]
    shop.post(f"/v1/payments/{payment_id}/capture", {"amount": 1000})

    captured, refunded = at_once(
        [
            partial(clone(shop).post, f"/v1/payments/{payment_id}/capture"),
            partial(clone(shop).post, "/v1/refunds", {"payment": payment_id, "amount": 1000}),
        ]
    )

    payment = payment_named(payment_id)
    assert (captured.status_code, refunded.status_code) == (200, 201)
    assert (payment.status, payment.amount_captured, payment.amount_refunded) == ("succeeded", 1999, 1000)
    assert check_ledger() == []
