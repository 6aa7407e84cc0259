"""The Idempotency-Key header; what happens at the same moment is in tests/concurrency."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from payments.lifecycles import Mode
from payments.models import IdempotencyRecord, Payment, SandboxCharge
from payments.operations.idempotency import delete_expired_keys
from tests.api.answers import payment_in, problem_in
from tests.shop import Shop
from tests.snapshot import nothing_written

PATH = "/v1/payments"
BODY = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "path", [PATH, *(f"{PATH}/pay_01jv8k3x5rf2dbh0v9q2w8m7ce/{step}" for step in ("confirm", "capture", "cancel"))]
)
@pytest.mark.parametrize(
    "key", [None, "", " ", "two words", "x" * 256, "schlüssel", "tab\t", "\x7f", "new\x0bline"], ids=repr
)
def test_unusable_key_is_refused(shop: Shop, path: str, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {shop.key}"} | ({} if key is None else {"Idempotency-Key": key})

    with nothing_written():
        response = shop.client.post(path, BODY, content_type="application/json", headers=headers)

    problem_in(response, status=400, code="idempotency_key_missing", param="Idempotency-Key")


@pytest.mark.parametrize("key", ["1", "x" * 255, "!~#\"'%{}|;--"])
def test_any_printable_key_is_taken(shop: Shop, key: str) -> None:
    first = shop.post(PATH, BODY, key=key)

    assert shop.post(PATH, BODY, key=key).content == first.content


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 201),
        ({"capture_method": "manual"}, 201),
        ({"confirm": False}, 201),
        ({"payment_method": "pm_card_declined"}, 402),
        ({"payment_method": "pm_fault_unreachable"}, 502),
    ],
)
def test_repeated_request_gets_the_first_answer(shop: Shop, changes: dict[str, Any], status: int) -> None:
    first = shop.pay_under("key-1", **changes)

    with nothing_written():
        second = shop.pay_under("key-1", **changes)

    assert first.status_code == second.status_code == status
    assert second.content == first.content
    assert second["Content-Type"] == first["Content-Type"]
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(("step", "body"), [("capture", {"amount": 500}), ("cancel", {})])
def test_repeated_step_gets_the_first_answer(shop: Shop, step: str, body: dict[str, Any]) -> None:
    path = f"{PATH}/{shop.authorize()['id']}/{step}"
    first = shop.post(path, body, key="key-1")
    payment_in(first)

    with nothing_written():
        second = shop.post(path, body, key="key-1")

    assert (second.status_code, second.content) == (200, first.content)
    assert second["Idempotent-Replayed"] == "true"


def test_repeated_confirmation_gets_the_first_answer(shop: Shop) -> None:
    path = f"{PATH}/{shop.pay(confirm=False).json()['id']}/confirm"
    first = shop.post(path, key="key-1")
    charges = SandboxCharge.objects.count()

    second = shop.post(path, key="key-1")

    assert (second.status_code, second.content, second["Idempotent-Replayed"]) == (200, first.content, "true")
    assert SandboxCharge.objects.count() == charges


def test_answer_stays_the_first_though_the_payment_has_moved_on(shop: Shop) -> None:
    first = shop.pay_under("key-1", capture_method="manual")
    shop.post(f"{PATH}/{first.json()['id']}/cancel")

    assert shop.pay_under("key-1", capture_method="manual").content == first.content


def test_order_and_blanks_of_the_body_do_not_matter(shop: Shop) -> None:
    first = shop.post(PATH, '{"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}', key="key-1")

    second = shop.post(PATH, '{"payment_method":"pm_card_visa",\n"currency":"\\u0045UR","amount":1999}', key="key-1")

    assert (second.status_code, second.content) == (201, first.content)


@pytest.mark.parametrize("changes", [{"amount": 2000}, {"metadata": {}}, {"payment_method": "pm_card_mastercard"}])
def test_other_body_under_the_same_key_is_refused(shop: Shop, changes: dict[str, Any]) -> None:
    shop.pay_under("key-1")

    with nothing_written():
        response = shop.pay_under("key-1", **changes)

    problem_in(response, status=422, code="idempotency_key_reused")


def test_other_path_under_the_same_key_is_refused(shop: Shop) -> None:
    first, second = shop.authorize()["id"], shop.authorize()["id"]
    shop.post(f"{PATH}/{first}/capture", key="key-1")

    with nothing_written():
        responses = [
            shop.post(f"{PATH}/{second}/capture", key="key-1"),
            shop.post(f"{PATH}/{first}/cancel", key="key-1"),
        ]

    for response in responses:
        problem_in(response, status=422, code="idempotency_key_reused")


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"amount": 0}, 400), ({"merchant_reference": "taken"}, 409)],
)
def test_key_of_a_refused_request_is_still_free(shop: Shop, changes: dict[str, Any], status: int) -> None:
    shop.pay(merchant_reference="taken")
    assert shop.pay_under("key-1", **changes).status_code == status

    response = shop.pay_under("key-1")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response


def test_key_is_still_free_after_a_wrong_api_key(shop: Shop) -> None:
    right = shop.key
    shop.key = "sk_test_wrong"
    assert shop.pay_under("key-1").status_code == 401

    shop.key = right

    assert shop.pay_under("key-1").status_code == 201


def test_key_is_still_free_after_too_much_was_to_be_captured(shop: Shop) -> None:
    path = f"{PATH}/{shop.authorize()['id']}/capture"
    assert shop.post(path, {"amount": 2000}, key="key-1").status_code == 422

    assert shop.post(path, {"amount": 1999}, key="key-1").status_code == 200


def test_key_is_still_free_after_no_processor_was_found(live_shop: Shop) -> None:
    assert live_shop.pay_under("key-1").status_code == 422

    assert live_shop.pay_under("key-1", confirm=False).status_code == 201


def test_key_of_another_merchant_and_of_the_other_mode_is_another_key(
    shop: Shop, other_shop: Shop, live_shop: Shop
) -> None:
    answers = [each.pay_under("key-1", confirm=False) for each in (shop, other_shop, live_shop)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert not any("Idempotent-Replayed" in answer for answer in answers)
    assert Payment.objects.filter(merchant_id=shop.merchant.id, mode=Mode.LIVE).count() == 1


def test_key_is_kept_for_thirty_days(shop: Shop) -> None:
    with time_machine.travel(NOON, tick=False):
        first = shop.pay_under("key-1")

    with time_machine.travel(NOON + timedelta(days=30, seconds=-1), tick=False):
        replayed = shop.pay_under("key-1")
    with time_machine.travel(NOON + timedelta(days=30), tick=False):
        anew = shop.pay_under("key-1", amount=5)

    assert (replayed.content, replayed["Idempotent-Replayed"]) == (first.content, "true")
    assert payment_in(anew, status=201)["id"] != first.json()["id"]
    assert IdempotencyRecord.objects.filter(merchant_id=shop.merchant.id).count() == 1


def test_answer_says_nothing_of_the_repeating_request(shop: Shop) -> None:
    first = shop.pay_under("key-1", payment_method="pm_card_declined")

    second = shop.pay_under("key-1", payment_method="pm_card_declined")

    assert second.json()["request_id"] == first["X-Request-Id"]
    assert second["X-Request-Id"] != first["X-Request-Id"]


def test_keys_are_deleted_when_their_time_is_over(shop: Shop) -> None:
    with time_machine.travel(NOON, tick=False):
        shop.pay()
    with time_machine.travel(NOON + timedelta(days=20), tick=False):
        shop.pay()

    early = delete_expired_keys(now=NOON + timedelta(days=29))
    late = delete_expired_keys(now=NOON + timedelta(days=31))

    assert (early, late) == (0, 1)
    assert IdempotencyRecord.objects.count() == 1


def test_a_key_without_an_answer_is_never_deleted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.operations.steps.send_call", lambda call, **_: 1 / 0)
    shop.client.raise_request_exception = False
    with time_machine.travel(NOON, tick=False):
        shop.pay()

    assert delete_expired_keys(now=NOON + timedelta(days=400)) == 0
