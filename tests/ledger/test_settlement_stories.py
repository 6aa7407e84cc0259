"""What settlement writes into the books, told in worked examples.

The processor keeps its fee, and transfers the rest: what it owes (`psp_receivable`) becomes `cash` and the fee an
expense.
"""

from payments.operations.ledger_check import check_ledger
from tests.ledger.reading import balance, journal, written
from tests.reports import charge_line, receivable, refund_line, take_in
from tests.shop import Shop, open_shop


def settlements(shop: Shop) -> str:
    """Return the part of a shop's journal that begins with the first settlement."""
    whole = journal(shop)
    return whole[whole.index("settlement\n") :]


def test_a_charge_less_its_fee_becomes_cash(shop: Shop) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()

    take_in([charge_line(payment, fee=28)])

    assert journal(shop) == written("""
        payment_captured
            debit  psp_receivable   posted  19.99 EUR
            credit merchant_payable posted  19.99 EUR
        settlement
            debit  cash             posted  19.71 EUR
            debit  psp_fee_expense  posted  0.28 EUR
            credit psp_receivable   posted  19.99 EUR
        """)
    assert receivable(shop) == {"EUR": 0}
    assert balance(shop) == {"posted": "19.99 EUR"}


def test_a_refund_is_taken_out_of_what_is_transferred(shop: Shop) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()
    refund = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500}).json()

    take_in([charge_line(payment, fee=28), refund_line(refund)])

    assert settlements(shop) == written("""
        settlement
            debit  cash             posted  14.71 EUR
            debit  psp_fee_expense  posted  0.28 EUR
            credit psp_receivable   posted  14.99 EUR
        """)
    assert receivable(shop) == {"EUR": 0}


def test_a_refund_alone_is_paid_back_from_our_cash(shop: Shop) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()
    refund = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500}).json()
    take_in([charge_line(payment)])

    take_in([refund_line(refund)])

    assert settlements(shop) == written("""
        settlement
            debit  cash             posted  19.99 EUR
            credit psp_receivable   posted  19.99 EUR
        settlement
            credit cash             posted  5.00 EUR
            debit  psp_receivable   posted  5.00 EUR
        """)


def test_a_charge_and_its_refund_leave_the_fee(shop: Shop) -> None:
    payment = shop.pay(amount=1999, currency="EUR").json()
    refund = shop.post("/v1/refunds", {"payment": payment["id"]}).json()

    take_in([charge_line(payment, fee=28), refund_line(refund)])

    assert settlements(shop) == written("""
        settlement
            credit cash             posted  0.28 EUR
            debit  psp_fee_expense  posted  0.28 EUR
        """)
    assert receivable(shop) == {"EUR": 0}


def test_a_charge_that_is_settled_short_is_still_owed_in_part(shop: Shop) -> None:
    payment = shop.pay(amount=1000, currency="EUR").json()

    take_in([charge_line(payment, gross=900, fee=13)])

    assert settlements(shop) == written("""
        settlement
            debit  cash             posted  8.87 EUR
            debit  psp_fee_expense  posted  0.13 EUR
            credit psp_receivable   posted  9.00 EUR
        """)
    assert receivable(shop) == {"EUR": 100}


def test_each_merchant_and_currency_has_an_entry_of_its_own(shop: Shop) -> None:
    neighbor = open_shop()
    payments = [shop.pay(amount=1000), shop.pay(amount=500, currency="JPY"), shop.pay(amount=200), neighbor.pay()]

    take_in([charge_line(payment.json()) for payment in payments])

    assert settlements(shop) == written("""
        settlement
            debit  cash             posted  12.00 EUR
            credit psp_receivable   posted  12.00 EUR
        settlement
            debit  cash             posted  500 JPY
            credit psp_receivable   posted  500 JPY
        """)
    assert settlements(neighbor) == written("""
        settlement
            debit  cash             posted  19.99 EUR
            credit psp_receivable   posted  19.99 EUR
        """)
    assert check_ledger() == []
