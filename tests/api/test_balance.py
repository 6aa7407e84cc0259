"""GET /v1/balance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from payments.connectors.base import Declined, Outcome, Submitted, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.ledger.posting import post
from payments.ledger.recipes import dispute_opened
from payments.models import Dispute, PlatformFee
from payments.money import Money
from payments.operations.balances import checkpoint_balances
from tests.api.answers import problem_in
from tests.settling import earn, settle
from tests.shop import Shop, payment_named

PATH = "/v1/balance"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def balance_of(shop: Shop, **query: Any) -> dict[str, tuple[int, int]]:
    """Return by currency what is pending and what is posted."""
    response = shop.get(PATH, **query)
    assert response.status_code == 200, response.content
    document = response.json()
    assert (document["object"], document["mode"]) == ("balance", str(shop.mode))
    return {row["currency"]: (row["pending"], row["posted"]) for row in document["balances"]}


def available(shop: Shop, **query: Any) -> dict[str, int | None]:
    """Return by currency what can be paid out."""
    response = shop.get(PATH, **query)
    assert response.status_code == 200, response.content
    return {row["currency"]: row["available"] for row in response.json()["balances"]}


def test_new_merchant_is_owed_nothing(shop: Shop) -> None:
    assert shop.get(PATH).json() == {"object": "balance", "mode": "test", "balances": []}


def test_authorized_is_pending_and_captured_is_posted(shop: Shop) -> None:
    path = f"/v1/payments/{shop.authorize(amount=1000)['id']}"
    shop.pay(amount=300)
    assert balance_of(shop) == {"EUR": (1000, 300)}

    shop.post(f"{path}/capture", {"amount": 400})
    assert balance_of(shop) == {"EUR": (600, 700)}

    shop.post(f"{path}/cancel")
    assert balance_of(shop) == {"EUR": (0, 700)}


def test_currencies_are_kept_apart(shop: Shop) -> None:
    shop.pay(amount=300)
    shop.pay(amount=500, currency="JPY")

    assert balance_of(shop) == {"EUR": (0, 300), "JPY": (0, 500)}


def test_declined_and_prepared_payments_count_for_nothing(shop: Shop) -> None:
    shop.pay(payment_method="pm_card_declined")
    shop.pay(payment_method="pm_fault_unreachable")
    shop.pay(confirm=False)

    assert balance_of(shop) == {}


@pytest.mark.parametrize("with_checkpoint", [False, True])
def test_balance_at_a_date_knows_nothing_later(shop: Shop, with_checkpoint: bool) -> None:
    for days in range(3):
        with time_machine.travel(NOON + timedelta(days=days), tick=False):
            shop.pay(amount=10**days)
            if with_checkpoint:
                checkpoint_balances(now=NOON)

    assert balance_of(shop) == {"EUR": (0, 111)}
    assert balance_of(shop, at="2026-02-01T23:59:59Z") == {"EUR": (0, 11)}
    assert balance_of(shop, at="2026-02-01T00:30:00+01:00") == {"EUR": (0, 1)}
    assert balance_of(shop, at="2026-01-30T00:00:00Z") == {"EUR": (0, 0)}


def test_what_the_processor_has_settled_is_available(shop: Shop) -> None:
    shop.pay(amount=1000)
    before = available(shop)
    settle(shop, 600, fee=20)

    assert (before, available(shop)) == ({"EUR": 0}, {"EUR": 600})


def test_what_is_only_authorized_is_not_available(shop: Shop) -> None:
    shop.authorize(amount=1000)

    assert available(shop) == {"EUR": 0}


def test_settled_more_than_was_captured_is_not_available(shop: Shop) -> None:
    shop.pay(amount=1000)
    settle(shop, 1500)

    assert available(shop) == {"EUR": 1000}


@pytest.mark.parametrize("outcome", [Submitted("sbr_1"), Unknown("No answer.")], ids=str)
def test_refund_under_way_is_not_available(shop: Shop, monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    payment_id = earn(shop, 1000)
    earn(shop, 700, "JPY")
    monkeypatch.setattr(SandboxConnector, "refund", lambda self, request: outcome)

    shop.post("/v1/refunds", {"payment": payment_id, "amount": 300})

    assert available(shop) == {"EUR": 700, "JPY": 700}


def test_refund_counts_once_whether_done_or_failed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = earn(shop, 1000)
    shop.post("/v1/refunds", {"payment": payment_id, "amount": 300})
    done = available(shop)
    monkeypatch.setattr(SandboxConnector, "refund", lambda self, request: Declined("closed", None, "Closed."))
    shop.post("/v1/refunds", {"payment": payment_id, "amount": 300})

    assert (done, available(shop)) == ({"EUR": 700}, {"EUR": 700})


def test_what_a_dispute_holds_is_not_available(shop: Shop) -> None:
    payment = payment_named(earn(shop, 1000))
    held = Dispute.objects.create(
        payment=payment,
        merchant_id=shop.merchant.id,
        mode=shop.mode,
        currency="EUR",
        status="needs_response",
        amount=400,
        fee=15,
        reason="fraudulent",
        connector="sandbox",
        processor_reference=f"sbd-{payment.public_id}",
        evidence_due_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )

    post(dispute_opened(held=Money(415, "EUR")), cause=held, effective_at=NOON)

    assert available(shop) == {"EUR": 585}


def test_platform_fee_is_not_available(shop: Shop) -> None:
    PlatformFee.objects.create(merchant=shop.merchant, currency="EUR", fee_bps=100, fixed_amount=30)

    earn(shop, 1000)
    settled = available(shop)
    shop.pay(amount=500)

    # It is charged with the capture, not with its settlement.
    assert (settled, available(shop)) == ({"EUR": 960}, {"EUR": 925})


def test_more_than_there_was_given_back_makes_it_negative(shop: Shop) -> None:
    payment_id = earn(shop, 1000)
    shop.post("/v1/payouts", {"currency": "EUR", "amount": 800, "destination": "ba_sandbox"})
    shop.post("/v1/refunds", {"payment": payment_id})

    assert available(shop) == {"EUR": -800}
    assert balance_of(shop) == {"EUR": (0, -800)}


def test_what_was_available_at_a_date_is_not_known(shop: Shop) -> None:
    earn(shop, 1000)

    assert available(shop, at="2100-01-01T00:00:00Z") == {"EUR": None}


def test_what_is_available_is_the_same_from_a_checkpoint(shop: Shop) -> None:
    earn(shop, 1000)
    checkpoint_balances(now=NOON)
    earn(shop, 50)

    assert available(shop) == {"EUR": 1050}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": ""}, "at"),
        ({"at": "2026-13-01T00:00:00Z"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "2026-01-01\x00"}, "at"),
        ({"currency": "EUR"}, "currency"),
    ],
)
def test_bad_parameter_is_named(shop: Shop, query: dict[str, Any], param: str) -> None:
    problem_in(shop.get(PATH, **query), status=400, code="invalid_request", param=param)
