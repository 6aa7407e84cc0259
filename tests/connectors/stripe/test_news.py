"""Stripe's events: only what it signed, only what is of interest, and tied to what we asked for."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.base import (
    CallAnswered,
    Declined,
    DisputeClosed,
    DisputeOpened,
    EvidenceRequest,
    News,
    NotAuthentic,
    Notice,
    PayoutRequest,
    PayoutReturned,
    RefundReturned,
    Submitted,
    Succeeded,
)
from payments.connectors.stripe import StripeConnector
from payments.money import Money
from tests.connectors.contract.asking import (
    TEN_EUROS,
    authorize,
    capture,
    euros,
    fresh_key,
    reference_of,
    refund,
    void,
)
from tests.stripe_server import StripeServer
from tests.stripe_server.intents import authenticate, finish_processing
from tests.stripe_server.movements import BANK_ACCOUNT, decide_dispute, finish_payout, finish_refund
from tests.stripe_server.news import WEBHOOK_SECRET, signed
from tests.stripe_server.server import SECRET_KEY

Event = dict[str, Any]


def receive(connector: StripeConnector, event: Event) -> Notice | None:
    """Hand an event over as Stripe does."""
    now = timezone.now()
    body, headers = signed(event, now=now)
    return connector.receive(body, headers, now=now)


def news_of(connector: StripeConnector, server: StripeServer, *, kind: str = "") -> list[News]:
    """Return what is understood of all events so far, or of those of one type, as stored and read again."""
    notices = [receive(connector, event) for event in server.books.events if event["type"].startswith(kind)]
    return [connector.read(json.loads(json.dumps(notice.payload))) for notice in notices if notice is not None]


def an_event(connector: StripeConnector, server: StripeServer) -> Event:
    """Return an event of a charge."""
    authorize(connector, "pm_card_visa", capture=True)
    return dict(server.books.events[-1])


def test_what_stripe_has_signed_is_taken(connector: StripeConnector, stripe_server: StripeServer) -> None:
    event = an_event(connector, stripe_server)

    notice = receive(connector, event)

    assert notice is not None
    assert (notice.event_id, notice.type) == (event["id"], "payment_intent.succeeded")
    assert notice.object_reference == event["data"]["object"]["id"]
    assert notice.occurred_at == datetime.fromtimestamp(event["created"], tz=UTC)


@pytest.mark.parametrize("age", [timedelta(minutes=-6), timedelta(minutes=6)], ids=["later", "long ago"])
def test_what_was_signed_at_another_time_is_not_authentic(
    age: timedelta, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    now = timezone.now()
    body, headers = signed(an_event(connector, stripe_server), now=now - age)

    with pytest.raises(NotAuthentic):
        connector.receive(body, headers, now=now)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"stripe-signature": ""},
        {"stripe-signature": "t=1,v1="},
        {"stripe-signature": "v1=00"},
        {"stripe-signature": "nonsense"},
        {"stripe-signature": "t=x,v1=00"},
    ],
)
def test_what_has_no_signature_is_not_authentic(
    headers: dict[str, str], connector: StripeConnector, stripe_server: StripeServer
) -> None:
    body = json.dumps(an_event(connector, stripe_server)).encode()

    with pytest.raises(NotAuthentic):
        connector.receive(body, headers, now=timezone.now())


@pytest.mark.parametrize("body", [b"{}", b"", b"\xff\xfe"])
def test_a_body_that_was_changed_is_not_authentic(
    body: bytes, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    now = timezone.now()
    _, headers = signed(an_event(connector, stripe_server), now=now)

    with pytest.raises(NotAuthentic):
        connector.receive(body, headers, now=now)


def test_another_s_secret_is_not_authentic(connector: StripeConnector, stripe_server: StripeServer) -> None:
    now = timezone.now()
    body, headers = signed(an_event(connector, stripe_server), now=now, secret="whsec_another")

    with pytest.raises(NotAuthentic):
        connector.receive(body, headers, now=now)


@pytest.mark.parametrize("secret", ["whsec_old", WEBHOOK_SECRET])
def test_while_a_secret_is_rolled_both_count(
    secret: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    now = timezone.now()
    rolling = StripeConnector({"secret_key": SECRET_KEY, "webhook_secret": f"whsec_old, {WEBHOOK_SECRET}"})
    body, headers = signed(an_event(connector, stripe_server), now=now, secret=secret)

    assert rolling.receive(body, headers, now=now) is not None


@pytest.mark.parametrize(
    "changes",
    [{"livemode": True}, {"account": "acct_connected"}, {"type": "customer.created"}, {"type": "payout.created"}],
    ids=str,
)
def test_what_is_not_for_this_account_is_of_no_interest(
    changes: Event, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    event = an_event(connector, stripe_server) | changes

    assert receive(connector, event) is None


@pytest.mark.parametrize("event", [{"id": "evt_1"}, {"data": None}, []], ids=str)
def test_what_is_signed_and_cannot_be_read_is_an_error(event: Any, connector: StripeConnector) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        receive(connector, event)


def test_nobody_s_secret_is_stored(connector: StripeConnector, stripe_server: StripeServer) -> None:
    event = an_event(connector, stripe_server)
    event["data"]["object"] |= {"shipping": {"name": "Jenny Rosen"}, "receipt_email": "jenny@example.com"}

    notice = receive(connector, event)

    assert notice is not None
    stored = json.dumps(notice.payload)
    assert not any(word in stored for word in ("secret", "Jenny", "example.com"))


def test_a_charge_answers_its_call(connector: StripeConnector, stripe_server: StripeServer) -> None:
    key = fresh_key()
    reference = reference_of(authorize(connector, "pm_card_visa", capture=True, key=key))

    assert news_of(connector, stripe_server) == [CallAnswered(key, Succeeded(reference))]


def test_a_reserve_answers_its_call_and_its_capture_the_capture_s(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    reserving, capturing = fresh_key(), fresh_key()
    reference = reference_of(authorize(connector, "pm_card_visa", key=reserving))
    captured = capture(connector, reference, euros(400), key=capturing)

    reserved, ended, reserved_still = news_of(connector, stripe_server)
    assert reserved == CallAnswered(reserving, Succeeded(reference))
    assert ended == CallAnswered(capturing, Succeeded(reference_of(captured)))
    # The reserve was made, whatever was taken of it since.
    assert isinstance(reserved_still, CallAnswered)
    assert reserved_still.outcome == Succeeded(reference_of(captured))


def test_of_several_captures_the_last_is_answered(connector: StripeConnector, stripe_server: StripeServer) -> None:
    last = fresh_key()
    reference = reference_of(authorize(connector, "pm_card_visa"))
    capture(connector, reference, euros(400), final=False)
    outcome = capture(connector, reference, euros(600), key=last)

    (news,) = news_of(connector, stripe_server, kind="payment_intent.succeeded")

    assert news == CallAnswered(last, Succeeded(reference_of(outcome)))


def test_a_void_of_a_rest_is_answered(connector: StripeConnector, stripe_server: StripeServer) -> None:
    key = fresh_key()
    reference = reference_of(authorize(connector, "pm_card_visa"))
    capture(connector, reference, euros(400), final=False)
    void(connector, reference, key=key)

    (news,) = news_of(connector, stripe_server, kind="payment_intent.succeeded")

    assert news == CallAnswered(key, Succeeded(reference))


def test_that_a_reserve_is_given_back_does_not_say_that_it_failed(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    reference = reference_of(authorize(connector, "pm_card_visa"))
    void(connector, reference)

    assert news_of(connector, stripe_server, kind="payment_intent.canceled") == []


@pytest.mark.parametrize(("approved", "answer"), [(True, Succeeded), (False, Declined)])
def test_what_the_payer_decides_is_news(
    approved: bool, answer: type, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    authorize(connector, "pm_card_authenticationRequired", key=key, capture=True)
    (intent,) = stripe_server.books.all("payment_intent")
    authenticate(stripe_server.books, intent, approved=approved)

    (news,) = news_of(connector, stripe_server)

    assert isinstance(news, CallAnswered)
    assert (news.idempotency_key, type(news.outcome)) == (key, answer)


def test_what_is_given_up_before_the_payer_decides_is_declined(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    authorize(connector, "pm_card_authenticationRequired", key=key)
    (intent,) = stripe_server.books.all("payment_intent")
    void(connector, intent["id"])

    (news,) = news_of(connector, stripe_server)

    assert isinstance(news, CallAnswered) and isinstance(news.outcome, Declined)
    assert (news.idempotency_key, news.outcome.decline_code) == (key, "canceled")


def test_what_takes_its_time_is_submitted_and_answered_by_news(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    outcome = authorize(connector, "pm_slow_debit", capture=True, key=key)
    (intent,) = stripe_server.books.all("payment_intent")
    finish_processing(stripe_server.books, intent)

    assert outcome == Submitted(intent["id"])
    assert news_of(connector, stripe_server) == [CallAnswered(key, Succeeded(intent["id"]))]


def test_what_others_do_with_the_account_is_of_no_interest(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    event = an_event(connector, stripe_server)
    event["data"]["object"]["metadata"] = {}

    assert receive(connector, event) is None


def test_a_pending_refund_is_answered_by_news(connector: StripeConnector, stripe_server: StripeServer) -> None:
    key = fresh_key()
    reference = reference_of(authorize(connector, "pm_card_pendingRefund", capture=True))
    outcome = refund(connector, reference, TEN_EUROS, key=key)
    (made,) = stripe_server.books.all("refund")
    finish_refund(stripe_server.books, made, "succeeded")

    assert outcome == Submitted(made["id"])
    assert news_of(connector, stripe_server, kind="refund") == [CallAnswered(key, Succeeded(made["id"]))]


def test_a_refund_that_fails_before_it_succeeded_is_declined(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    reference = reference_of(authorize(connector, "pm_card_pendingRefund", capture=True))
    refund(connector, reference, TEN_EUROS, key=key)
    (made,) = stripe_server.books.all("refund")
    finish_refund(stripe_server.books, made, "failed", reason="lost_or_stolen_card")

    failed, declined = news_of(connector, stripe_server, kind="refund")

    assert failed == RefundReturned(made["id"], "The refund failed: lost_or_stolen_card.")
    assert isinstance(declined, CallAnswered) and isinstance(declined.outcome, Declined)
    assert (declined.idempotency_key, declined.outcome.decline_code) == (key, "lost_card")


def test_a_refund_that_fails_after_it_succeeded_came_back(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    reference = reference_of(authorize(connector, "pm_card_refundFail", capture=True))
    outcome = refund(connector, reference, TEN_EUROS)
    (made,) = stripe_server.books.all("refund")
    finish_refund(stripe_server.books, made, "failed", reason="expired_or_canceled_card")

    news = news_of(connector, stripe_server, kind="refund")

    returned = RefundReturned(reference_of(outcome), "The refund failed: expired_or_canceled_card.")
    assert news == [returned, returned]


def test_a_dispute_takes_the_amount_and_a_fee(connector: StripeConnector, stripe_server: StripeServer) -> None:
    reference = reference_of(authorize(connector, "pm_card_createDispute", capture=True))
    (dispute,) = stripe_server.books.all("dispute")

    news = news_of(connector, stripe_server, kind="charge.dispute")

    due_at = datetime.fromtimestamp(dispute["evidence_details"]["due_by"], tz=UTC)
    opened = DisputeOpened(dispute["id"], reference, TEN_EUROS, 1500, "fraudulent", due_at)
    created = stripe_server.books.events[-3]
    assert created["type"] == "charge.dispute.created"
    assert news[-1] == opened


@pytest.mark.parametrize("won", [True, False])
def test_a_dispute_is_decided(won: bool, connector: StripeConnector, stripe_server: StripeServer) -> None:
    authorize(connector, "pm_card_createDispute", capture=True)
    (dispute,) = stripe_server.books.all("dispute")
    decide_dispute(stripe_server.books, dispute, won=won)

    assert news_of(connector, stripe_server, kind="charge.dispute.closed") == [DisputeClosed(dispute["id"], won=won)]


def test_a_question_about_a_charge_takes_nothing(connector: StripeConnector, stripe_server: StripeServer) -> None:
    authorize(connector, "pm_card_createInquiry", capture=True)
    (inquiry,) = stripe_server.books.all("dispute")
    inquiry["status"] = "warning_closed"
    stripe_server.books.tell("charge.dispute.closed", inquiry)

    assert news_of(connector, stripe_server, kind="charge.dispute") == []


def test_the_amount_of_a_dispute_is_in_our_units(connector: StripeConnector, stripe_server: StripeServer) -> None:
    authorize(connector, "pm_card_createDispute", amount=Money(700, "ISK"), capture=True)

    news = news_of(connector, stripe_server, kind="charge.dispute")[0]

    assert isinstance(news, DisputeOpened)
    assert (news.amount, news.fee) == (Money(700, "ISK"), 15)


def test_evidence_goes_under_stripe_s_names_and_the_rest_under_its_own(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_createDispute", capture=True)
    (dispute,) = stripe_server.books.all("dispute")
    evidence = {"shipping_carrier": "DHL", "receipt": "Signed for.", "uncategorized_text": "More.", "a": "b"}

    connector.submit_evidence(EvidenceRequest(fresh_key(), dispute["id"], evidence, now=timezone.now()))

    assert dispute["evidence"] == {
        "shipping_carrier": "DHL",
        "uncategorized_text": "a: b\n\nreceipt: Signed for.\n\nMore.",
    }
    assert dispute["status"] == "under_review"


@pytest.mark.parametrize("status", ["paid", "failed"])
def test_the_end_of_a_payout_is_news(status: str, connector: StripeConnector, stripe_server: StripeServer) -> None:
    key = fresh_key()
    connector.payout(PayoutRequest(key, BANK_ACCOUNT, TEN_EUROS, now=timezone.now()))
    (made,) = stripe_server.books.all("payout")
    finish_payout(stripe_server.books, made, status)

    (news,) = news_of(connector, stripe_server, kind="payout")

    if status == "paid":
        assert news == CallAnswered(key, Succeeded(made["id"]))
    else:
        assert news == PayoutReturned(made["id"], "The bank account has been closed.")
