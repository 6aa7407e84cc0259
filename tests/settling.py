"""Settled money: what a processor's settlement report does to the books."""

from payments.models import Payment
from payments.operations.representations import represent_payment
from tests.reports import charge_line, line_of, take_in
from tests.shop import Shop


def settle(shop: Shop, amount: int, currency: str = "EUR", *, fee: int = 0) -> None:
    """Have the processor transfer `amount` less its `fee`, in minor units, for the shop's last payment."""
    last = Payment.objects.filter(merchant_id=shop.merchant.id, mode=shop.mode, currency=currency).latest("id")
    take_in([charge_line(represent_payment(last), gross=amount, fee=fee)])


def settle_in_full(payment: Payment) -> None:
    """Have the processor transfer all that was captured of a payment."""
    calls = payment.processor_calls.filter(status="succeeded", kind__in=("authorize", "capture")).order_by("id")
    captures = [call for call in calls if call.kind == "capture" or call.final]
    take_in([line_of(call) for call in captures])


def earn(shop: Shop, amount: int, currency: str = "EUR") -> str:
    """Take a payment that is settled in full, and return its id."""
    response = shop.pay(amount=amount, currency=currency)
    assert response.status_code == 201, response.content
    settle(shop, amount, currency)
    return str(response.json()["id"])
