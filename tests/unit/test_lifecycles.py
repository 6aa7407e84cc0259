"""The lifecycles, written out once more as the page on payments has them."""

from enum import StrEnum

import pytest

from payments.lifecycles import (
    EXCLUSIVE_CALL_STATUSES,
    LIFECYCLES,
    OPEN_CALL_STATUSES,
    PAYMENT,
    PROCESSOR_CALL,
    WEBHOOK_DELIVERY,
    CallStatus,
    CircuitBreakerStatus,
    DiscrepancyStatus,
    DisputeStatus,
    Lifecycle,
    PaymentStatus,
    PayoutStatus,
    ProcessorEventStatus,
    RefundStatus,
    RepairStatus,
    WebhookDeliveryStatus,
    WebhookEndpointStatus,
)

PAYMENT_MOVES = {
    "requires_payment_method": "requires_confirmation canceled expired",
    "requires_confirmation": "processing canceled expired",
    # `canceled` is our addition: while a void is on its way, the payment is `processing` too.
    "processing": "requires_action requires_capture succeeded requires_payment_method failed canceled",
    "requires_action": "processing requires_payment_method canceled expired",
    "requires_capture": "processing succeeded canceled expired",
    "succeeded": "",
    "canceled": "",
    "failed": "",
    "expired": "",
}
CALL_MOVES = {
    "created": "submitted succeeded declined action_required unknown not_sent",
    "submitted": "succeeded declined action_required unknown",
    "action_required": "succeeded declined unknown",
    "unknown": "succeeded declined action_required",
    "succeeded": "",
    "declined": "",
    "not_sent": "",
}
# Of refunds and payouts alike: both are money on its way to somebody's bank, which may send it back days later.
TRANSFER_MOVES = {
    "pending": "submitted succeeded failed unknown",
    "submitted": "succeeded failed unknown",
    "unknown": "submitted succeeded failed",
    "succeeded": "failed",
    "failed": "",
}
DISPUTE_MOVES = {
    "needs_response": "under_review accepted won lost",
    "under_review": "won lost",
    "won": "",
    "lost": "",
    "accepted": "",
}
NEWS_MOVES = {
    "received": "applied ignored contradicted",
    "applied": "",
    # Where staff have it applied again.
    "ignored": "applied contradicted",
    "contradicted": "applied ignored",
}
BREAKER_MOVES = {"closed": "open", "open": "half_open closed", "half_open": "open closed"}
DISCREPANCY_MOVES = {"open": "resolved", "resolved": ""}
REPAIR_MOVES = {"proposed": "approved rejected", "approved": "", "rejected": ""}
ENDPOINT_MOVES = {"enabled": "disabled deleted", "disabled": "enabled deleted", "deleted": ""}
# Whatever became of a delivery, it can be sent again.
DELIVERY_MOVES = {
    "pending": "succeeded failed canceled",
    "succeeded": "pending",
    "failed": "pending",
    "canceled": "pending",
}

# Noun: its statuses, its moves and where it begins.
PAGE: dict[str, tuple[type[StrEnum], dict[str, str], str]] = {
    "payment": (PaymentStatus, PAYMENT_MOVES, "requires_payment_method requires_confirmation processing"),
    "processor_call": (CallStatus, CALL_MOVES, "created"),
    "refund": (RefundStatus, TRANSFER_MOVES, "pending"),
    "payout": (PayoutStatus, TRANSFER_MOVES, "pending"),
    "dispute": (DisputeStatus, DISPUTE_MOVES, "needs_response"),
    "processor_event": (ProcessorEventStatus, NEWS_MOVES, "received"),
    "discrepancy": (DiscrepancyStatus, DISCREPANCY_MOVES, "open"),
    "repair": (RepairStatus, REPAIR_MOVES, "proposed"),
    "webhook_endpoint": (WebhookEndpointStatus, ENDPOINT_MOVES, "enabled"),
    "webhook_delivery": (WebhookDeliveryStatus, DELIVERY_MOVES, "pending"),
    "circuit_breaker": (CircuitBreakerStatus, BREAKER_MOVES, "closed"),
}
every_lifecycle = pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: lifecycle.noun)


def test_every_lifecycle_is_on_the_page_once() -> None:
    assert sorted(lifecycle.noun for lifecycle in LIFECYCLES) == sorted(PAGE)


@every_lifecycle
def test_a_noun_moves_as_the_page_says(lifecycle: Lifecycle) -> None:
    statuses, moves, _ = PAGE[lifecycle.noun]

    allowed = {status: {other for other in statuses if lifecycle.allows(status, other)} for status in statuses}

    assert allowed == {status: set(following.split()) for status, following in moves.items()}


@every_lifecycle
def test_a_noun_begins_as_the_page_says(lifecycle: Lifecycle) -> None:
    assert lifecycle.initial == set(PAGE[lifecycle.noun][2].split())


def test_the_pairs_are_the_moves_and_the_beginnings() -> None:
    moves = {(start, end) for start, ends in PAYMENT_MOVES.items() for end in ends.split()}
    beginnings = {("", "requires_payment_method"), ("", "requires_confirmation"), ("", "processing")}

    assert PAYMENT.pairs() == moves | beginnings


@pytest.mark.parametrize(
    "lifecycle",
    [lifecycle for lifecycle in LIFECYCLES if lifecycle is not WEBHOOK_DELIVERY],
    ids=lambda lifecycle: lifecycle.noun,
)
def test_no_status_leads_to_itself_or_out_of_an_end(lifecycle: Lifecycle) -> None:
    ends = {
        *("canceled", "failed", "expired", "declined", "not_sent", "won", "lost", "accepted"),
        *("applied", "resolved", "approved", "rejected", "deleted"),
    }

    assert not [pair for pair in lifecycle.pairs() if pair[0] == pair[1]]
    assert ends.isdisjoint(start for start, _ in lifecycle.pairs())


@every_lifecycle
def test_every_status_can_be_reached(lifecycle: Lifecycle) -> None:
    assert {end for _, end in lifecycle.pairs()} == set(PAGE[lifecycle.noun][0])


def test_a_call_is_open_exactly_while_it_may_still_move() -> None:
    assert set(OPEN_CALL_STATUSES) == {status for status in CallStatus if PROCESSOR_CALL.edges.get(status)}


def test_beside_a_call_that_waits_for_the_payer_another_may_be_made() -> None:
    assert set(OPEN_CALL_STATUSES) - set(EXCLUSIVE_CALL_STATUSES) == {CallStatus.ACTION_REQUIRED}
    assert set(EXCLUSIVE_CALL_STATUSES) < set(OPEN_CALL_STATUSES)


def test_a_status_that_does_not_exist_leads_nowhere() -> None:
    assert not PAYMENT.allows("paid", PaymentStatus.SUCCEEDED)
    assert not PAYMENT.allows(PaymentStatus.PROCESSING, "paid")
