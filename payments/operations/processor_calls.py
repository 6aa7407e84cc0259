"""Calls to processors: written down, then sent, then answered."""

import logging
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Final, assert_never
from uuid import UUID

from django.db.models import Exists, QuerySet

from payments import conf, metrics
from payments.connectors.base import (
    AcceptDisputeRequest,
    ActionRequired,
    AuthorizeRequest,
    CaptureRequest,
    Connector,
    Declined,
    EvidenceRequest,
    NotSent,
    Outcome,
    PayoutRequest,
    RefundRequest,
    StatusQuery,
    Submitted,
    Succeeded,
    Unknown,
    VoidRequest,
)
from payments.connectors.registry import connector_named, source_named
from payments.errors import (
    DisputeResponseDeclined,
    PaymentDeclined,
    PaymentsError,
    ProcessorUnreachable,
    RefundDeclined,
)
from payments.lifecycles import EXCLUSIVE_CALL_STATUSES, OPEN_CALL_STATUSES, PROCESSOR_CALL, CallKind, CallStatus
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.refunds import Refund
from payments.money import Money
from payments.operations.circuit_breakers import note_outcome
from payments.operations.jobs import defer
from payments.payout_errors import PayoutDeclined

logger = logging.getLogger(__name__)

# When a processor is asked about a doubt: so long after it arose, and then after each time it could not say.
DELAYS: Final = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), *[timedelta(days=1)] * 5)


def open_call(
    *,
    call_id: UUID,
    payment: Payment,
    kind: CallKind,
    amount: int,
    final: bool,
    now: datetime,
    refund: Refund | None = None,
    dispute: Dispute | None = None,
) -> ProcessorCall:
    """Write down what will be asked of the processor about a payment, before it is asked."""
    assert payment.connector is not None and payment.payment_method is not None
    return ProcessorCall.objects.create(
        id=call_id,
        payment=payment,
        refund=refund,
        dispute=dispute,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        currency=payment.currency,
        connector=payment.connector,
        kind=kind,
        amount=amount,
        final=final,
        payment_method=payment.payment_method,
        status=CallStatus.CREATED,
        created_at=now,
    )


def open_payout_call(*, call_id: UUID, payout: Payout, now: datetime) -> ProcessorCall:
    """Write down what will be asked of the processor about a payout, before it is asked."""
    return ProcessorCall.objects.create(
        id=call_id,
        payout=payout,
        merchant_id=payout.merchant_id,
        mode=payout.mode,
        currency=payout.currency,
        connector=payout.connector,
        kind=CallKind.PAYOUT,
        amount=payout.amount,
        final=False,
        payment_method=payout.destination,
        status=CallStatus.CREATED,
        created_at=now,
    )


def send_call(call: ProcessorCall, *, sent_before: bool, now: datetime) -> tuple[Outcome, datetime]:
    """Ask the processor, with no transaction open, and return its outcome and the moment of it.

    The call's id makes it safe to ask again. `sent_before` says that an earlier attempt may have reached the
    processor: that this one did not is then no proof that nothing happened.
    """
    source = source_named(call.connector, merchant_id=call.merchant_id, mode=call.mode)
    started = perf_counter()
    try:
        outcome = _ask(source.connector, call, now)
    except Exception:  # pylint: disable=broad-exception-caught
        # Whatever broke, the request may have left us: doubt is the only honest answer.
        logger.exception("connector %s failed on %s", call.connector, call.public_id)
        outcome = Unknown("The connector failed; the processor may or may not have acted.")
    if sent_before and isinstance(outcome, NotSent):
        outcome = Unknown(f"{outcome.message} An earlier attempt may have reached the processor.")
    seconds = perf_counter() - started
    metrics.PROCESSOR_CALL_SECONDS.labels(call.connector, call.kind).observe(seconds)
    answered_at = now + timedelta(seconds=seconds)
    note_outcome(source.account, outcome, now=answered_at)
    return outcome, answered_at


def ask_later(call: ProcessorCall, *, attempt: int, now: datetime) -> None:
    """Have a worker ask what became of a call, in the caller's transaction; `attempt` counts from 0."""
    ask_at(now + DELAYS[attempt], call, attempt=attempt)


def ask_at(moment: datetime, call: ProcessorCall, *, attempt: int = 0) -> None:
    """Have a worker ask at a moment of the caller's choice, in the caller's transaction."""
    defer("resolve_call", at=moment, call_id=str(call.pk), attempt=attempt)


def ask_when_over(call: ProcessorCall, action: ActionRequired) -> None:
    """Have a worker ask once the payer's time is over, in the caller's transaction."""
    ask_at(action.expires_at + DELAYS[0], call)


def void_under_way(call: ProcessorCall) -> QuerySet[ProcessorCall]:
    """Return the void of a call's payment whose answer is open."""
    assert call.payment_id is not None
    return ProcessorCall.objects.filter(
        payment_id=call.payment_id, kind=CallKind.VOID, status__in=EXCLUSIVE_CALL_STATUSES
    )


def query_call(call: ProcessorCall, *, now: datetime) -> Outcome:
    """Ask the processor what became of a call, with no transaction open. This does nothing there."""
    try:
        connector = connector_named(call.connector, merchant_id=call.merchant_id, mode=call.mode)
        outcome = connector.query(_query(call, now=now))
    except Exception:  # pylint: disable=broad-exception-caught
        # The doubt stays what it was.
        logger.exception("connector %s failed to say what became of %s", call.connector, call.public_id)
        outcome = Unknown("The connector failed; the processor may or may not have acted.")
    # That this question could not be sent says nothing about the call.
    return Unknown(outcome.message) if isinstance(outcome, NotSent) else outcome


def _query(call: ProcessorCall, *, now: datetime) -> StatusQuery:
    dispute, payment = call.dispute, call.payment
    about = dispute.processor_reference if dispute else payment.processor_reference if payment else None
    return StatusQuery(
        call.public_id,
        kind=CallKind(call.kind),
        processor_reference=about,
        amount=Money(call.amount, call.currency),
        requested_at=call.created_at,
        now=now,
    )


def _ask(connector: Connector, call: ProcessorCall, now: datetime) -> Outcome:
    amount = Money(call.amount, call.currency)
    match CallKind(call.kind):
        case CallKind.AUTHORIZE:
            return connector.authorize(
                AuthorizeRequest(
                    call.public_id,
                    call.payment_method,
                    amount,
                    capture=call.final,
                    return_url=_return_url(call),
                    now=now,
                )
            )
        case CallKind.CAPTURE:
            return connector.capture(
                CaptureRequest(call.public_id, _reference(call), amount, final=call.final, now=now)
            )
        case CallKind.VOID:
            return connector.void(VoidRequest(call.public_id, _reference(call), now=now))
        case CallKind.REFUND:
            return connector.refund(RefundRequest(call.public_id, _reference(call), amount, now=now))
        case CallKind.PAYOUT:
            return connector.payout(PayoutRequest(call.public_id, call.payment_method, amount, now=now))
        case CallKind.SUBMIT_EVIDENCE:
            dispute = _dispute(call)
            return connector.submit_evidence(
                EvidenceRequest(call.public_id, dispute.processor_reference, dispute.evidence or {}, now=now)
            )
        case CallKind.ACCEPT_DISPUTE:
            return connector.accept_dispute(
                AcceptDisputeRequest(call.public_id, _dispute(call).processor_reference, now=now)
            )


def _reference(call: ProcessorCall) -> str:
    assert call.payment is not None
    reference = call.payment.processor_reference
    assert reference is not None, "only an authorized payment is captured or voided"
    return reference


def _return_url(call: ProcessorCall) -> str:
    assert call.payment is not None
    return call.payment.return_url or conf.public_url()


def _dispute(call: ProcessorCall) -> Dispute:
    assert call.dispute is not None
    return call.dispute


def record_outcome(call: ProcessorCall, outcome: Outcome, *, now: datetime) -> bool:
    """Keep the outcome on the call's row; return False where another process has kept one that this cannot follow.

    The answer to an authorization that waits for the payer is not kept while a void asks to give it up: the void's
    answer comes first.
    """
    changes = _changes(outcome)
    before = {status for status in OPEN_CALL_STATUSES if PROCESSOR_CALL.allows(status, changes["status"])}
    if isinstance(outcome, Unknown):
        # That an answer was lost is no news beside one that came.
        before -= {CallStatus.ACTION_REQUIRED}
    rows = ProcessorCall.objects.filter(pk=call.pk, status__in=before)
    if call.kind == CallKind.AUTHORIZE:
        rows = rows.exclude(Exists(void_under_way(call)), status=CallStatus.ACTION_REQUIRED)
    recorded = rows.update(answered_at=now, **changes)
    if recorded:
        call.answered_at = now
        for field, value in changes.items():
            setattr(call, field, value)
        metrics.PROCESSOR_CALLS.labels(call.connector, call.kind, call.status, call.decline_code or "").inc()
    return bool(recorded)


# The one advice after which the same card may be tried again.
_TRY_AGAIN_LATER = "try_again_later"

# What a decline is called, where it is not of a payment.
_DECLINED: Final[dict[CallKind, type[PaymentsError]]] = {
    CallKind.REFUND: RefundDeclined,
    CallKind.SUBMIT_EVIDENCE: DisputeResponseDeclined,
    CallKind.ACCEPT_DISPUTE: DisputeResponseDeclined,
    CallKind.PAYOUT: PayoutDeclined,
}


def problem_class_of(call: ProcessorCall) -> type[PaymentsError] | None:
    """Return which error a call that did not go through is; None where it did, or nobody knows."""
    match CallStatus(call.status):
        case CallStatus.DECLINED:
            return _DECLINED.get(CallKind(call.kind), PaymentDeclined)
        case CallStatus.NOT_SENT:
            return ProcessorUnreachable
        case _:
            return None


def failure_of(call: ProcessorCall) -> dict[str, Any] | None:
    """Return why a call did not go through, as the API shows it."""
    problem = problem_class_of(call)
    if problem is None:
        return None
    return {
        "code": problem.code,
        "message": call.message,
        "decline_code": call.decline_code,
        "advice_code": call.advice_code,
        "retryable": problem is ProcessorUnreachable or call.advice_code == _TRY_AGAIN_LATER,
    }


def returned_failure(problem: type[PaymentsError], message: str) -> dict[str, Any]:
    """Return why what had succeeded failed after all: a bank sent it back. It has the members of `failure_of`."""
    return {
        "code": problem.code,
        "message": message,
        "decline_code": "returned",
        "advice_code": None,
        "retryable": False,
    }


def _changes(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Submitted():
            return {"status": CallStatus.SUBMITTED, "processor_reference": outcome.processor_reference}
        case Succeeded():
            return {
                "status": CallStatus.SUCCEEDED,
                "processor_reference": outcome.processor_reference,
                "authorization_code": outcome.authorization_code,
            }
        case Declined():
            return {
                "status": CallStatus.DECLINED,
                "processor_reference": outcome.processor_reference,
                "decline_code": outcome.decline_code,
                "advice_code": outcome.advice_code,
                "message": outcome.message,
            }
        case ActionRequired():
            return {
                "status": CallStatus.ACTION_REQUIRED,
                "processor_reference": outcome.processor_reference,
                "action_url": outcome.url,
            }
        case NotSent():
            return {"status": CallStatus.NOT_SENT, "message": outcome.message}
        case Unknown():
            return {"status": CallStatus.UNKNOWN, "message": outcome.message}
        case _:
            assert_never(outcome)
