"""What a processor's word about a refund changes."""

from datetime import datetime

from payments.connectors.base import ActionRequired, Declined, NotSent, Outcome, Submitted, Succeeded, Unknown
from payments.errors import RefundDeclined
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import REFUND, RefundStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.models.refunds import Refund
from payments.money import Money
from payments.operations.events import record_event
from payments.operations.processor_calls import failure_of, returned_failure


def apply_to_refund(refund: Refund, call: ProcessorCall, outcome: Outcome, *, now: datetime) -> None:
    """Take a refund, and the amounts of its payment, to where the outcome leaves them."""
    payment = refund.payment
    refund.processor_reference = call.processor_reference or refund.processor_reference
    match outcome:
        case ActionRequired():
            raise AssertionError("a refund needs nothing of the payer")
        case Submitted():
            _move(refund, RefundStatus.SUBMITTED, now=now)
        case Succeeded():
            _succeed(refund, payment, call, now=now)
        case Declined() | NotSent():
            _fail(refund, payment, call, now=now)
        case Unknown():
            _move(refund, RefundStatus.UNKNOWN, now=now)


def take_back(refund: Refund, call: ProcessorCall, *, message: str, now: datetime) -> None:
    """A refund that had succeeded came back: the merchant is owed it again, and may refund it another way."""
    refund.last_error = returned_failure(RefundDeclined, message)
    payment = refund.payment
    payment.amount_refunded -= refund.amount
    post(recipes.refund_returned(amount=_money(refund)), cause=call, effective_at=now)
    _move(refund, RefundStatus.FAILED, now=now)
    _save_refunded(payment, now=now)


def _move(refund: Refund, status: RefundStatus, *, now: datetime) -> None:
    """Take a refund to another status, write it to the database and record the event."""
    assert REFUND.allows(refund.status, status), f"{refund} is {refund.status}, which does not go to {status}"
    refund.status = status
    refund.updated_at = now
    refund.save(update_fields=("status", "processor_reference", "last_error", "updated_at"))
    record_event(refund, now=now)


def _succeed(refund: Refund, payment: Payment, call: ProcessorCall, *, now: datetime) -> None:
    refund.last_error = None
    payment.amount_refund_pending -= refund.amount
    payment.amount_refunded += refund.amount
    post(recipes.refund_succeeded(amount=_money(refund)), cause=call, effective_at=now)
    _move(refund, RefundStatus.SUCCEEDED, now=now)
    _save_refunded(payment, now=now)


def _fail(refund: Refund, payment: Payment, call: ProcessorCall, *, now: datetime) -> None:
    refund.last_error = failure_of(call)
    payment.amount_refund_pending -= refund.amount
    payment.save(update_fields=("amount_refund_pending",))
    post(recipes.refund_released(amount=_money(refund)), cause=call, effective_at=now)
    _move(refund, RefundStatus.FAILED, now=now)


def _save_refunded(payment: Payment, *, now: datetime) -> None:
    """Write down how much of a payment is refunded; that is a change of the payment, too."""
    payment.updated_at = now
    payment.save(update_fields=("amount_refunded", "amount_refund_pending", "updated_at"))
    record_event(payment, now=now, event_type="payment.refunded")


def _money(refund: Refund) -> Money:
    return Money(refund.amount, refund.currency)
