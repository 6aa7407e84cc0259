"""Expiry against capture and confirmation at the same moment: one of them wins, and the books say which."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
import time_machine

from payments.connectors.sandbox import SandboxConnector
from payments.models import JournalEntry, Payment, SandboxCharge
from payments.operations.expiry import expire_authorizations, expire_payments
from payments.operations.ledger_check import check_ledger
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop, payment_named, uuid_of

ROUNDS = 10


def just_before(payment: dict[str, Any], name: str) -> datetime:
    """Return the moment after which the payment's time is over; a request of then is in time, a sweep of then not."""
    return datetime.fromisoformat(payment[name])


def entries(payment: dict[str, Any]) -> Counter[str]:
    """Return how often each kind of entry is booked."""
    return Counter(JournalEntry.objects.filter(payment_id=uuid_of(payment["id"])).values_list("kind", flat=True))


def test_capture_and_expiry_at_once_end_in_one_of_them(shop: Shop) -> None:
    ends = Counter[str]()
    for _ in range(ROUNDS):
        payment = shop.authorize()
        moment = just_before(payment, "authorization_expires_at")
        capture = partial(clone(shop).post, f"/v1/payments/{payment['id']}/capture")

        results: list[Any] = at_once([capture, partial(expire_authorizations, now=moment)])

        found = payment_named(payment["id"])
        ends[found.status] += 1
        if found.status == "succeeded":
            assert results[0].status_code == 200
            assert entries(payment) == {"payment_authorized": 1, "payment_captured": 1}
        else:
            assert (found.status, results[0].status_code, found.amount_captured) == ("expired", 409, 0)
            assert SandboxCharge.objects.get(reference=found.processor_reference).amount_captured == 0
            assert entries(payment) == {"payment_authorized": 1, "payment_expired": 1}
        assert found.amount_capturable == 0
    assert ends.total() == ROUNDS
    assert check_ledger() == []


def test_expiry_leaves_a_capture_at_the_processor_alone(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, real = shop.authorize(), SandboxConnector.capture
    moment = just_before(payment, "authorization_expires_at")
    swept: list[str] = []

    def capture(self: SandboxConnector, request: Any) -> Any:
        at_once([partial(expire_authorizations, now=moment)])
        swept.append(payment_named(payment["id"]).status)
        return real(self, request)

    monkeypatch.setattr(SandboxConnector, "capture", capture)

    response = shop.post(f"/v1/payments/{payment['id']}/capture", {"amount": 500})
    expire_authorizations(now=moment)

    found = payment_named(payment["id"])
    assert (response.status_code, swept) == (200, ["processing"])
    assert (found.status, found.amount_captured, found.amount_capturable) == ("expired", 500, 0)
    assert entries(payment) == {"payment_authorized": 1, "payment_captured": 1, "payment_expired": 1}


@pytest.mark.parametrize(
    ("begin", "sweep", "moment"),
    [
        (lambda shop: shop.authorize(), expire_authorizations, "authorization_expires_at"),
        (lambda shop: shop.pay(confirm=False).json(), expire_payments, "expires_at"),
    ],
    ids=["authorization", "payment"],
)
def test_many_sweeps_at_once_expire_a_payment_once(
    shop: Shop, begin: Callable[[Shop], dict[str, Any]], sweep: Callable[..., int], moment: str
) -> None:
    payments = [begin(shop) for _ in range(5)]
    now = just_before(payments[-1], moment)

    swept = at_once([partial(sweep, now=now)] * 8)

    found = Payment.objects.filter(pk__in=[uuid_of(payment["id"]) for payment in payments])
    assert sum(swept) >= len(payments)
    assert {payment.status for payment in found} == {"expired"}
    assert check_ledger() == []


def test_confirmation_and_expiry_at_once_end_in_one_of_them(shop: Shop) -> None:
    for _ in range(ROUNDS):
        payment = shop.pay(confirm=False).json()
        confirm = partial(clone(shop).post, f"/v1/payments/{payment['id']}/confirm")

        results: list[Any] = at_once([confirm, partial(expire_payments, now=just_before(payment, "expires_at"))])

        found = payment_named(payment["id"])
        assert (found.status, results[0].status_code) in [("succeeded", 200), ("expired", 409)]
    assert check_ledger() == []


def test_requests_at_the_moment_itself_are_all_refused(shop: Shop) -> None:
    payment = shop.authorize()
    path = f"/v1/payments/{payment['id']}/capture"

    with time_machine.travel(just_before(payment, "authorization_expires_at"), tick=False):
        responses = at_once([partial(clone(shop).post, path) for _ in range(5)])

    assert [response.status_code for response in responses] == [409] * 5
    assert payment_named(payment["id"]).status == "requires_capture"
