"""/v1/refunds."""

from typing import Any

import pytest

from payments.connectors.base import Declined, NotSent, Outcome, Submitted, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.models import Refund
from payments.money import AMOUNT_MAX
from payments.operations.ledger_check import check_ledger
from tests.api.answers import pages_forwards, payment_in, problem_in, rows
from tests.shop import Shop, open_shop, payment_named
from tests.snapshot import nothing_written


@pytest.fixture
def payment(shop: Shop) -> dict[str, Any]:
    """Return a captured payment of 19.99 EUR."""
    return payment_in(shop.pay(), status=201)


def refund(shop: Shop, payment: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Refund a payment, and return the refund."""
    return payment_in(shop.post("/v1/refunds", {"payment": payment["id"]} | body), status=201)


def as_it_stands(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    """Return the payment as it is now."""
    return payment_in(shop.get(f"/v1/payments/{payment['id']}"))


def answer_refunds_with(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """Let the sandbox answer every refund so."""
    monkeypatch.setattr(SandboxConnector, "refund", lambda self, request: outcome)


def test_whole_payment_is_refunded_when_no_amount_is_given(shop: Shop, payment: dict[str, Any]) -> None:
    made = refund(shop, payment, reason="requested_by_customer", metadata={"ticket": "7"})

    assert (made["status"], made["amount"], made["currency"]) == ("succeeded", 1999, "EUR")
    assert (made["payment"], made["reason"], made["metadata"]) == (
        payment["id"],
        "requested_by_customer",
        {"ticket": "7"},
    )
    assert as_it_stands(shop, payment)["amount_refunded"] == 1999
    assert check_ledger() == []


def test_parts_are_refunded_up_to_what_was_captured(shop: Shop, payment: dict[str, Any]) -> None:
    refund(shop, payment, amount=500)
    refund(shop, payment, amount=1)

    rest = refund(shop, payment)

    assert rest["amount"] == 1498
    assert as_it_stands(shop, payment)["amount_refunded"] == 1999


@pytest.mark.parametrize("amount", [2**31, 2**32 + 5, AMOUNT_MAX])
def test_refund_beyond_32_bits_is_set_aside_in_full(shop: Shop, monkeypatch: pytest.MonkeyPatch, amount: int) -> None:
    large = payment_in(shop.pay(amount=amount), status=201)
    answer_refunds_with(monkeypatch, Unknown("No answer."))

    refund(shop, large)

    assert payment_named(large["id"]).amount_refund_pending == amount
    assert check_ledger() == []


@pytest.mark.parametrize(("before", "amount", "left"), [(None, 2000, 1999), (1000, 1000, 999), (None, 10**11, 1999)])
def test_more_than_is_left_is_not_refunded(
    shop: Shop, payment: dict[str, Any], before: int | None, amount: int, left: int
) -> None:
    if before is not None:
        refund(shop, payment, amount=before)

    with nothing_written():
        response = shop.post("/v1/refunds", {"payment": payment["id"], "amount": amount})

    problem = problem_in(response, status=422, code="amount_exceeds_refundable", param="amount")
    assert problem["amount_refundable"] == left


def test_what_is_refunded_is_not_refunded_again(shop: Shop, payment: dict[str, Any]) -> None:
    refund(shop, payment)

    with nothing_written():
        response = shop.post("/v1/refunds", {"payment": payment["id"]})

    problem_in(response, status=409, code="payment_state_conflict")


def test_captured_part_of_a_canceled_payment_is_refunded(shop: Shop) -> None:
    payment = shop.authorize()
    shop.post(f"/v1/payments/{payment['id']}/capture", {"amount": 700})
    shop.post(f"/v1/payments/{payment['id']}/cancel")

    made = refund(shop, payment)

    assert made["amount"] == 700
    assert check_ledger() == []


def test_what_is_only_authorized_is_not_refunded(shop: Shop) -> None:
    payment = shop.authorize()

    problem_in(shop.post("/v1/refunds", {"payment": payment["id"]}), status=409, code="payment_state_conflict")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "payment"),
        ({"payment": "pay_1"}, "payment"),
        ({"payment": "evt_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "payment"),
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": "100"}, "amount"),
        ({"reason": 7}, "reason"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"currency": "EUR"}, "currency"),
    ],
    ids=str,
)
def test_bad_body_is_refused_and_names_the_field(
    shop: Shop, payment: dict[str, Any], body: dict[str, Any], param: str
) -> None:
    complete = body if param == "payment" else {"payment": payment["id"]} | body

    with nothing_written():
        response = shop.post("/v1/refunds", complete)

    problem_in(response, status=400, code="invalid_request", param=param)


def test_another_merchants_payment_is_not_found(shop: Shop, payment: dict[str, Any]) -> None:
    stranger = open_shop()

    with nothing_written():
        response = stranger.post("/v1/refunds", {"payment": payment["id"]})

    problem_in(response, status=404, code="not_found")


def test_repeated_request_refunds_once(shop: Shop, payment: dict[str, Any]) -> None:
    first = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 300}, key="once")

    second = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 300}, key="once")

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert as_it_stands(shop, payment)["amount_refunded"] == 300


def test_declined_refund_gives_back_what_it_reserved(
    shop: Shop, payment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_refunds_with(monkeypatch, Declined("card_closed", "do_not_try_again", "The card was closed."))

    response = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 300})

    problem = problem_in(response, status=402, code="refund_declined")
    assert (problem["decline_code"], problem["retryable"]) == ("card_closed", False)
    assert problem["refund"]["status"] == "failed"
    assert problem["refund"]["last_error"]["message"] == "The card was closed."
    assert as_it_stands(shop, payment)["amount_refunded"] == 0
    assert check_ledger() == []


def test_refund_that_could_not_be_sent_failed(
    shop: Shop, payment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_refunds_with(monkeypatch, NotSent("Connection refused."))
    response = shop.post("/v1/refunds", {"payment": payment["id"]})
    monkeypatch.undo()

    again = refund(shop, payment)

    assert problem_in(response, status=502, code="processor_unreachable")["refund"]["status"] == "failed"
    assert (again["status"], again["amount"]) == ("succeeded", 1999)
    assert check_ledger() == []


@pytest.mark.parametrize(
    ("outcome", "status"), [(Submitted("sbr_1"), "submitted"), (Unknown("No answer."), "unknown")], ids=str
)
def test_refund_without_a_result_keeps_its_amount_reserved(
    shop: Shop, payment: dict[str, Any], monkeypatch: pytest.MonkeyPatch, outcome: Outcome, status: str
) -> None:
    answer_refunds_with(monkeypatch, outcome)

    made = refund(shop, payment, amount=1500)

    assert made["status"] == status
    assert as_it_stands(shop, payment)["amount_refunded"] == 0
    too_much = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})
    assert (
        problem_in(too_much, status=422, code="amount_exceeds_refundable", param="amount")["amount_refundable"] == 499
    )
    assert check_ledger() == []


def test_every_change_is_an_event_of_the_refund_and_of_the_payment(shop: Shop, payment: dict[str, Any]) -> None:
    made = refund(shop, payment)

    of_the_refund = rows(shop, "/v1/events", object_id=made["id"])
    of_the_payment = rows(shop, "/v1/events", object_id=payment["id"])

    assert [(event["type"], event["sequence"]) for event in of_the_refund] == [
        ("refund.succeeded", 2),
        ("refund.created", 1),
    ]
    assert of_the_refund[0]["data"] == payment_in(shop.get(f"/v1/refunds/{made['id']}"))
    assert of_the_payment[0]["type"] == "payment.refunded"
    assert of_the_payment[0]["data"] == as_it_stands(shop, payment)


def test_list_is_narrowed_and_paged(shop: Shop, payment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    other = payment_in(shop.pay(), status=201)
    made = [refund(shop, payment, amount=100)["id"] for _ in range(3)]
    refund(shop, other)
    answer_refunds_with(monkeypatch, Submitted("sbr_1"))
    waiting = refund(shop, payment, amount=100)["id"]

    assert list(pages_forwards(shop, "/v1/refunds", payment=payment["id"], limit=2)) == [
        [waiting, made[2]],
        [made[1], made[0]],
    ]
    assert [row["id"] for row in rows(shop, "/v1/refunds", status="submitted")] == [waiting]
    assert Refund.objects.filter(merchant_id=shop.merchant.id).count() == 5
