"""What disputes write into the books: worked examples with the fee, in currencies of 0, 2, 3 and 4 decimals."""

import pytest

from django.utils import timezone

from tests.disputes import LATER, bring_news, disputed
from tests.ledger.reading import balance, every_balance, journal, written
from tests.shop import Shop

# Amount in minor units, currency, the amount, and it with the fee of 1500 minor units.
EXAMPLES = [
    (5000, "JPY", "5,000 JPY", "6,500 JPY"),
    (1999, "EUR", "19.99 EUR", "34.99 EUR"),
    (1234, "KWD", "1.234 KWD", "2.734 KWD"),
    (12345, "CLF", "1.2345 CLF", "1.3845 CLF"),
]
in_every_kind_of_currency = pytest.mark.parametrize(("amount", "currency", "captured", "held"), EXAMPLES)


def argue(shop: Shop, dispute_id: str, text: str) -> None:
    """Send evidence."""
    response = shop.post(f"/v1/disputes/{dispute_id}/evidence", {"evidence": {"text": text}})
    assert response.status_code == 200, response.content


@in_every_kind_of_currency
def test_a_dispute_holds_the_amount_and_the_fee(
    shop: Shop, amount: int, currency: str, captured: str, held: str
) -> None:
    disputed(shop, amount=amount, currency=currency)

    assert journal(shop) == written(f"""
        payment_captured
            debit  psp_receivable   posted  {captured}
            credit merchant_payable posted  {captured}
        dispute_opened
            debit  dispute_hold     posted  {held}
            credit psp_receivable   posted  {held}
        """)
    assert balance(shop) == {"posted": captured}


@in_every_kind_of_currency
def test_a_dispute_that_is_won_gives_both_back(
    shop: Shop, amount: int, currency: str, captured: str, held: str
) -> None:
    dispute = disputed(shop, amount=amount, currency=currency)

    argue(shop, dispute.public_id, "winning_evidence")
    bring_news(shop, now=timezone.now() + LATER)

    assert journal(shop).endswith(written(f"""
        dispute_won
            debit  psp_receivable   posted  {held}
            credit dispute_hold     posted  {held}
        """))
    assert balance(shop) == {"posted": captured}
    assert (currency, "dispute_hold", "posted", 0) in every_balance(shop)


@in_every_kind_of_currency
def test_a_dispute_that_is_lost_costs_the_merchant_both(
    shop: Shop, amount: int, currency: str, captured: str, held: str
) -> None:
    disputed(shop, amount=amount, currency=currency)

    bring_news(shop, now=timezone.now() + LATER)

    assert journal(shop).endswith(written(f"""
        dispute_lost
            debit  merchant_payable posted  {held}
            credit dispute_hold     posted  {held}
        """))
    # What was captured is gone, and the fee is owed.
    assert (currency, "merchant_payable", "posted", -1500) in every_balance(shop)
    assert (currency, "dispute_hold", "posted", 0) in every_balance(shop)


def test_a_dispute_that_is_accepted_is_booked_as_lost(shop: Shop) -> None:
    dispute = disputed(shop, amount=1999, currency="EUR")

    shop.post(f"/v1/disputes/{dispute.public_id}/accept")

    assert journal(shop).endswith(written("""
        dispute_lost
            debit  merchant_payable posted  34.99 EUR
            credit dispute_hold     posted  34.99 EUR
        """))


def test_evidence_alone_writes_nothing(shop: Shop) -> None:
    dispute = disputed(shop)
    before = journal(shop)

    argue(shop, dispute.public_id, "winning_evidence")

    assert journal(shop) == before
