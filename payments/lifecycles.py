"""Which statuses exist and which may follow which: one table per noun, as data.

The same tables are written into the database (`LifecycleEdge`), where a trigger refuses every other move;
a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """Test money or real money. A key of one mode never sees the other's rows."""

    TEST = "test"
    LIVE = "live"


class PaymentStatus(StrEnum):
    """Where a payment stands. Partial amounts live in its `amount_…` fields, never in the status."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    FAILED = "failed"
    EXPIRED = "expired"


class CallStatus(StrEnum):
    """Where one call to a processor stands.

    `created` is recorded but not answered; after a crash it may or may not have reached the processor.
    `submitted` was accepted, and the result follows later. `not_sent` never left us: the connection was
    not established. `unknown` left us, and nobody knows whether the processor acted.
    """

    CREATED = "created"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    ACTION_REQUIRED = "action_required"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


class RefundStatus(StrEnum):
    """Where a refund stands. `submitted` was accepted by the processor, whose result follows later."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class PayoutStatus(StrEnum):
    """Where a payout stands. `submitted` is in transit, `succeeded` is paid; a bank may return it days later."""

    PENDING = "pending"
    SUBMITTED = "submitted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class PayoutInterval(StrEnum):
    """When what is available is paid out by itself."""

    MANUAL = "manual"
    DAILY = "daily"
    WEEKLY = "weekly"


class DisputeStatus(StrEnum):
    """Where a dispute stands. While it `needs_response`, evidence can be sent or the loss accepted."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"


class ProcessorEventStatus(StrEnum):
    """Where a piece of a processor's news stands. `received` waits for its turn or for what it is about.

    `ignored` was known already or is older than what was applied; `contradicted` says something that cannot be true
    beside what we have on record, and has opened a discrepancy.
    """

    RECEIVED = "received"
    APPLIED = "applied"
    IGNORED = "ignored"
    CONTRADICTED = "contradicted"


class DiscrepancyStatus(StrEnum):
    """Whether somebody still has to look at a discrepancy."""

    OPEN = "open"
    RESOLVED = "resolved"


class RepairStatus(StrEnum):
    """Where a repair stands; only another person than the one who proposed it approves it."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class WebhookEndpointStatus(StrEnum):
    """Where a webhook endpoint stands. `deleted` is shown to nobody, and kept for its deliveries' sake."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


class DisabledReason(StrEnum):
    """Why a webhook endpoint is disabled.

    `by_merchant` has asked for it, `gone` has answered 410, `failing` has failed for days without one success.
    """

    BY_MERCHANT = "by_merchant"
    GONE = "gone"
    FAILING = "failing"


class WebhookDeliveryStatus(StrEnum):
    """Where the delivery of an event to an endpoint stands.

    `pending` waits for its next attempt, `failed` has been given up after the last one, `canceled` was pending when
    its endpoint was disabled or deleted. Whatever is not pending can be sent again.
    """

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class CircuitBreakerStatus(StrEnum):
    """Whether payments are sent to an account: `closed` lets all through, `open` none, `half_open` one, to try it."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CallKind(StrEnum):
    """What a call asks of the processor."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    SUBMIT_EVIDENCE = "submit_evidence"
    ACCEPT_DISPUTE = "accept_dispute"


class CaptureMethod(StrEnum):
    """Whether the money is captured with the authorization or by a later request."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The statuses a noun may begin in, and those that may follow each."""

    noun: str
    initial: frozenset[str]
    edges: Mapping[str, frozenset[str]]

    def allows(self, current: str, following: str) -> bool:
        """Tell whether `following` may come directly after `current`."""
        return following in self.edges.get(current, frozenset())

    def pairs(self) -> set[tuple[str, str]]:
        """Return every allowed move as (from, to); a beginning has the empty string as its `from`."""
        moves = {(str(start), str(end)) for start, ends in self.edges.items() for end in ends}
        return moves | {("", str(status)) for status in self.initial}


_P = PaymentStatus
_C = CallStatus
_R = RefundStatus
_D = DisputeStatus
_E = ProcessorEventStatus
_W = WebhookEndpointStatus
_S = WebhookDeliveryStatus

PAYMENT: Final = Lifecycle(
    noun="payment",
    initial=frozenset({_P.REQUIRES_PAYMENT_METHOD, _P.REQUIRES_CONFIRMATION, _P.PROCESSING}),
    edges={
        _P.REQUIRES_PAYMENT_METHOD: frozenset({_P.REQUIRES_CONFIRMATION, _P.CANCELED, _P.EXPIRED}),
        _P.REQUIRES_CONFIRMATION: frozenset({_P.PROCESSING, _P.CANCELED, _P.EXPIRED}),
        _P.PROCESSING: frozenset(
            {
                _P.REQUIRES_ACTION,
                _P.REQUIRES_CAPTURE,
                _P.SUCCEEDED,
                _P.REQUIRES_PAYMENT_METHOD,
                _P.FAILED,
                # A void on its way to the processor is `processing` as well, so that no capture slips in.
                _P.CANCELED,
            }
        ),
        _P.REQUIRES_ACTION: frozenset({_P.PROCESSING, _P.REQUIRES_PAYMENT_METHOD, _P.CANCELED, _P.EXPIRED}),
        _P.REQUIRES_CAPTURE: frozenset({_P.PROCESSING, _P.SUCCEEDED, _P.CANCELED, _P.EXPIRED}),
    },
)

_ANSWERS: Final = frozenset({_C.SUCCEEDED, _C.DECLINED, _C.ACTION_REQUIRED, _C.UNKNOWN})

PROCESSOR_CALL: Final = Lifecycle(
    noun="processor_call",
    initial=frozenset({_C.CREATED}),
    edges={
        _C.CREATED: _ANSWERS | {_C.SUBMITTED, _C.NOT_SENT},
        _C.SUBMITTED: _ANSWERS,
        _C.ACTION_REQUIRED: _ANSWERS - {_C.ACTION_REQUIRED},
        _C.UNKNOWN: frozenset({_C.SUCCEEDED, _C.DECLINED, _C.ACTION_REQUIRED}),
    },
)

_TRANSFER_EDGES: Final[Mapping[str, frozenset[str]]] = {
    _R.PENDING: frozenset({_R.SUBMITTED, _R.SUCCEEDED, _R.FAILED, _R.UNKNOWN}),
    _R.SUBMITTED: frozenset({_R.SUCCEEDED, _R.FAILED, _R.UNKNOWN}),
    _R.UNKNOWN: frozenset({_R.SUBMITTED, _R.SUCCEEDED, _R.FAILED}),
    # Days later, through a reversing journal entry.
    _R.SUCCEEDED: frozenset({_R.FAILED}),
}

REFUND: Final = Lifecycle(noun="refund", initial=frozenset({_R.PENDING}), edges=_TRANSFER_EDGES)

# A payout's statuses are a refund's: both are money on its way to somebody's bank.
PAYOUT: Final = Lifecycle(noun="payout", initial=frozenset({_R.PENDING}), edges=_TRANSFER_EDGES)

DISPUTE: Final = Lifecycle(
    noun="dispute",
    initial=frozenset({_D.NEEDS_RESPONSE}),
    edges={
        # Won or lost at once: the payer's bank withdrew it, or the time for evidence ran out.
        _D.NEEDS_RESPONSE: frozenset({_D.UNDER_REVIEW, _D.ACCEPTED, _D.WON, _D.LOST}),
        _D.UNDER_REVIEW: frozenset({_D.WON, _D.LOST}),
    },
)

PROCESSOR_EVENT: Final = Lifecycle(
    noun="processor_event",
    initial=frozenset({_E.RECEIVED}),
    edges={
        _E.RECEIVED: frozenset({_E.APPLIED, _E.IGNORED, _E.CONTRADICTED}),
        # Staff had it applied again (`NewsReplay`), and this time something else came of it.
        _E.IGNORED: frozenset({_E.APPLIED, _E.CONTRADICTED}),
        _E.CONTRADICTED: frozenset({_E.APPLIED, _E.IGNORED}),
    },
)

DISCREPANCY: Final = Lifecycle(
    noun="discrepancy",
    initial=frozenset({DiscrepancyStatus.OPEN}),
    edges={DiscrepancyStatus.OPEN: frozenset({DiscrepancyStatus.RESOLVED})},
)

REPAIR: Final = Lifecycle(
    noun="repair",
    initial=frozenset({RepairStatus.PROPOSED}),
    edges={RepairStatus.PROPOSED: frozenset({RepairStatus.APPROVED, RepairStatus.REJECTED})},
)

WEBHOOK_ENDPOINT: Final = Lifecycle(
    noun="webhook_endpoint",
    initial=frozenset({_W.ENABLED}),
    edges={
        _W.ENABLED: frozenset({_W.DISABLED, _W.DELETED}),
        _W.DISABLED: frozenset({_W.ENABLED, _W.DELETED}),
    },
)

WEBHOOK_DELIVERY: Final = Lifecycle(
    noun="webhook_delivery",
    initial=frozenset({_S.PENDING}),
    edges={
        _S.PENDING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
        # Sent again, because somebody has asked for it.
        _S.SUCCEEDED: frozenset({_S.PENDING}),
        _S.FAILED: frozenset({_S.PENDING}),
        _S.CANCELED: frozenset({_S.PENDING}),
    },
)

_B = CircuitBreakerStatus

CIRCUIT_BREAKER: Final = Lifecycle(
    noun="circuit_breaker",
    initial=frozenset({_B.CLOSED}),
    edges={
        _B.CLOSED: frozenset({_B.OPEN}),
        # Closed without a trial: by staff, or because a capture, say, was answered.
        _B.OPEN: frozenset({_B.HALF_OPEN, _B.CLOSED}),
        _B.HALF_OPEN: frozenset({_B.OPEN, _B.CLOSED}),
    },
)

# While a call is in one of these the processor's last word is still to come.
OPEN_CALL_STATUSES: Final = (_C.CREATED, _C.SUBMITTED, _C.ACTION_REQUIRED, _C.UNKNOWN)

# While a call waits for the payer, another may ask the processor to give it up.
EXCLUSIVE_CALL_STATUSES: Final = (_C.CREATED, _C.SUBMITTED, _C.UNKNOWN)

LIFECYCLES: Final = (
    *(PAYMENT, PROCESSOR_CALL, REFUND, PAYOUT, DISPUTE, PROCESSOR_EVENT, DISCREPANCY, REPAIR),
    *(WEBHOOK_ENDPOINT, WEBHOOK_DELIVERY, CIRCUIT_BREAKER),
)
