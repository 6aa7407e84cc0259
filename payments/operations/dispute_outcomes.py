"""What a processor's word about a dispute changes: that it is opened, answered or decided.

Every change is made under the lock of the dispute's payment, so that whatever comes at the same time comes before it or
after it. A decision ends a dispute even while an answer of the merchant's is on its way; the answer's own outcome is
kept on its call, and does not move the dispute any more.
"""

from datetime import datetime
from typing import Any, Final, assert_never

from payments.connectors.base import (
    ActionRequired,
    Declined,
    DisputeClosed,
    DisputeOpened,
    NotSent,
    Outcome,
    Submitted,
    Succeeded,
    Unknown,
)
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import DISPUTE, CallKind, DisputeStatus, PaymentStatus
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import DiscrepancyKind
from payments.money import Money
from payments.operations.discrepancies import open_discrepancy
from payments.operations.events import record_event
from payments.operations.news import Applied, Contradicted, Ignored, NotYet, Origin, Result
from payments.operations.processor_calls import failure_of

# How the merchant stands in the end: what was accepted is as lost as what was decided so.
_ENDS: Final = {DisputeStatus.WON: True, DisputeStatus.LOST: False, DisputeStatus.ACCEPTED: False}


def open_dispute(*, news: DisputeOpened, origin: Origin, now: datetime) -> Result:
    """Hold back what the processor has taken of a payment: the disputed amount and the fee.

    What is refunded already can be disputed as well; what is captured cannot be disputed twice.
    """
    payment = (
        Payment.objects.select_for_update()
        .filter(**origin.owned, processor_reference=news.charge_reference)
        .order_by("id")
        .first()
    )
    if payment is None:
        return NotYet(f"no payment of ours is {news.charge_reference!r} at the processor")
    known = _named(origin, news.processor_reference)
    if known is not None:
        return Ignored(f"{known.public_id} is that dispute")
    left = payment.amount_captured - payment.amount_disputed
    if payment.amount_captured == 0 or (news.amount.amount > left and payment.status == PaymentStatus.PROCESSING):
        return NotYet(f"{payment.public_id} is {payment.status}: that this is captured is not known yet")
    if news.amount.currency != payment.currency or news.fee < 0 or not 0 < news.amount.amount <= left:
        return _impossible(payment, news, left)
    dispute = Dispute.objects.create(
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        currency=payment.currency,
        status=DisputeStatus.NEEDS_RESPONSE,
        amount=news.amount.amount,
        fee=news.fee,
        reason=news.reason,
        connector=origin.connector,
        processor_reference=news.processor_reference,
        evidence_due_at=news.evidence_due_at,
        created_at=now,
        updated_at=now,
    )
    post(recipes.dispute_opened(held=_held(dispute)), cause=dispute, effective_at=now)
    record_event(dispute, now=now, created=True)
    _change_disputed(payment, by=dispute.amount, now=now)
    return Applied()


def close_dispute(*, news: DisputeClosed, origin: Origin, now: datetime) -> Result:
    """End a dispute by the processor's decision."""
    found = _named(origin, news.processor_reference)
    if found is None:
        return NotYet(f"no dispute of ours is {news.processor_reference!r} at the processor")
    dispute = locked(found)
    status = DisputeStatus(dispute.status)
    if status in _ENDS:
        if _ENDS[status] == news.won:
            return Ignored(f"{dispute.public_id} is {status} already")
        return _contradicted(dispute, news)
    if news.won:
        _win(dispute, now=now)
    else:
        _lose(dispute, DisputeStatus.LOST, now=now)
    return Applied()


def apply_to_dispute(dispute: Dispute, call: ProcessorCall, outcome: Outcome, *, now: datetime) -> None:
    """Take a dispute to where the outcome of evidence or of an acceptance leaves it."""
    match outcome:
        case ActionRequired():
            raise AssertionError("a dispute needs nothing of the payer")
        case Succeeded():
            _apply_success(dispute, call, now=now)
        case Declined() | NotSent():
            # No evidence has got there, and nothing is accepted.
            dispute.evidence = None
            dispute.last_error = failure_of(call)
            save_change(dispute, now=now)
        case Submitted() | Unknown():
            # The dispute stays as it is until the processor's word is known.
            pass
        case _:
            assert_never(outcome)


def locked(dispute: Dispute) -> Dispute:
    """Return a dispute as it stands, with its payment locked until the transaction ends."""
    payment = Payment.objects.select_for_update().get(pk=dispute.payment_id)
    current = Dispute.objects.get(pk=dispute.pk)
    current.payment = payment
    return current


def save_change(dispute: Dispute, *, now: datetime) -> None:
    """Write a change other than of the status to the database, and record the event."""
    _save(dispute, now=now)
    record_event(dispute, now=now, event_type="dispute.updated")


def _apply_success(dispute: Dispute, call: ProcessorCall, *, now: datetime) -> None:
    accepted = CallKind(call.kind) is CallKind.ACCEPT_DISPUTE
    if dispute.status == DisputeStatus.NEEDS_RESPONSE:
        dispute.last_error = None
        if accepted:
            _lose(dispute, DisputeStatus.ACCEPTED, now=now)
        else:
            _move(dispute, DisputeStatus.UNDER_REVIEW, now=now)
    elif accepted and dispute.status == DisputeStatus.WON:
        open_discrepancy(
            DiscrepancyKind.CONTRADICTORY_NEWS,
            call.public_id,
            detail=f"the processor says that {dispute.public_id} is accepted, which it had said is won",
            amount=-_held(dispute).amount,
            now=now,
            processor_call=call,
            **_about(dispute.payment),
        )


def _win(dispute: Dispute, *, now: datetime) -> None:
    post(recipes.dispute_won(held=_held(dispute)), cause=dispute, effective_at=now)
    _move(dispute, DisputeStatus.WON, now=now)
    _change_disputed(dispute.payment, by=-dispute.amount, now=now)


def _lose(dispute: Dispute, status: DisputeStatus, *, now: datetime) -> None:
    """What was held is gone; the amount stays disputed on the payment, and is never refunded."""
    post(recipes.dispute_lost(held=_held(dispute)), cause=dispute, effective_at=now)
    _move(dispute, status, now=now)


def _move(dispute: Dispute, status: DisputeStatus, *, now: datetime) -> None:
    """Take a dispute to another status, write it to the database and record the event."""
    assert DISPUTE.allows(dispute.status, status), f"{dispute} is {dispute.status}, which does not go to {status}"
    dispute.status = status
    _save(dispute, now=now)
    record_event(dispute, now=now)


def _save(dispute: Dispute, *, now: datetime) -> None:
    dispute.updated_at = now
    dispute.save(update_fields=("status", "evidence", "last_error", "updated_at"))


def _change_disputed(payment: Payment, *, by: int, now: datetime) -> None:
    """Write down how much of a payment is disputed; that is a change of the payment, too."""
    payment.amount_disputed += by
    payment.updated_at = now
    payment.save(update_fields=("amount_disputed", "updated_at"))
    record_event(payment, now=now, event_type="payment.disputed")


def _named(origin: Origin, reference: str) -> Dispute | None:
    return Dispute.objects.filter(**origin.owned, processor_reference=reference).first()


def _held(dispute: Dispute) -> Money:
    return Money(dispute.amount + dispute.fee, dispute.currency)


def _about(payment: Payment) -> dict[str, Any]:
    """Return the columns of a discrepancy that say whose payment it is about."""
    return {
        "merchant_id": payment.merchant_id,
        "mode": payment.mode,
        "currency": payment.currency,
        "payment_id": payment.pk,
    }


def _impossible(payment: Payment, news: DisputeOpened, left: int) -> Contradicted:
    return Contradicted(
        f"the processor says that {news.amount} of {payment.public_id} is disputed, for a fee of {news.fee};"
        f" {Money(left, payment.currency)} is captured and not disputed yet",
        amount=-(news.amount.amount + news.fee),
        about=_about(payment) | {"currency": news.amount.currency},
    )


def _contradicted(dispute: Dispute, news: DisputeClosed) -> Contradicted:
    held = _held(dispute).amount
    return Contradicted(
        f"the processor says that {dispute.public_id} is {'won' if news.won else 'lost'}, which is {dispute.status}",
        amount=held if news.won else -held,
        about=_about(dispute.payment),
    )
