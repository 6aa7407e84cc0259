"""POST /v1/payments/{payment_id}/capture."""

from typing import Any

import pytest

from tests.api.answers import payment_in, problem_in
from tests.shop import Shop
from tests.snapshot import nothing_written


@pytest.fixture
def path(shop: Shop) -> str:
    """Return the path of a payment of 19.99 EUR that is authorized."""
    return f"/v1/payments/{shop.authorize()['id']}"


def amounts(payment: dict[str, Any]) -> tuple[int, int, int]:
    """Return what is authorized, capturable and captured."""
    return payment["amount_authorized"], payment["amount_capturable"], payment["amount_captured"]


@pytest.mark.parametrize("body", [{}, {"amount": None}, {"amount": 1999}, {"amount": 1999, "final_capture": True}])
def test_whole_amount_is_captured(shop: Shop, path: str, body: dict[str, Any]) -> None:
    payment = payment_in(shop.post(f"{path}/capture", body))

    assert (payment["status"], *amounts(payment)) == ("succeeded", 1999, 0, 1999)


def test_body_may_be_missing(shop: Shop, path: str) -> None:
    assert payment_in(shop.post(f"{path}/capture", b""))["amount_captured"] == 1999


def test_part_is_captured_and_the_rest_stays_capturable(shop: Shop, path: str) -> None:
    payment = payment_in(shop.post(f"{path}/capture", {"amount": 500}))

    assert (payment["status"], *amounts(payment)) == ("requires_capture", 1999, 1499, 500)


def test_several_captures_reach_the_authorized_amount(shop: Shop, path: str) -> None:
    shop.post(f"{path}/capture", {"amount": 500})
    shop.post(f"{path}/capture", {"amount": 1})

    payment = payment_in(shop.post(f"{path}/capture"))

    assert (payment["status"], *amounts(payment)) == ("succeeded", 1999, 0, 1999)


def test_final_capture_gives_the_rest_back(shop: Shop, path: str) -> None:
    shop.post(f"{path}/capture", {"amount": 500})

    payment = payment_in(shop.post(f"{path}/capture", {"amount": 300, "final_capture": True}))

    assert (payment["status"], *amounts(payment)) == ("succeeded", 1999, 0, 800)


@pytest.mark.parametrize(("before", "amount", "left"), [(None, 2000, 1999), (1000, 1000, 999), (None, 10**11, 1999)])
def test_more_than_is_left_is_not_captured(shop: Shop, path: str, before: int | None, amount: int, left: int) -> None:
    if before is not None:
        shop.post(f"{path}/capture", {"amount": before})

    with nothing_written():
        response = shop.post(f"{path}/capture", {"amount": amount})

    problem = problem_in(response, status=422, code="amount_exceeds_capturable", param="amount")
    assert problem["amount_capturable"] == left


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 5.0}, "amount"),
        ({"amount": "5"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 2**63}, "amount"),
        ({"amount": {}}, "amount"),
        ({"final_capture": "true"}, "final_capture"),
        ({"final_capture": 1}, "final_capture"),
        ({"final_capture": None}, "final_capture"),
        ({"final": True}, "final"),
    ],
)
def test_bad_body_is_refused(shop: Shop, path: str, body: dict[str, Any], param: str) -> None:
    with nothing_written():
        response = shop.post(f"{path}/capture", body)

    problem_in(response, status=400, code="invalid_request", param=param)


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation", "succeeded", "canceled"])
def test_payment_that_is_not_authorized_is_not_captured(shop: Shop, status: str) -> None:
    card = None if status == "requires_payment_method" else "pm_card_visa"
    payment = shop.pay(confirm=status == "succeeded", payment_method=card).json()
    if status == "canceled":
        shop.post(f"/v1/payments/{payment['id']}/cancel")

    with nothing_written():
        response = shop.post(f"/v1/payments/{payment['id']}/capture")

    problem = problem_in(response, status=409, code="payment_state_conflict")
    assert problem["payment_status"] == status


def test_second_capture_is_rejected(shop: Shop, path: str) -> None:
    shop.post(f"{path}/capture")

    with nothing_written():
        response = shop.post(f"{path}/capture")

    problem_in(response, status=409, code="payment_state_conflict")


def test_chunked_body_is_refused_and_not_taken_for_empty(shop: Shop, path: str) -> None:
    headers = {
        "Authorization": f"Bearer {shop.key}",
        "Idempotency-Key": shop.fresh_key(),
        "Transfer-Encoding": "chunked",
    }

    with nothing_written():
        response = shop.client.post(
            f"{path}/capture",
            '{"amount": 5}',
            content_type="application/json",
            headers=headers,
            CONTENT_LENGTH="",
        )

    problem_in(response, status=411, code="length_required")
