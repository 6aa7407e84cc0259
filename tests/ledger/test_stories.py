"""What each step of a payment writes into the books: the ledger, told in worked examples.

`pending` is money that is promised (authorized), `posted` is money that is owed. The processor owes it to the
platform (`psp_receivable`), and the platform owes it to the merchant (`merchant_payable`).
"""

from datetime import datetime

import pytest

from payments.connectors.base import Declined
from payments.connectors.sandbox import SandboxConnector
from payments.lifecycles import Mode
from payments.operations.expiry import expire_authorizations
from tests.ledger.reading import balance, journal, step, written
from tests.payer import ask_payer, decide
from tests.shop import Shop, open_shop


def test_a_payment_captured_at_once_is_owed_at_once(shop: Shop) -> None:
    shop.pay(amount=1999, currency="EUR")

    assert journal(shop) == written("""
        payment_captured
            debit  psp_receivable   posted  19.99 EUR
            credit merchant_payable posted  19.99 EUR
        """)
    assert balance(shop) == {"posted": "19.99 EUR"}


def test_an_authorization_is_only_promised(shop: Shop) -> None:
    shop.authorize(amount=5000, currency="EUR")

    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        """)
    assert balance(shop) == {"pending": "50.00 EUR"}


def test_a_capture_turns_the_promise_into_a_debt(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")

    step(shop, payment, "capture")

    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        payment_captured
            debit  merchant_payable pending 50.00 EUR
            credit psp_receivable   pending 50.00 EUR
            debit  psp_receivable   posted  50.00 EUR
            credit merchant_payable posted  50.00 EUR
        """)
    assert balance(shop) == {"posted": "50.00 EUR"}


def test_partial_captures_use_the_promise_up_bit_by_bit(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")

    step(shop, payment, "capture", amount=2000)
    half_way = balance(shop)
    step(shop, payment, "capture", amount=3000)

    assert half_way == {"posted": "20.00 EUR", "pending": "30.00 EUR"}
    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        payment_captured
            debit  merchant_payable pending 20.00 EUR
            credit psp_receivable   pending 20.00 EUR
            debit  psp_receivable   posted  20.00 EUR
            credit merchant_payable posted  20.00 EUR
        payment_captured
            debit  merchant_payable pending 30.00 EUR
            credit psp_receivable   pending 30.00 EUR
            debit  psp_receivable   posted  30.00 EUR
            credit merchant_payable posted  30.00 EUR
        """)
    assert balance(shop) == {"posted": "50.00 EUR"}


def test_a_final_capture_gives_the_rest_of_the_promise_back(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")

    payment = step(shop, payment, "capture", amount=3500, final_capture=True)

    assert payment["status"] == "succeeded"
    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        payment_captured
            debit  merchant_payable pending 50.00 EUR
            credit psp_receivable   pending 50.00 EUR
            debit  psp_receivable   posted  35.00 EUR
            credit merchant_payable posted  35.00 EUR
        """)
    assert balance(shop) == {"posted": "35.00 EUR"}


def test_canceling_takes_the_whole_promise_back(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")

    step(shop, payment, "cancel")

    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        payment_canceled
            debit  merchant_payable pending 50.00 EUR
            credit psp_receivable   pending 50.00 EUR
        """)
    assert balance(shop) == {}


def test_canceling_after_a_partial_capture_takes_back_only_what_was_left(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")
    step(shop, payment, "capture", amount=2000)

    step(shop, payment, "cancel")

    assert journal(shop).endswith(written("""
            payment_canceled
                debit  merchant_payable pending 30.00 EUR
                credit psp_receivable   pending 30.00 EUR
            """))
    assert balance(shop) == {"posted": "20.00 EUR"}


def test_a_reserve_that_lapses_takes_back_what_was_left_of_the_promise(shop: Shop) -> None:
    payment = shop.authorize(amount=5000, currency="EUR")
    step(shop, payment, "capture", amount=2000)

    expire_authorizations(now=datetime.fromisoformat(payment["authorization_expires_at"]))

    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        payment_captured
            debit  merchant_payable pending 20.00 EUR
            credit psp_receivable   pending 20.00 EUR
            debit  psp_receivable   posted  20.00 EUR
            credit merchant_payable posted  20.00 EUR
        payment_expired
            debit  merchant_payable pending 30.00 EUR
            credit psp_receivable   pending 30.00 EUR
        """)
    assert balance(shop) == {"posted": "20.00 EUR"}


def test_a_payer_who_is_asked_is_booked_when_they_approve(shop: Shop) -> None:
    payment = ask_payer(shop, amount=5000, currency="EUR", capture_method="manual")
    before = journal(shop)

    decide(payment, "approve")

    assert before == ""
    assert journal(shop) == written("""
        payment_authorized
            debit  psp_receivable   pending 50.00 EUR
            credit merchant_payable pending 50.00 EUR
        """)


@pytest.mark.parametrize("end", ["refuse", "cancel"])
def test_a_payer_who_does_not_approve_leaves_no_trace(shop: Shop, end: str) -> None:
    payment = ask_payer(shop)

    if end == "refuse":
        decide(payment, "refuse")
    else:
        step(shop, payment, "cancel")

    assert (journal(shop), balance(shop)) == ("", {})


def test_a_decline_writes_nothing(shop: Shop) -> None:
    shop.pay(payment_method="pm_card_declined")

    assert journal(shop) == ""


def test_a_processor_that_cannot_be_reached_writes_nothing(shop: Shop) -> None:
    shop.pay(payment_method="pm_fault_unreachable")

    assert journal(shop) == ""


def test_an_unconfirmed_payment_writes_nothing_until_it_is_confirmed(shop: Shop) -> None:
    payment = shop.pay(amount=700, currency="EUR", confirm=False).json()
    before = journal(shop)

    step(shop, payment, "confirm")

    assert before == ""
    assert journal(shop) == written("""
        payment_captured
            debit  psp_receivable   posted  7.00 EUR
            credit merchant_payable posted  7.00 EUR
        """)


def test_a_second_card_after_a_decline_is_booked_once(shop: Shop) -> None:
    declined = shop.pay(amount=700, currency="EUR", payment_method="pm_card_declined").json()["payment"]

    step(shop, declined, "confirm", payment_method="pm_card_mastercard")

    assert journal(shop).count("payment_captured") == 1
    assert balance(shop) == {"posted": "7.00 EUR"}


def test_each_currency_has_books_of_its_own(shop: Shop) -> None:
    yen = shop.pay(amount=500, currency="JPY").json()
    dinars = shop.pay(amount=1234, currency="KWD").json()

    assert journal(shop, yen) == written("""
        payment_captured
            debit  psp_receivable   posted  500 JPY
            credit merchant_payable posted  500 JPY
        """)
    assert journal(shop, dinars) == written("""
        payment_captured
            debit  psp_receivable   posted  1.234 KWD
            credit merchant_payable posted  1.234 KWD
        """)


def test_one_merchant_s_money_is_not_in_another_s_books(shop: Shop) -> None:
    neighbor = open_shop()
    live = open_shop(mode=Mode.LIVE, merchant=shop.merchant)

    shop.pay(amount=1999)

    assert (journal(neighbor), balance(neighbor)) == ("", {})
    assert (journal(live), balance(live)) == ("", {})


def test_a_refund_takes_the_debt_back(shop: Shop) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()

    shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})

    assert journal(shop) == written("""
        payment_captured
            debit  psp_receivable   posted  19.99 EUR
            credit merchant_payable posted  19.99 EUR
        refund_reserved
            debit  merchant_payable pending 5.00 EUR
            credit psp_receivable   pending 5.00 EUR
        refund_succeeded
            debit  psp_receivable   pending 5.00 EUR
            credit merchant_payable pending 5.00 EUR
            debit  merchant_payable posted  5.00 EUR
            credit psp_receivable   posted  5.00 EUR
        """)
    assert balance(shop) == {"posted": "14.99 EUR"}


def test_a_refund_that_fails_leaves_no_trace_in_the_balance(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()
    declined = Declined("card_closed", "do_not_try_again", "The card was closed.")
    monkeypatch.setattr(SandboxConnector, "refund", lambda self, request: declined)

    shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})

    assert journal(shop) == written("""
        payment_captured
            debit  psp_receivable   posted  19.99 EUR
            credit merchant_payable posted  19.99 EUR
        refund_reserved
            debit  merchant_payable pending 5.00 EUR
            credit psp_receivable   pending 5.00 EUR
        refund_released
            debit  psp_receivable   pending 5.00 EUR
            credit merchant_payable pending 5.00 EUR
        """)
    assert balance(shop) == {"posted": "19.99 EUR"}
