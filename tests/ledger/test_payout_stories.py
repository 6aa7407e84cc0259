"""What platform fees and payouts write into the books, in currencies with no, two, three and four decimals.

What a merchant is owed and has been settled goes from `merchant_payable` over `payout_in_transit` out of `cash`.
"""

from typing import Any

import pytest

from payments.models import PlatformFee
from payments.money import Money
from payments.operations.ledger_check import check_ledger
from tests.ledger.reading import balance, every_balance, journal, step, written
from tests.news import days_pass
from tests.settling import earn
from tests.shop import Shop

in_every_kind_of_currency = pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD", "CLF"])


def charge(shop: Shop, currency: str, *, fee_bps: int, fixed_amount: int = 0) -> None:
    """Agree on a platform fee from now on."""
    PlatformFee.objects.update_or_create(
        merchant=shop.merchant, currency=currency, defaults={"fee_bps": fee_bps, "fixed_amount": fixed_amount}
    )


def pay_out(shop: Shop, currency: str, destination: str) -> dict[str, Any]:
    """Take a payment of 5000 minor units that is settled, and pay 3000 of it out."""
    earn(shop, 5000, currency)
    body = {"amount": 3000, "currency": currency, "destination": destination}
    document: dict[str, Any] = shop.post("/v1/payouts", body).json()
    return dict(document.get("payout", document))


def since_the_settlement(shop: Shop) -> str:
    """Return what was written after the settlement."""
    return "payout_created" + journal(shop).partition("payout_created")[2]


def cash(shop: Shop) -> int:
    """Return the cash that is held for the shop."""
    return sum(amount for _, account, layer, amount in every_balance(shop) if (account, layer) == ("cash", "posted"))


@in_every_kind_of_currency
def test_a_platform_fee_is_paid_out_of_what_the_merchant_is_owed(shop: Shop, currency: str) -> None:
    charge(shop, currency, fee_bps=250, fixed_amount=30)

    payment = shop.pay(amount=10_000, currency=currency).json()

    taken, fee = Money(10_000, currency), Money(280, currency)
    assert payment["platform_fee"] == 280
    assert journal(shop) == written(f"""
        payment_captured
            debit  psp_receivable   posted  {taken}
            credit merchant_payable posted  {taken}
        platform_fee
            debit  merchant_payable posted  {fee}
            credit fee_income       posted  {fee}
        """)
    assert balance(shop) == {"posted": str(Money(9720, currency))}


def test_each_capture_is_charged_what_the_fee_has_grown_by(shop: Shop) -> None:
    charge(shop, "EUR", fee_bps=100, fixed_amount=30)
    payment = shop.authorize(amount=300, currency="EUR")
    authorized = payment["platform_fee"]

    charged = [step(shop, payment, "capture", amount=amount)["platform_fee"] for amount in (20, 50, 230)]

    # At first no more than what there is; then the fixed part and 1 % of 70, rounded; then 1 % of 300.
    assert (authorized, charged) == (0, [20, 31, 33])
    assert journal(shop).count("platform_fee") == 3
    assert check_ledger() == []


def test_better_terms_are_for_later_captures_and_give_nothing_back(shop: Shop) -> None:
    charge(shop, "EUR", fee_bps=1000)
    payment = shop.authorize(amount=1000, currency="EUR")
    before = step(shop, payment, "capture", amount=500)["platform_fee"]
    charge(shop, "EUR", fee_bps=100)

    after = step(shop, payment, "capture", amount=500)["platform_fee"]

    assert (before, after) == (50, 50)
    assert shop.pay(amount=1000).json()["platform_fee"] == 10


def test_a_refund_gives_no_fee_back(shop: Shop) -> None:
    charge(shop, "EUR", fee_bps=1000)
    payment = shop.pay(amount=1000).json()

    shop.post("/v1/refunds", {"payment": payment["id"]})

    assert shop.get(f"/v1/payments/{payment['id']}").json()["platform_fee"] == 100
    assert balance(shop) == {"posted": "-1.00 EUR"}
    assert check_ledger() == []


@pytest.mark.parametrize(("currency", "fee_bps", "fixed_amount"), [("USD", 100, 30), ("EUR", 0, 0), ("EUR", 1, 0)])
def test_a_fee_of_nothing_writes_nothing(shop: Shop, currency: str, fee_bps: int, fixed_amount: int) -> None:
    charge(shop, currency, fee_bps=fee_bps, fixed_amount=fixed_amount)

    payment = shop.pay(amount=100, currency="EUR").json()

    assert payment["platform_fee"] == 0
    assert "platform_fee" not in journal(shop)


@in_every_kind_of_currency
def test_a_payout_in_transit_is_not_owed_any_more_and_still_here(shop: Shop, currency: str) -> None:
    pay_out(shop, currency, "ba_sandbox")

    amount = Money(3000, currency)
    assert since_the_settlement(shop) == written(f"""
        payout_created
            debit  merchant_payable posted  {amount}
            credit payout_in_transit posted  {amount}
        """)
    assert balance(shop) == {"posted": str(Money(2000, currency))}
    assert cash(shop) == 5000


@in_every_kind_of_currency
def test_a_payout_that_is_paid_takes_the_cash(shop: Shop, currency: str) -> None:
    pay_out(shop, currency, "ba_sandbox_instant")

    amount = Money(3000, currency)
    assert since_the_settlement(shop) == written(f"""
        payout_created
            debit  merchant_payable posted  {amount}
            credit payout_in_transit posted  {amount}
        payout_paid
            debit  payout_in_transit posted  {amount}
            credit cash             posted  {amount}
        """)
    assert balance(shop) == {"posted": str(Money(2000, currency))}
    assert cash(shop) == 2000


@in_every_kind_of_currency
def test_a_payout_that_fails_is_owed_again(shop: Shop, currency: str) -> None:
    pay_out(shop, currency, "ba_sandbox_declined")

    amount = Money(3000, currency)
    assert since_the_settlement(shop) == written(f"""
        payout_created
            debit  merchant_payable posted  {amount}
            credit payout_in_transit posted  {amount}
        payout_released
            debit  payout_in_transit posted  {amount}
            credit merchant_payable posted  {amount}
        """)
    assert balance(shop) == {"posted": str(Money(5000, currency))}
    assert cash(shop) == 5000


@in_every_kind_of_currency
def test_a_payout_that_comes_back_brings_the_cash_and_is_owed_again(shop: Shop, currency: str) -> None:
    pay_out(shop, currency, "ba_sandbox_bounces")

    days_pass(1)
    days_pass(3)

    amount = Money(3000, currency)
    assert since_the_settlement(shop) == written(f"""
        payout_created
            debit  merchant_payable posted  {amount}
            credit payout_in_transit posted  {amount}
        payout_paid
            debit  payout_in_transit posted  {amount}
            credit cash             posted  {amount}
        payout_returned
            debit  cash             posted  {amount}
            credit merchant_payable posted  {amount}
        """)
    assert balance(shop) == {"posted": str(Money(5000, currency))}
    assert cash(shop) == 5000
    assert check_ledger() == []
