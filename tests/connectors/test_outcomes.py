"""What becomes of a payment when the processor's answer is a yes, a no, a closed door or nothing at all."""

from typing import Any, NoReturn

import pytest

from payments.connectors.base import NotSent, Outcome, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.lifecycles import Mode
from payments.models import JournalEntry, Payment, ProcessorCall, SandboxCharge
from payments.operations.ledger_check import check_ledger
from tests.shop import Shop, open_shop, payment_named

UNREACHABLE = NotSent("Connection refused.")


def breaks(*_: object) -> NoReturn:
    """Fail as a connector with a mistake in it does."""
    raise RuntimeError("the connector broke")


def cannot_connect(*_: object) -> Outcome:
    """Find the processor's door closed."""
    return UNREACHABLE


def loses_the_answer(*_: object) -> Outcome:
    """Send, and hear nothing."""
    return Unknown("The connection broke off.")


def of_payment(document: dict[str, Any]) -> Payment:
    """Return the row of the payment that an answer is, or tells of."""
    return payment_named(document.get("payment", document)["id"])


def last_call(payment: Payment) -> ProcessorCall:
    """Return the last call about a payment."""
    return ProcessorCall.objects.filter(payment=payment).latest("id")


@pytest.mark.parametrize("authorize", [breaks, loses_the_answer])
def test_a_payment_whose_answer_is_lost_is_processing(
    authorize: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SandboxConnector, "authorize", authorize)

    response = shop.pay()

    payment = of_payment(response.json())
    assert (response.status_code, payment.status) == (201, "processing")
    assert last_call(payment).status == "unknown"
    assert not JournalEntry.objects.filter(payment=payment).exists()
    assert check_ledger() == []


@pytest.mark.parametrize("verb", ["capture", "cancel"])
def test_a_step_whose_answer_is_lost_leaves_the_payment_processing(
    verb: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.authorize(amount=1000)
    monkeypatch.setattr(SandboxConnector, "capture", breaks)
    monkeypatch.setattr(SandboxConnector, "void", breaks)

    response = shop.post(f"/v1/payments/{payment['id']}/{verb}")

    document = response.json()
    assert (response.status_code, document["status"]) == (200, "processing")
    assert (document["amount_capturable"], document["amount_captured"]) == (1000, 0)
    assert check_ledger() == []


def test_a_retry_under_the_same_key_hears_the_same_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    key = shop.fresh_key()
    body = {"amount": 1000, "currency": "EUR", "payment_method": "pm_card_visa"}
    with monkeypatch.context() as patch:
        patch.setattr(SandboxConnector, "authorize", breaks)
        first = shop.post("/v1/payments", body, key=key)

    again = shop.post("/v1/payments", body, key=key)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ProcessorCall.objects.filter(payment=of_payment(first.json())).count() == 1


def test_nothing_can_be_done_to_a_payment_in_doubt(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(SandboxConnector, "authorize", breaks)
        payment = shop.pay(capture_method="manual").json()

    answers = [shop.post(f"/v1/payments/{payment['id']}/{verb}") for verb in ("confirm", "capture", "cancel")]

    assert [answer.status_code for answer in answers] == [409] * 3
    assert ProcessorCall.objects.filter(payment=payment_named(payment["id"])).count() == 1


def test_a_connector_that_breaks_is_logged_with_the_call(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(SandboxConnector, "authorize", breaks)

    payment = of_payment(shop.pay().json())

    (record,) = [record for record in caplog.records if record.name == "payments.operations.processor_calls"]
    assert record.getMessage() == f"connector sandbox failed on {last_call(payment).public_id}"
    assert "the connector broke" in caplog.text


def test_an_unreachable_processor_leaves_the_payment_to_be_tried_again(shop: Shop) -> None:
    response = shop.pay(payment_method="pm_fault_unreachable")

    problem = response.json()
    payment = of_payment(problem)
    assert (response.status_code, problem["code"], problem["retryable"]) == (502, "processor_unreachable", True)
    assert payment.status == "requires_payment_method"
    assert payment.last_error == problem["payment"]["last_error"]
    assert problem["payment"]["last_error"]["code"] == "processor_unreachable"
    assert last_call(payment).status == "not_sent"


@pytest.mark.parametrize("verb", ["capture", "cancel"])
def test_a_step_that_was_not_sent_leaves_the_payment_to_be_captured(
    verb: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.authorize(amount=1000)
    with monkeypatch.context() as patch:
        patch.setattr(SandboxConnector, "capture", cannot_connect)
        patch.setattr(SandboxConnector, "void", cannot_connect)
        response = shop.post(f"/v1/payments/{payment['id']}/{verb}")

    again = shop.post(f"/v1/payments/{payment['id']}/{verb}")

    left = response.json()["payment"]
    assert (response.status_code, left["status"], left["amount_capturable"]) == (502, "requires_capture", 1000)
    assert again.status_code == 200
    assert again.json()["last_error"] is None
    assert check_ledger() == []


def test_a_declined_capture_leaves_the_payment_to_be_captured(shop: Shop) -> None:
    payment = shop.authorize(amount=1000)
    # The processor knows better than we do how much is left.
    SandboxCharge.objects.filter(reference=payment["processor_reference"]).update(amount_voided=1)

    response = shop.post(f"/v1/payments/{payment['id']}/capture")

    problem = response.json()
    assert (response.status_code, problem["decline_code"], problem["param"]) == (402, "amount_too_large", None)
    assert problem["payment"]["status"] == "requires_capture"
    assert check_ledger() == []


def test_a_success_after_a_decline_forgets_the_error(shop: Shop) -> None:
    declined = shop.pay(payment_method="pm_card_lost").json()["payment"]

    response = shop.post(f"/v1/payments/{declined['id']}/confirm", {"payment_method": "pm_card_visa"})

    assert declined["last_error"]["decline_code"] == "lost_card"
    assert response.json()["last_error"] is None


@pytest.mark.parametrize(
    ("method", "retryable"), [("pm_card_lost", False), ("pm_card_expired", False), ("pm_card_insufficient_funds", True)]
)
def test_only_what_may_pass_later_is_retryable(method: str, retryable: bool, shop: Shop) -> None:
    problem = shop.pay(payment_method=method).json()

    assert (problem["code"], problem["param"]) == ("payment_declined", "payment_method")
    assert problem["retryable"] is retryable


def test_a_live_payment_is_refused_and_nothing_is_kept(shop: Shop) -> None:
    live = open_shop(mode=Mode.LIVE, merchant=shop.merchant)

    response = live.pay()

    assert (response.status_code, response.json()["code"]) == (422, "no_processor_available")
    assert not Payment.objects.filter(merchant_id=shop.merchant.id).exists()
