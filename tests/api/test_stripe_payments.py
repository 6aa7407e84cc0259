"""A merchant with an account at Stripe, over our own API: from the first payment to the settlement of all of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from django.utils import timezone

from payments.connectors.stripe import StripeConnector
from payments.models import Discrepancy, ProcessorAccount, ProcessorCall, ProcessorEvent, SettlementLine
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_accounts import open_account, webhook_address
from payments.operations.processor_events import apply_event
from payments.operations.processor_reports import fetch_reports
from payments.operations.unknown_outcomes import ask_again
from tests.shop import Shop, open_shop, payment_named
from tests.stripe_server import Fault, StripeServer
from tests.stripe_server.intents import authenticate
from tests.stripe_server.movements import BANK_ACCOUNT, decide_dispute, finish_payout, finish_refund, settle
from tests.stripe_server.news import WEBHOOK_SECRET, signed
from tests.stripe_server.server import SECRET_KEY

LATER = timedelta(minutes=10)
Document = dict[str, Any]


@dataclass
class StripeShop:
    """A shop whose payments go to Stripe, and the Stripe that they go to."""

    shop: Shop
    account: ProcessorAccount
    server: StripeServer
    delivered: set[str] = field(default_factory=set)

    def pay(self, method: str = "pm_card_visa", *, status: int = 201, **changes: Any) -> Document:
        """Create a payment of 19.99 EUR, and return it, or the problem with it."""
        response = self.shop.pay(payment_method=method, **changes)
        assert response.status_code == status, response.content
        return dict(response.json())

    def post(self, path: str, body: Document | None = None, *, status: int = 200) -> Document:
        """Ask for something."""
        response = self.shop.post(path, body)
        assert response.status_code == status, response.content
        return dict(response.json())

    def get(self, payment: Document) -> Document:
        """Return a payment as it is now."""
        return dict(self.shop.get(f"/v1/payments/{payment['id']}").json())

    def deliver(self, *, times: int = 1, shuffled_by: int | None = None) -> list[str]:
        """Have Stripe send what it has not sent yet, and the worker apply it; return what became of each."""
        events = [event for event in self.server.books.events if event["id"] not in self.delivered] * times
        if shuffled_by is not None:
            random.Random(shuffled_by).shuffle(events)
        path = webhook_address(self.account).removeprefix("http://127.0.0.1:8000")
        for event in events:
            body, headers = signed(event, now=timezone.now())
            response = self.shop.client.post(
                path, body, content_type="application/json", headers={"Stripe-Signature": headers["stripe-signature"]}
            )
            assert response.status_code == 200, response.content
            self.delivered.add(event["id"])
        return self.work()

    def work(self) -> list[str]:
        """Apply what waits, and what waits for something else once more; return the statuses of this round."""
        waiting = list(ProcessorEvent.objects.filter(status="received").order_by("id"))
        for attempt in range(2):
            for event in waiting:
                apply_event(event_id=event.pk, attempt=attempt, now=timezone.now())
        found = ProcessorEvent.objects.filter(pk__in=[event.pk for event in waiting]).order_by("id")
        return list(found.values_list("status", flat=True))

    def ask(self, kind: str) -> str:
        """Ask Stripe about the last call of a kind, as the worker does later; return the call's status."""
        call = ProcessorCall.objects.filter(kind=kind).latest("id")
        ask_again(call_id=call.pk, attempt=1, now=timezone.now() + LATER)
        call.refresh_from_db()
        return str(call.status)

    def intent(self, payment: Document) -> Document:
        """Return the PaymentIntent of a payment."""
        reference = payment_named(payment["id"]).processor_reference
        assert reference is not None
        return self.server.books.get(reference, "payment_intent")


@pytest.fixture
def stripe(shop: Shop, stripe_server: StripeServer, settings: Settings) -> Iterator[StripeShop]:
    """Return a shop with an account at Stripe; at the end the books have to be right."""
    settings.PAYMENTS_STRIPE_API_BASE = stripe_server.address
    account = open_account(
        merchant=shop.merchant,
        mode=shop.mode,
        connector=StripeConnector.name,
        credentials={"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET},
        now=timezone.now(),
    )
    yield StripeShop(shop, account, stripe_server)
    assert check_ledger() == []


def test_a_payment_is_taken_and_refunded(stripe: StripeShop) -> None:
    payment = stripe.pay()

    refund = stripe.post("/v1/refunds", {"payment": payment["id"], "amount": 500}, status=201)

    assert (payment["status"], payment["authorization_code"]) == ("succeeded", "123456")
    assert refund["status"] == "succeeded"
    assert stripe.get(payment)["amount_refunded"] == 500
    assert stripe.intent(payment)["amount_received"] == 1999


def test_a_reserve_is_captured_in_parts_and_the_rest_given_back(stripe: StripeShop) -> None:
    payment = stripe.pay(capture_method="manual")

    stripe.post(f"/v1/payments/{payment['id']}/capture", {"amount": 500, "final_capture": False})
    stripe.post(f"/v1/payments/{payment['id']}/capture", {"amount": 700, "final_capture": False})
    canceled = stripe.post(f"/v1/payments/{payment['id']}/cancel")

    intent = stripe.intent(payment)
    assert (canceled["amount_captured"], canceled["amount_capturable"]) == (1200, 0)
    assert (intent["status"], intent["amount_received"], intent["amount_capturable"]) == ("succeeded", 1200, 0)


def test_a_declined_card_can_be_followed_by_another(stripe: StripeShop) -> None:
    problem = stripe.pay("pm_card_visa_chargeDeclinedInsufficientFunds", status=402)

    paid = stripe.post(f"/v1/payments/{problem['payment']['id']}/confirm", {"payment_method": "pm_card_visa"})

    assert (problem["decline_code"], problem["retryable"]) == ("insufficient_funds", True)
    assert paid["status"] == "succeeded"
    assert "applied" not in stripe.deliver()


@pytest.mark.parametrize(("approved", "status"), [(True, "succeeded"), (False, "requires_payment_method")])
@pytest.mark.parametrize("told", [True, False], ids=["by news", "when asked"])
def test_the_payer_decides_on_the_issuer_s_page(approved: bool, status: str, told: bool, stripe: StripeShop) -> None:
    payment = stripe.pay("pm_card_authenticationRequired", return_url="https://shop.example/back")
    authenticate(stripe.server.books, stripe.intent(payment), approved=approved)

    word = stripe.deliver() if told else [stripe.ask("authorize")]

    assert payment["status"] == "requires_action"
    assert payment["next_action"]["url"].startswith(stripe.server.address)
    assert stripe.intent(payment)["return_url"] == "https://shop.example/back"
    assert word[-1] == ("applied" if told else "succeeded" if approved else "declined")
    assert stripe.get(payment)["status"] == status


def test_a_payment_that_waits_for_its_payer_is_canceled(stripe: StripeShop) -> None:
    payment = stripe.pay("pm_card_authenticationRequired")

    canceled = stripe.post(f"/v1/payments/{payment['id']}/cancel")

    assert canceled["status"] == "canceled"
    assert stripe.intent(payment)["status"] == "canceled"
    stripe.deliver()
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER, Fault.DROP_BEFORE])
@pytest.mark.parametrize("told", [True, False], ids=["by news", "when asked"])
def test_a_lost_answer_is_doubt_that_ends_and_nobody_pays_twice(fault: Fault, told: bool, stripe: StripeShop) -> None:
    stripe.server.misbehave(fault)
    payment = stripe.pay()

    if told:
        stripe.deliver()
    stripe.ask("authorize")

    assert payment["status"] == "processing"
    assert stripe.get(payment)["status"] == ("succeeded" if fault.acts else "requires_payment_method")
    assert len(stripe.server.books.all("payment_intent")) == int(fault.acts)
    stripe.deliver()
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize("verb", ["capture", "cancel"])
@pytest.mark.parametrize("fault", [Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.DROP_BEFORE])
def test_a_step_in_doubt_is_settled_by_a_question(verb: str, fault: Fault, stripe: StripeShop) -> None:
    payment = stripe.pay(capture_method="manual")
    stripe.server.misbehave(fault)
    doubt = stripe.post(f"/v1/payments/{payment['id']}/{verb}")

    stripe.ask("capture" if verb == "capture" else "void")

    ends = {"capture": "succeeded", "cancel": "canceled"}
    assert doubt["status"] == "processing"
    assert stripe.get(payment)["status"] == (ends[verb] if fault.acts else "requires_capture")
    assert stripe.intent(payment)["status"] == (ends[verb] if fault.acts else "requires_capture")
    stripe.deliver()
    assert not Discrepancy.objects.exists()


def test_a_capture_in_doubt_is_settled_by_news(stripe: StripeShop) -> None:
    payment = stripe.pay(capture_method="manual")
    stripe.server.misbehave(Fault.DROP_AFTER)
    stripe.post(f"/v1/payments/{payment['id']}/capture", {"amount": 500, "final_capture": True})

    stripe.deliver()

    assert stripe.get(payment)["status"] == "succeeded"
    assert stripe.get(payment)["amount_captured"] == 500


def test_a_key_that_stripe_refuses_leaves_the_payment_to_be_tried_again(stripe: StripeShop) -> None:
    stripe.server.misbehave(Fault.KEY_REFUSED)

    response = stripe.shop.pay(payment_method="pm_card_visa")

    assert response.status_code in (201, 502)
    assert stripe.server.books.all("payment_intent") == []


def test_a_refund_that_fails_later_is_owed_again(stripe: StripeShop) -> None:
    payment = stripe.pay("pm_card_refundFail")
    refund = stripe.post("/v1/refunds", {"payment": payment["id"]}, status=201)
    (made,) = stripe.server.books.all("refund")
    finish_refund(stripe.server.books, made, "failed", reason="lost_or_stolen_card")

    stripe.deliver(times=2, shuffled_by=1)

    assert stripe.shop.get(f"/v1/refunds/{refund['id']}").json()["status"] == "failed"
    assert stripe.get(payment)["amount_refunded"] == 0
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize("end", ["succeeded", "failed"])
@pytest.mark.parametrize("seed", range(4))
def test_a_refund_that_takes_its_time_ends_as_the_news_says_in_whatever_order(
    end: str, seed: int, stripe: StripeShop
) -> None:
    payment = stripe.pay("pm_card_pendingRefund")
    refund = stripe.post("/v1/refunds", {"payment": payment["id"]}, status=201)
    (made,) = stripe.server.books.all("refund")
    finish_refund(stripe.server.books, made, end)

    stripe.deliver(times=2, shuffled_by=seed)

    assert refund["status"] == "submitted"
    assert stripe.shop.get(f"/v1/refunds/{refund['id']}").json()["status"] == end
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize(("won", "status"), [(True, "won"), (False, "lost")])
@pytest.mark.parametrize("seed", range(3))
def test_a_dispute_is_opened_answered_and_decided(won: bool, status: str, seed: int, stripe: StripeShop) -> None:
    payment = stripe.pay("pm_card_createDispute")
    stripe.deliver(times=2, shuffled_by=seed)
    (dispute,) = stripe.shop.get("/v1/disputes").json()["data"]
    stripe.post(f"/v1/disputes/{dispute['id']}/evidence", {"evidence": {"receipt": "Signed for."}})
    (there,) = stripe.server.books.all("dispute")
    evidence = dict(there["evidence"])
    decide_dispute(stripe.server.books, there, won=won)

    stripe.deliver(times=2, shuffled_by=seed)

    assert (dispute["amount"], dispute["fee"], dispute["reason"]) == (1999, 1500, "fraudulent")
    assert evidence == {"uncategorized_text": "receipt: Signed for."}
    assert stripe.shop.get(f"/v1/disputes/{dispute['id']}").json()["status"] == status
    assert stripe.get(payment)["amount_disputed"] == (0 if won else 1999)
    assert not Discrepancy.objects.exists()


def test_a_dispute_is_accepted(stripe: StripeShop) -> None:
    stripe.pay("pm_card_createDispute")
    stripe.deliver()
    (dispute,) = stripe.shop.get("/v1/disputes").json()["data"]

    accepted = stripe.post(f"/v1/disputes/{dispute['id']}/accept")
    stripe.deliver()

    assert accepted["status"] == "accepted"
    assert not Discrepancy.objects.exists()


def test_all_of_it_is_settled_by_stripe_s_payout_and_paid_out(stripe: StripeShop) -> None:
    first, second = stripe.pay(), stripe.pay(capture_method="manual")
    stripe.post(f"/v1/payments/{second['id']}/capture", {"amount": 500, "final_capture": False})
    stripe.post(f"/v1/payments/{second['id']}/capture", {"amount": 1000})
    stripe.post("/v1/refunds", {"payment": first["id"], "amount": 300}, status=201)
    stripe.pay("pm_card_createDispute")
    stripe.deliver()
    settled = settle(stripe.server.books, "eur")

    summaries = fetch_reports(now=timezone.now() + timedelta(seconds=1))
    again = fetch_reports(now=timezone.now() + timedelta(seconds=2))

    lines = SettlementLine.objects.filter(batch_reference=settled["id"])
    assert len(summaries) == 1 and again == []
    assert sum(line.net for line in lines) == settled["amount"]
    assert all(line.journal_entry_id is not None for line in lines)
    assert not Discrepancy.objects.exists()


@pytest.mark.parametrize("end", ["paid", "failed"])
def test_a_payout_ends_as_the_news_says(end: str, stripe: StripeShop) -> None:
    stripe.pay(amount=100_000)
    settle(stripe.server.books, "eur")
    fetch_reports(now=timezone.now() + timedelta(seconds=1))
    payout = stripe.post("/v1/payouts", {"currency": "EUR", "amount": 5000, "destination": BANK_ACCOUNT}, status=201)
    (made,) = [found for found in stripe.server.books.all("payout") if not found["automatic"]]
    finish_payout(stripe.server.books, made, end)

    stripe.deliver()

    assert payout["status"] == "submitted"
    status = stripe.shop.get(f"/v1/payouts/{payout['id']}").json()["status"]
    assert status == ("succeeded" if end == "paid" else "failed")
    assert not Discrepancy.objects.exists()


def test_an_account_that_cannot_be_asked_keeps_no_other_s_reports_back(
    stripe: StripeShop, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.pay()
    settle(stripe.server.books, "eur")
    refused = open_account(
        merchant=open_shop().merchant,
        mode=stripe.shop.mode,
        connector=StripeConnector.name,
        credentials={"secret_key": "sk_test_Revoked", "webhook_secret": WEBHOOK_SECRET},
        now=stripe.account.created_at - timedelta(days=1),
    )

    summaries = fetch_reports(now=timezone.now() + timedelta(seconds=1))

    assert len(summaries) == 1
    assert f"the reports of stripe/{refused.public_id} cannot be fetched" in caplog.text
    assert "sk_test_Revoked" not in caplog.text
