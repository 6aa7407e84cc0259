"""Different requests about one payment at the same moment: one wins, the others are told, the books are right."""

from collections import Counter
from functools import partial

from payments.models import JournalEntry, Payment, ProcessorCall, SandboxCharge
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop, payment_named


def charge_of(payment_id: str) -> SandboxCharge:
    """Return what the sandbox knows of a payment."""
    return SandboxCharge.objects.get(reference=payment_named(payment_id).processor_reference)


def test_fifty_captures_of_all_make_one_capture(shop: Shop) -> None:
    payment = shop.authorize()
    path = f"/v1/payments/{payment['id']}/capture"

    responses = at_once([partial(clone(shop).post, path, {"amount": 1999}) for _ in range(50)])

    assert Counter(response.status_code for response in responses) == {200: 1, 409: 49}
    assert {each.json().get("code") for each in responses} == {None, "payment_state_conflict"}
    assert payment_named(payment["id"]).amount_captured == 1999
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id, kind="capture").count() == 1
    assert JournalEntry.objects.filter(merchant_id=shop.merchant.id, kind="payment_captured").count() == 1
    assert charge_of(payment["id"]).amount_captured == 1999
    assert shop.get("/v1/balance").json()["balances"] == [
        {"currency": "EUR", "pending": 0, "posted": 1999, "available": 0}
    ]


def test_captures_of_parts_never_exceed_the_whole(shop: Shop) -> None:
    payment = shop.authorize(amount=1000)
    path = f"/v1/payments/{payment['id']}/capture"

    responses = at_once([partial(clone(shop).post, path, {"amount": 400}) for _ in range(10)])

    captured = 400 * sum(response.status_code == 200 for response in responses)
    assert {response.status_code for response in responses} <= {200, 409, 422}
    assert captured in (400, 800)
    assert payment_named(payment["id"]).amount_captured == charge_of(payment["id"]).amount_captured == captured


def test_capture_against_cancel_lets_one_win(shop: Shop) -> None:
    for _ in range(8):
        payment_id = shop.authorize()["id"]
        path = f"/v1/payments/{payment_id}"

        captured, canceled = at_once(
            [partial(clone(shop).post, f"{path}/capture"), partial(clone(shop).post, f"{path}/cancel")]
        )

        assert sorted([captured.status_code, canceled.status_code]) == [200, 409]
        payment, charge = payment_named(payment_id), charge_of(payment_id)
        won = (payment.status, payment.amount_captured, charge.amount_captured, charge.amount_voided)
        assert won == (("succeeded", 1999, 1999, 0) if captured.status_code == 200 else ("canceled", 0, 0, 1999))


def test_confirm_against_cancel_lets_one_win(shop: Shop) -> None:
    for _ in range(8):
        payment_id = shop.pay(confirm=False).json()["id"]
        path = f"/v1/payments/{payment_id}"

        confirmed, canceled = at_once(
            [partial(clone(shop).post, f"{path}/confirm"), partial(clone(shop).post, f"{path}/cancel")]
        )

        assert sorted([confirmed.status_code, canceled.status_code]) == [200, 409]
        payment = payment_named(payment_id)
        calls = ProcessorCall.objects.filter(payment_id=payment.id).count()
        won = (payment.status, payment.amount_captured, calls)
        assert won == (("succeeded", 1999, 1) if confirmed.status_code == 200 else ("canceled", 0, 0))


def test_confirmations_with_different_cards_charge_one(shop: Shop) -> None:
    payment_id = shop.pay(confirm=False).json()["id"]
    cards = ["pm_card_visa", "pm_card_mastercard"] * 5

    responses = at_once(
        [partial(clone(shop).post, f"/v1/payments/{payment_id}/confirm", {"payment_method": card}) for card in cards]
    )

    assert Counter(response.status_code for response in responses) == {200: 1, 409: 9}
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count() == 1


def test_two_payments_with_one_merchant_reference_make_one(shop: Shop) -> None:
    for number in range(8):
        reference = f"order-{number}"

        responses = at_once([partial(clone(shop).pay, merchant_reference=reference) for _ in range(2)])

        assert sorted(response.status_code for response in responses) == [201, 409]
        refused = next(response.json() for response in responses if response.status_code == 409)
        made = Payment.objects.get(merchant_id=shop.merchant.id, merchant_reference=reference)
        assert (refused["code"], refused["payment_id"]) == ("merchant_reference_taken", made.public_id)


def test_first_payments_of_a_merchant_open_each_account_once(shop: Shop) -> None:
    responses = at_once([clone(shop).pay for _ in range(10)])

    assert {response.status_code for response in responses} == {201}
    assert shop.get("/v1/balance").json()["balances"] == [
        {"currency": "EUR", "pending": 0, "posted": 19990, "available": 0}
    ]
