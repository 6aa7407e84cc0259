"""Payouts at the sandbox: the destination decides what becomes of one, and when."""

from datetime import datetime
from typing import Final

from payments.connectors.base import Declined, NotSent, Outcome, PayoutRequest, Submitted, Succeeded, Unknown
from payments.connectors.sandbox.notices import announce, days
from payments.connectors.sandbox.requests import Answer, Done, as_document, once
from payments.models.sandbox import SandboxPayout
from payments.public_ids import encode, new_uuid

# Accepted, and paid a day later; the second one comes back two days after that.
ACCEPTED_DESTINATION: Final = "ba_sandbox"
BOUNCING_DESTINATION: Final = "ba_sandbox_bounces"
INSTANT_DESTINATION: Final = "ba_sandbox_instant"
# Paid at once, and the answer is lost; or the request is lost on its way there; or it never leaves.
TIMEOUT_AFTER_DESTINATION: Final = "ba_fault_timeout_after"
TIMEOUT_BEFORE_DESTINATION: Final = "ba_fault_timeout_before"
UNREACHABLE_DESTINATION: Final = "ba_fault_unreachable"

_DAYS_UNTIL_PAID: Final = {
    ACCEPTED_DESTINATION: 1,
    BOUNCING_DESTINATION: 1,
    INSTANT_DESTINATION: 0,
    TIMEOUT_AFTER_DESTINATION: 0,
}
_DAYS_UNTIL_RETURNED: Final = 2
_DECLINES: Final = {
    "ba_sandbox_declined": Declined("account_closed", "do_not_try_again", "The bank account is closed.")
}
_TIMEOUT: Final = Unknown("The sandbox did not answer in time.")


def pay_out(request: PayoutRequest) -> Outcome:
    """Pay out once, and lose the request or the answer where the destination asks for it."""
    if request.destination == UNREACHABLE_DESTINATION:
        return NotSent("The sandbox could not be reached: connection refused.")
    if request.destination == TIMEOUT_BEFORE_DESTINATION:
        return _TIMEOUT
    answer = once(request.idempotency_key, "payout", lambda: _accept(request), now=request.now)
    return _TIMEOUT if request.destination == TIMEOUT_AFTER_DESTINATION else answer


def as_of(now: datetime, answer: Answer) -> Answer:
    """Return what has become by now of a request that was answered so: what was in transit may be paid."""
    if not isinstance(answer, Submitted):
        return answer
    paid = SandboxPayout.objects.filter(reference=answer.processor_reference, paid_at__lte=now).exists()
    return Succeeded(answer.processor_reference) if paid else answer


def _accept(request: PayoutRequest) -> Done:
    if request.destination not in _DAYS_UNTIL_PAID:
        return Done(_DECLINES.get(request.destination) or _unknown_destination())
    reference = encode("sbp", new_uuid())
    paid_at = request.now + days(_DAYS_UNTIL_PAID[request.destination])
    SandboxPayout.objects.create(
        reference=reference,
        destination=request.destination,
        currency=request.amount.currency,
        amount=request.amount.amount,
        created_at=request.now,
        paid_at=paid_at,
    )
    if paid_at == request.now:
        return Done(Succeeded(reference))
    paid = {"idempotency_key": request.idempotency_key, "answer": as_document(Succeeded(reference))}
    announce("request.answered", reference, paid, now=paid_at)
    if request.destination == BOUNCING_DESTINATION:
        message = {"message": "The merchant's bank sent the payout back."}
        announce("payout.returned", reference, message, now=paid_at + days(_DAYS_UNTIL_RETURNED))
    return Done(Submitted(reference))


def _unknown_destination() -> Declined:
    faults = {TIMEOUT_BEFORE_DESTINATION, UNREACHABLE_DESTINATION}
    known = ", ".join(sorted(_DAYS_UNTIL_PAID.keys() | _DECLINES.keys() | faults))
    return Declined("invalid_destination", None, f"The sandbox knows no such destination. It knows {known}.")
