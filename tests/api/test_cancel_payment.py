"""POST /v1/payments/{payment_id}/cancel."""

import pytest

from payments.models import ProcessorCall
from tests.api.answers import payment_in, problem_in
from tests.shop import Shop, uuid_of
from tests.snapshot import nothing_written


def test_authorized_payment_is_canceled_and_its_reserve_given_back(shop: Shop) -> None:
    authorized = shop.authorize()

    payment = payment_in(shop.post(f"/v1/payments/{authorized['id']}/cancel"))

    assert payment["status"] == "canceled"
    assert (payment["amount_authorized"], payment["amount_capturable"], payment["amount_captured"]) == (1999, 0, 0)
    assert shop.get("/v1/balance").json()["balances"] == [
        {"currency": "EUR", "pending": 0, "posted": 0, "available": 0}
    ]


def test_what_was_captured_before_stays_captured(shop: Shop) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}"
    shop.post(f"{path}/capture", {"amount": 500})

    payment = payment_in(shop.post(f"{path}/cancel"))

    assert (payment["status"], payment["amount_capturable"], payment["amount_captured"]) == ("canceled", 0, 500)
    assert shop.get("/v1/balance").json()["balances"] == [
        {"currency": "EUR", "pending": 0, "posted": 500, "available": 0}
    ]


@pytest.mark.parametrize("card", ["pm_card_visa", None])
def test_unconfirmed_payment_is_canceled_without_the_processor(shop: Shop, card: str | None) -> None:
    prepared = payment_in(shop.pay(confirm=False, payment_method=card), status=201)

    payment = payment_in(shop.post(f"/v1/payments/{prepared['id']}/cancel", {}))

    assert payment["status"] == "canceled"
    assert not ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).exists()


def test_declined_payment_is_canceled(shop: Shop) -> None:
    declined = shop.pay(payment_method="pm_card_declined").json()["payment"]

    payment = payment_in(shop.post(f"/v1/payments/{declined['id']}/cancel", b""))

    assert payment["status"] == "canceled"


@pytest.mark.parametrize("status", ["succeeded", "canceled"])
def test_payment_at_its_end_is_not_canceled(shop: Shop, status: str) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}"
    shop.post(f"{path}/{'capture' if status == 'succeeded' else 'cancel'}")

    with nothing_written():
        response = shop.post(f"{path}/cancel")

    problem = problem_in(response, status=409, code="payment_state_conflict")
    assert problem["payment_status"] == status


def test_cancel_takes_no_fields(shop: Shop) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}"

    with nothing_written():
        response = shop.post(f"{path}/cancel", {"reason": "none"})

    problem_in(response, status=400, code="invalid_request", param="reason")
