"""POST /v1/payments/{payment_id}/confirm."""

from typing import Any

import pytest

from tests.api.answers import payment_in, problem_in
from tests.shop import Shop
from tests.snapshot import nothing_written


def prepare(shop: Shop, **changes: Any) -> str:
    """Return the path of a payment that was created with confirm: false."""
    return f"/v1/payments/{payment_in(shop.pay(confirm=False, **changes), status=201)['id']}"


def decline(shop: Shop, **changes: Any) -> str:
    """Return the path of a payment whose first card was declined."""
    problem = problem_in(
        shop.pay(payment_method="pm_card_declined", **changes),
        status=402,
        code="payment_declined",
        param="payment_method",
    )
    return f"/v1/payments/{problem['payment']['id']}"


def test_prepared_payment_is_authorized_with_its_method(shop: Shop) -> None:
    path = prepare(shop)

    payment = payment_in(shop.post(f"{path}/confirm"))

    assert (payment["status"], payment["payment_method"]) == ("succeeded", "pm_card_visa")
    assert payment["amount_captured"] == 1999


def test_method_may_come_with_the_confirmation(shop: Shop) -> None:
    path = prepare(shop, payment_method=None, capture_method="manual")

    payment = payment_in(shop.post(f"{path}/confirm", {"payment_method": "pm_card_mastercard"}))

    assert (payment["status"], payment["payment_method"]) == ("requires_capture", "pm_card_mastercard")


def test_other_method_replaces_the_prepared_one(shop: Shop) -> None:
    path = prepare(shop, payment_method="pm_card_declined")

    payment = payment_in(shop.post(f"{path}/confirm", {"payment_method": "pm_card_visa"}))

    assert (payment["status"], payment["payment_method"]) == ("succeeded", "pm_card_visa")


def test_another_card_pays_after_a_decline(shop: Shop) -> None:
    path = decline(shop)

    payment = payment_in(shop.post(f"{path}/confirm", {"payment_method": "pm_card_visa"}))

    assert (payment["status"], payment["last_error"], payment["amount_captured"]) == ("succeeded", None, 1999)


def test_cards_may_be_declined_one_after_the_other(shop: Shop) -> None:
    path = decline(shop)

    for card, decline_code in [("pm_card_expired", "expired_card"), ("pm_card_lost", "lost_card")]:
        response = shop.post(f"{path}/confirm", {"payment_method": card})
        problem = problem_in(response, status=402, code="payment_declined", param="payment_method")
        assert problem["payment"]["last_error"]["decline_code"] == problem["decline_code"] == decline_code

    assert payment_in(shop.get(path))["status"] == "requires_payment_method"


def test_unreachable_processor_is_tried_again_under_a_new_key(shop: Shop) -> None:
    path = prepare(shop)
    unreachable = shop.post(f"{path}/confirm", {"payment_method": "pm_fault_unreachable"})
    problem_in(unreachable, status=502, code="processor_unreachable")

    assert payment_in(shop.post(f"{path}/confirm", {"payment_method": "pm_card_visa"}))["status"] == "succeeded"


@pytest.mark.parametrize("body", [{}, {"payment_method": None}])
def test_confirmation_without_any_method_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    path = prepare(shop, payment_method=None)

    with nothing_written():
        response = shop.post(f"{path}/confirm", body)

    problem = problem_in(response, status=409, code="payment_state_conflict", param="payment_method")
    assert problem["payment_status"] == "requires_payment_method"


def test_declined_card_is_not_tried_again_by_itself(shop: Shop) -> None:
    path = decline(shop)

    with nothing_written():
        response = shop.post(f"{path}/confirm")

    problem_in(response, status=409, code="payment_state_conflict", param="payment_method")


@pytest.mark.parametrize("status", ["succeeded", "requires_capture", "canceled"])
def test_payment_that_does_not_wait_for_it_is_not_confirmed(shop: Shop, status: str) -> None:
    path = f"/v1/payments/{shop.pay(capture_method='manual').json()['id']}"
    if status != "requires_capture":
        shop.post(f"{path}/{'capture' if status == 'succeeded' else 'cancel'}")

    with nothing_written():
        response = shop.post(f"{path}/confirm", {"payment_method": "pm_card_visa"})

    problem = problem_in(response, status=409, code="payment_state_conflict")
    assert problem["payment_status"] == status


def test_live_payment_is_not_confirmed_without_a_processor(live_shop: Shop) -> None:
    path = prepare(live_shop)

    with nothing_written():
        response = live_shop.post(f"{path}/confirm")

    problem_in(response, status=422, code="no_processor_available")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"payment_method": ""}, "payment_method"),
        ({"payment_method": 1}, "payment_method"),
        ({"payment_method": True}, "payment_method"),
        ({"payment_method": ["pm_card_visa"]}, "payment_method"),
        ({"payment_method": "p" * 256}, "payment_method"),
        ({"amount": 1999}, "amount"),
    ],
)
def test_bad_body_is_refused(shop: Shop, body: dict[str, Any], param: str) -> None:
    path = prepare(shop)

    with nothing_written():
        response = shop.post(f"{path}/confirm", body)

    problem_in(response, status=400, code="invalid_request", param=param)
