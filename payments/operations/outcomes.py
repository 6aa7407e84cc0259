"""The one place where a processor's word takes effect, however the word arrives."""

import logging
from datetime import datetime

from payments.connectors.base import ActionRequired, Declined, Outcome, Succeeded
from payments.errors import PaymentsError
from payments.lifecycles import OPEN_CALL_STATUSES, CallKind, CallStatus
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import DiscrepancyKind
from payments.models.refunds import Refund
from payments.operations.discrepancies import about_call, clear_discrepancy, open_discrepancy
from payments.operations.dispute_outcomes import apply_to_dispute
from payments.operations.jobs import defer
from payments.operations.payment_outcomes import apply_to_payment
from payments.operations.payout_outcomes import apply_to_payout
from payments.operations.processor_calls import ask_later, ask_when_over, failure_of, problem_class_of, record_outcome
from payments.operations.refund_outcomes import apply_to_refund
from payments.operations.representations import Subject, represent

logger = logging.getLogger(__name__)


def settle_call(call: ProcessorCall, outcome: Outcome, *, now: datetime) -> Subject:
    """Apply an outcome to what it is about: status, amounts, journal and events together.

    This is transaction B; the caller opens it. An outcome that another process has applied before changes nothing:
    what it is about is returned as it stands.
    """
    subject = lock_subject(call)
    doubted = call.status in (CallStatus.UNKNOWN, CallStatus.SUBMITTED, CallStatus.ACTION_REQUIRED)
    if not record_outcome(call, outcome, now=now):
        call.refresh_from_db()
        logger.warning("%s is %s already; %s changes nothing", call.public_id, call.status, type(outcome).__name__)
        if contradicts(call, outcome):
            _open_contradiction(call, outcome, now=now)
        return subject
    if call.status in (CallStatus.UNKNOWN, CallStatus.SUBMITTED):
        ask_later(call, attempt=0, now=now)
    if call.status == CallStatus.SUBMITTED:
        defer("collect_news", at=now)
    if isinstance(outcome, ActionRequired):
        ask_when_over(call, outcome)
    if doubted and call.status not in OPEN_CALL_STATUSES:
        clear_discrepancy(
            DiscrepancyKind.UNRESOLVED_DOUBT, call.public_id, resolution=f"The call is {call.status}.", now=now
        )
    match subject:
        case Payment():
            apply_to_payment(subject, call, outcome, now=now)
        case Refund():
            apply_to_refund(subject, call, outcome, now=now)
        case Dispute():
            apply_to_dispute(subject, call, outcome, now=now)
        case Payout():
            apply_to_payout(subject, call, outcome, now=now)
    return subject


def lock_subject(call: ProcessorCall) -> Subject:
    """Return what a call is about, as it stands and locked: of a refund or dispute the payment, which comes along."""
    if call.payout_id is not None:
        return Payout.objects.select_for_update().get(pk=call.payout_id)
    assert call.payment_id is not None
    payment = Payment.objects.select_for_update().get(pk=call.payment_id)
    if call.dispute_id is not None:
        dispute = Dispute.objects.get(pk=call.dispute_id)
        dispute.payment = payment
        return dispute
    if call.refund_id is None:
        return payment
    refund = Refund.objects.get(pk=call.refund_id)
    refund.payment = payment
    return refund


def contradicts(call: ProcessorCall, outcome: Outcome) -> bool:
    """Tell whether a word about a call cannot be true beside the answer that was settled before."""
    if call.status in OPEN_CALL_STATUSES:
        return False
    match outcome:
        case Succeeded():
            return call.status != CallStatus.SUCCEEDED
        case Declined():
            return call.status == CallStatus.SUCCEEDED
        case _:
            return False


def _open_contradiction(call: ProcessorCall, outcome: Outcome, *, now: datetime) -> None:
    """Have a person look at a direct answer that came too late to count."""
    open_discrepancy(
        DiscrepancyKind.CONTRADICTORY_NEWS,
        call.public_id,
        detail=f"the processor answers {type(outcome).__name__.lower()} to {call.public_id}, which is {call.status}",
        amount=call.amount if isinstance(outcome, Succeeded) else -call.amount,
        now=now,
        **about_call(call),
    )


def problem_of(call: ProcessorCall, subject: Subject) -> PaymentsError | None:
    """Return the error to tell the merchant about a call that did not go through, with its subject as it stands."""
    problem, failure = problem_class_of(call), failure_of(call)
    if problem is None or failure is None:
        return None
    at_fault = failure["decline_code"] is not None and call.kind == CallKind.AUTHORIZE
    members = {key: failure[key] for key in ("decline_code", "advice_code", "retryable")}
    shown = represent(subject)
    return problem(
        failure["message"] or problem.title(),
        param="payment_method" if at_fault else None,
        **members,
        **{shown["object"]: shown},
    )
