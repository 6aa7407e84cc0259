"""GET /v1/payments/{payment_id}."""

import pytest

from payments.public_ids import encode, new_uuid
from tests.api.answers import payment_in, problem_in
from tests.shop import Shop


def test_payment_is_shown_as_it_was_answered(shop: Shop) -> None:
    created = payment_in(shop.pay(metadata={"order": "1001"}), status=201)

    assert payment_in(shop.get(f"/v1/payments/{created['id']}")) == created


def test_change_is_shown(shop: Shop) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}"

    captured = payment_in(shop.post(f"{path}/capture", {"amount": 1000}))

    assert payment_in(shop.get(path)) == captured


def test_unknown_id_is_not_found(shop: Shop) -> None:
    unknown = encode("pay", new_uuid())

    response = shop.get(f"/v1/payments/{unknown}")

    assert unknown in problem_in(response, status=404, code="not_found")["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "pay_",
        "pay_short",
        "pay_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "pay_01jv8k3x5rf2dbh0v9q2w8m7cu",
        "evt_01jv8k3x5rf2dbh0v9q2w8m7ce",
        "0192f0c1-2345-7000-8000-000000000000",
        "pay_%00",
        "pay_%ED%A0%80",
        "%FF%FE",
        "..%2F..%2Fhealth",
        "x" * 2000,
    ],
)
def test_malformed_id_is_not_found(shop: Shop, text: str) -> None:
    problem_in(shop.get(f"/v1/payments/{text}"), status=404, code="not_found")
