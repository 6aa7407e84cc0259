"""POST /v1/payments."""

import pytest

from payments.models import ProcessorCall
from tests.api.answers import payment_in, problem_in, rows
from tests.shop import Shop
from tests.snapshot import nothing_written

# What the sandbox's tokens are documented to decline with.
DECLINES = [
    ("pm_card_declined", "generic_decline", "try_again_later", True),
    ("pm_card_insufficient_funds", "insufficient_funds", "try_again_later", True),
    ("pm_card_lost", "lost_card", "do_not_try_again", False),
    ("pm_card_stolen", "stolen_card", "do_not_try_again", False),
    ("pm_card_expired", "expired_card", "confirm_card_data", False),
    ("pm_card_incorrect_cvc", "incorrect_cvc", "confirm_card_data", False),
    ("pm_card_processing_error", "processing_error", "try_again_later", True),
    ("pm_card_of_another_processor", "invalid_payment_method", "confirm_card_data", False),
]


def test_payment_with_a_good_card_succeeds_and_is_captured(shop: Shop) -> None:
    payment = payment_in(shop.pay(amount=1999, currency="EUR"), status=201)

    assert payment["status"] == "succeeded"
    assert (payment["amount"], payment["currency"]) == (1999, "EUR")
    assert (payment["amount_authorized"], payment["amount_captured"]) == (1999, 1999)
    assert (payment["amount_capturable"], payment["amount_refunded"], payment["amount_disputed"]) == (0, 0, 0)
    assert (payment["mode"], payment["capture_method"], payment["connector"]) == ("test", "automatic", "sandbox")
    assert payment["processor_reference"] and payment["authorization_code"]
    assert payment["last_error"] is None


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_mastercard"])
def test_manual_capture_authorizes_only(shop: Shop, card: str) -> None:
    payment = payment_in(shop.pay(capture_method="manual", payment_method=card), status=201)

    assert payment["status"] == "requires_capture"
    assert (payment["amount_authorized"], payment["amount_capturable"], payment["amount_captured"]) == (1999, 1999, 0)


@pytest.mark.parametrize(
    ("card", "status"), [("pm_card_visa", "requires_confirmation"), (None, "requires_payment_method")]
)
def test_unconfirmed_payment_waits_and_asks_no_processor(shop: Shop, card: str | None, status: str) -> None:
    payment = payment_in(shop.pay(confirm=False, payment_method=card), status=201)

    assert (payment["status"], payment["payment_method"]) == (status, card)
    assert (payment["connector"], payment["amount_authorized"]) == (None, 0)
    assert not ProcessorCall.objects.filter(merchant_id=shop.merchant.id).exists()


def test_confirmation_without_a_payment_method_is_refused(shop: Shop) -> None:
    with nothing_written():
        response = shop.post("/v1/payments", {"amount": 1999, "currency": "EUR"})

    problem_in(response, status=400, code="invalid_request", param="payment_method")


def test_what_the_merchant_wrote_down_comes_back_as_it_was(shop: Shop) -> None:
    written = {
        "merchant_reference": " order/1001 ",
        "description": "Zwei Äpfel 🍎,\nein Brot",
        "metadata": {"order": "1001", "empty": "", "名前": "値"},
    }

    payment = payment_in(shop.pay(**written), status=201)

    assert {name: payment[name] for name in written} == written


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 500), ("KWD", 1), ("CLF", 999_999_999_999)])
def test_any_currency_and_amount_is_taken_in_minor_units(shop: Shop, currency: str, amount: int) -> None:
    payment = payment_in(shop.pay(currency=currency, amount=amount), status=201)

    assert (payment["currency"], payment["amount_captured"]) == (currency, amount)


@pytest.mark.parametrize(("card", "decline_code", "advice_code", "retryable"), DECLINES)
def test_declined_card_is_told_with_the_payment(
    shop: Shop, card: str, decline_code: str, advice_code: str, retryable: bool
) -> None:
    response = shop.pay(payment_method=card)

    problem = problem_in(response, status=402, code="payment_declined", param="payment_method")
    assert (problem["decline_code"], problem["advice_code"], problem["retryable"]) == (
        decline_code,
        advice_code,
        retryable,
    )
    assert problem["payment"]["status"] == "requires_payment_method"
    assert problem["payment"]["last_error"]["decline_code"] == decline_code
    assert problem["payment"] == shop.get(f"/v1/payments/{problem['payment']['id']}").json()


def test_unreachable_processor_is_told_and_safe_to_try_again(shop: Shop) -> None:
    response = shop.pay(payment_method="pm_fault_unreachable")

    problem = problem_in(response, status=502, code="processor_unreachable")
    assert problem["retryable"] is True
    assert problem["payment"]["status"] == "requires_payment_method"
    assert problem["payment"]["last_error"]["code"] == "processor_unreachable"


def test_live_payment_finds_no_processor(live_shop: Shop) -> None:
    with nothing_written():
        response = live_shop.pay()

    problem_in(response, status=422, code="no_processor_available")


def test_live_payment_may_be_prepared(live_shop: Shop) -> None:
    payment = payment_in(live_shop.pay(confirm=False), status=201)

    assert (payment["mode"], payment["status"]) == ("live", "requires_confirmation")


def test_second_payment_with_one_merchant_reference_is_refused(shop: Shop) -> None:
    first = payment_in(shop.pay(merchant_reference="order-1001"), status=201)

    with nothing_written():
        response = shop.pay(merchant_reference="order-1001", amount=5)

    problem = problem_in(response, status=409, code="merchant_reference_taken", param="merchant_reference")
    assert problem["payment_id"] == first["id"]


def test_merchant_reference_stays_taken_after_a_decline(shop: Shop) -> None:
    declined = shop.pay(merchant_reference="order-1001", payment_method="pm_card_declined").json()["payment"]

    response = shop.pay(merchant_reference="order-1001")

    problem = problem_in(response, status=409, code="merchant_reference_taken", param="merchant_reference")
    assert problem["payment_id"] == declined["id"]


def test_merchant_references_of_others_and_of_the_other_mode_are_free(
    shop: Shop, other_shop: Shop, live_shop: Shop
) -> None:
    shop.pay(merchant_reference="order-1001")

    assert other_shop.pay(merchant_reference="order-1001").status_code == 201
    assert live_shop.pay(merchant_reference="order-1001", confirm=False).status_code == 201


def test_payments_without_a_reference_do_not_clash(shop: Shop) -> None:
    for _ in range(2):
        payment_in(shop.pay(merchant_reference=None), status=201)

    assert len(rows(shop, "/v1/payments")) == 2
