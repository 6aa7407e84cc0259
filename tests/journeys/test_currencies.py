"""Money of no, two, three and four decimals takes every path a payment can take, and no unit is lost or moved.

A path is a function that takes a payment of `WHOLE` minor units somewhere and says how it has to stand there. A new
path is a function more in `PATHS`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from django.contrib.auth import get_user_model

from payments.connectors.sandbox.disputes import DISPUTE_FEE
from payments.models import SandboxCharge
from payments.operations.ledger_check import check_ledger
from tests.boundaries import Network
from tests.disputes import accept, disputed, evidence
from tests.machine.world import SOON, World
from tests.payer import ask_payer, decide
from tests.settling import settle
from tests.shop import Shop, new_client, payment_named

WHOLE: Final = 1_234_567
PART: Final = 200_001
# The same minor units as people read them.
AS_READ: Final = {
    "JPY": {WHOLE: "1,234,567 JPY", PART: "200,001 JPY", WHOLE - PART: "1,034,566 JPY", 0: "0 JPY"},
    "EUR": {WHOLE: "12,345.67 EUR", PART: "2,000.01 EUR", WHOLE - PART: "10,345.66 EUR", 0: "0.00 EUR"},
    "KWD": {WHOLE: "1,234.567 KWD", PART: "200.001 KWD", WHOLE - PART: "1,034.566 KWD", 0: "0.000 KWD"},
    "CLF": {WHOLE: "123.4567 CLF", PART: "20.0001 CLF", WHOLE - PART: "103.4566 CLF", 0: "0.0000 CLF"},
}


@dataclass(frozen=True)
class End:
    """How a payment stands at the end of a path, in minor units; `gone` is what disputes and payouts have taken."""

    status: str
    capturable: int = 0
    captured: int = 0
    refunded: int = 0
    gone: int = 0


@dataclass
class Traveler:
    """A shop whose payment takes a path, in one currency."""

    world: World
    shop: Shop
    currency: str

    def pays(self, **changes: Any) -> str:
        """Take a payment of the whole, and return its id."""
        answer = self.shop.pay(amount=WHOLE, currency=self.currency, **changes)
        assert answer.status_code == 201, answer.json()
        return str(answer.json()["id"])

    def authorizes(self, **changes: Any) -> str:
        """Authorize the whole, and return the payment's id."""
        return self.pays(capture_method="manual", **changes)

    def takes(self, step: str, payment: str, **body: Any) -> None:
        """Take a step of a payment."""
        answer = self.shop.post(f"/v1/payments/{payment}/{step}", body)
        assert answer.status_code == 200, answer.json()

    def refunds(self, payment: str, *, status: int = 201, **body: Any) -> None:
        """Refund a payment."""
        answer = self.shop.post("/v1/refunds", {"payment": payment, **body})
        assert answer.status_code == status, answer.json()


def captured_at_once(by: Traveler) -> End:
    """Pay."""
    by.pays()
    return End("succeeded", captured=WHOLE)


def authorized(by: Traveler) -> End:
    """Authorize, and no more."""
    by.authorizes()
    return End("requires_capture", capturable=WHOLE)


def captured_in_part(by: Traveler) -> End:
    """Capture a part; the rest stays reserved."""
    by.takes("capture", by.authorizes(), amount=PART)
    return End("requires_capture", capturable=WHOLE - PART, captured=PART)


def captured_part_by_part(by: Traveler) -> End:
    """Capture a part, and then the rest."""
    payment = by.authorizes()
    by.takes("capture", payment, amount=PART)
    by.takes("capture", payment)
    return End("succeeded", captured=WHOLE)


def captured_finally(by: Traveler) -> End:
    """Capture a part, and give the rest back."""
    by.takes("capture", by.authorizes(), amount=PART, final_capture=True)
    return End("succeeded", captured=PART)


def canceled(by: Traveler) -> End:
    """Cancel."""
    by.takes("cancel", by.authorizes())
    return End("canceled")


def canceled_after_a_part(by: Traveler) -> End:
    """Capture a part, and cancel the rest."""
    payment = by.authorizes()
    by.takes("capture", payment, amount=PART)
    by.takes("cancel", payment)
    return End("canceled", captured=PART)


def refunded_in_part(by: Traveler) -> End:
    """Refund a part."""
    by.refunds(by.pays(), amount=PART)
    return End("succeeded", captured=WHOLE, refunded=PART)


def refunded_part_by_part(by: Traveler) -> End:
    """Refund a part, and then the rest."""
    payment = by.pays()
    by.refunds(payment, amount=PART)
    by.refunds(payment)
    return End("succeeded", captured=WHOLE, refunded=WHOLE)


def refund_failed(by: Traveler) -> End:
    """Refund a part, which does not come through."""
    payment = by.pays()
    with by.world.watching.breaking(Network.REFUSED):
        by.refunds(payment, amount=PART, status=502)
    return End("succeeded", captured=WHOLE)


def refund_returned(by: Traveler) -> End:
    """Refund a part, which the payer's bank sends back after days."""
    by.refunds(by.pays(payment_method="pm_card_refund_fails"), amount=PART)
    by.world.rest()
    return End("succeeded", captured=WHOLE)


def in_doubt_and_done(by: Traveler) -> End:
    """Lose every answer; the processor has acted."""
    payment = by.authorizes(payment_method="pm_fault_timeout_after")
    by.world.rest()
    by.takes("capture", payment, amount=PART, final_capture=True)
    by.world.rest()
    return End("succeeded", captured=PART)


def in_doubt_and_never_received(by: Traveler) -> End:
    """Lose every request."""
    by.pays(payment_method="pm_fault_timeout_before")
    by.world.rest(SOON)
    return End("requires_payment_method")


def told_by_news(by: Traveler) -> End:
    """Have every answer as news, hours later."""
    payment = by.pays(payment_method="pm_fault_late_webhook")
    by.world.rest()
    by.refunds(payment, amount=PART)
    by.world.rest()
    return End("succeeded", captured=WHOLE, refunded=PART)


def lapsed(by: Traveler) -> End:
    """Capture a part, and leave the rest until the reserve has lapsed."""
    by.takes("capture", by.authorizes(), amount=PART)
    by.world.advance(timedelta(days=8))
    by.world.rest()
    return End("expired", captured=PART)


def approved_by_the_payer(by: Traveler) -> End:
    """Have the payer approve it."""
    decide(ask_payer(by.shop, amount=WHOLE, currency=by.currency), "approve")
    return End("succeeded", captured=WHOLE)


def disputed_and_lost(by: Traveler) -> End:
    """Lose a dispute, with its fee."""
    accept(by.shop, disputed(by.shop, amount=WHOLE, currency=by.currency))
    return End("succeeded", captured=WHOLE, gone=WHOLE + DISPUTE_FEE)


def disputed_and_won(by: Traveler) -> End:
    """Win a dispute, and the fee back."""
    evidence(by.shop, disputed(by.shop, amount=WHOLE, currency=by.currency), "winning_evidence")
    by.world.rest()
    return End("succeeded", captured=WHOLE)


def paid_out(by: Traveler) -> End:
    """Have a part paid out."""
    by.pays()
    settle(by.shop, WHOLE, by.currency)
    answer = by.shop.post("/v1/payouts", {"currency": by.currency, "amount": PART, "destination": "ba_sandbox_instant"})
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")
    return End("succeeded", captured=WHOLE, gone=PART)


PATHS: Final[tuple[Callable[[Traveler], End], ...]] = (
    *(captured_at_once, authorized, captured_in_part, captured_part_by_part, captured_finally),
    *(canceled, canceled_after_a_part, refunded_in_part, refunded_part_by_part, refund_failed, refund_returned),
    *(in_doubt_and_done, in_doubt_and_never_received, told_by_news, lapsed, approved_by_the_payer),
    *(disputed_and_lost, disputed_and_won, paid_out),
)


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    """Return a merchant, a worker and a clock; whatever happens is rolled back."""
    begun = World()
    yield begun
    begun.end()


@pytest.mark.parametrize("currency", AS_READ)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_every_path_keeps_every_unit(world: World, path: Callable[[Traveler], End], currency: str) -> None:
    shop = world.shops[0]

    end = path(Traveler(world, shop, currency))

    (payment,) = shop.get("/v1/payments").json()["data"]
    assert (payment["status"], payment["amount"], payment["currency"]) == (end.status, WHOLE, currency)
    assert (payment["amount_capturable"], payment["amount_captured"]) == (end.capturable, end.captured)
    assert payment["amount_refunded"] == end.refunded
    for charge in SandboxCharge.objects.filter(reference=payment["processor_reference"]):
        assert (charge.currency, charge.amount_captured, charge.amount_refunded) == (
            currency,
            end.captured,
            end.refunded,
        )
    owed = [row for row in shop.get("/v1/balance").json()["balances"] if row["posted"] or row["pending"]]
    posted = end.captured - end.refunded - end.gone
    assert [(row["currency"], row["posted"], row["pending"]) for row in owed] == (
        [(currency, posted, end.capturable)] if posted or end.capturable else []
    )
    text = admin_page(payment["id"])
    assert f"Amount {AS_READ[currency][WHOLE]}" in text
    assert f"Captured {AS_READ[currency][end.captured]}" in text
    assert f"Refunded {AS_READ[currency][end.refunded]}" in text
    world.check_constraints()
    assert check_ledger() == []


def admin_page(payment_id: str) -> str:
    """Return the text of a payment's page in the admin."""
    client = new_client()
    client.force_login(get_user_model().objects.create(username="staff", is_staff=True, is_superuser=True))
    page = client.get(f"/admin/payments/payment/{payment_named(payment_id).pk}/change/")
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))
