"""What a processor's word about a payout changes."""

from datetime import datetime

from payments.connectors.base import ActionRequired, Declined, NotSent, Outcome, Submitted, Succeeded, Unknown
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import PAYOUT, PayoutStatus
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.money import Money
from payments.operations.events import record_event
from payments.operations.processor_calls import failure_of, returned_failure
from payments.payout_errors import PayoutDeclined


def apply_to_payout(payout: Payout, call: ProcessorCall, outcome: Outcome, *, now: datetime) -> None:
    """Take a payout to where the outcome leaves it."""
    payout.processor_reference = call.processor_reference or payout.processor_reference
    match outcome:
        case ActionRequired():
            raise AssertionError("a payout needs nothing of a payer")
        case Submitted():
            _move(payout, PayoutStatus.SUBMITTED, now=now)
        case Succeeded():
            payout.last_error = None
            post(recipes.payout_paid(amount=_money(payout)), cause=payout, effective_at=now)
            _move(payout, PayoutStatus.SUCCEEDED, now=now)
        case Declined() | NotSent():
            payout.last_error = failure_of(call)
            post(recipes.payout_released(amount=_money(payout)), cause=payout, effective_at=now)
            _move(payout, PayoutStatus.FAILED, now=now)
        case Unknown():
            _move(payout, PayoutStatus.UNKNOWN, now=now)


def take_back(payout: Payout, *, message: str, now: datetime) -> None:
    """A payout that was paid came back: the cash is here again, and the merchant is owed it again."""
    payout.last_error = returned_failure(PayoutDeclined, message)
    post(recipes.payout_returned(amount=_money(payout)), cause=payout, effective_at=now)
    _move(payout, PayoutStatus.FAILED, now=now)


def _move(payout: Payout, status: PayoutStatus, *, now: datetime) -> None:
    """Take a payout to another status, write it to the database and record the event."""
    assert PAYOUT.allows(payout.status, status), f"{payout} is {payout.status}, which does not go to {status}"
    payout.status = status
    payout.updated_at = now
    payout.save(update_fields=("status", "processor_reference", "last_error", "updated_at"))
    record_event(payout, now=now)


def _money(payout: Payout) -> Money:
    return Money(payout.amount, payout.currency)
