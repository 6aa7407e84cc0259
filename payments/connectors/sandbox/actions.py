"""What only the payer can decide, on the sandbox's own page: approve a payment or refuse it, as with 3-D Secure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Final

from django.db import transaction

from payments import conf
from payments.connectors.base import ActionRequired, AuthorizeRequest, Declined, Succeeded, VoidRequest
from payments.connectors.sandbox.charges import charge
from payments.connectors.sandbox.notices import announce, days
from payments.connectors.sandbox.requests import Answer, Done, answer_to, as_document, once
from payments.models.sandbox import SandboxAction, SandboxRequest
from payments.money import Money

_PREFIX: Final = "sba_"
# Whoever has the reference decides: 192 bits cannot be guessed.
_RANDOM_BYTES: Final = 24
# An hour of the sandbox's, and never so short that nobody could read the page.
_HOUR_DAYS: Final = 1 / 24
_SHORTEST: Final = timedelta(minutes=10)

APPROVED: Final = "approved"
REFUSED: Final = "refused"
GIVEN_UP: Final = "canceled"
EXPIRED: Final = "expired"

_CHECK_WITH_PAYER: Final = "try_again_later"
_DECLINED: Final = {
    REFUSED: Declined("authentication_failed", _CHECK_WITH_PAYER, "The payer did not approve the payment."),
    GIVEN_UP: Declined("canceled", None, "The payment was canceled before the payer had approved it."),
    EXPIRED: Declined("authentication_expired", _CHECK_WITH_PAYER, "The payer did not approve the payment in time."),
}
_TOO_LATE: Final = Declined("authentication_completed", None, "The payer has approved the payment already.")


@dataclass(frozen=True, slots=True)
class PayerAction:
    """What the page shows; `decision` is None while the payer has not decided."""

    reference: str
    idempotency_key: str
    amount: Money
    expires_at: datetime
    decision: str | None


def ask_payer(request: AuthorizeRequest) -> Done:
    """Have the payer decide, before anything is reserved."""
    reference = f"{_PREFIX}{token_urlsafe(_RANDOM_BYTES)}"
    expires_at = request.now + max(days(_HOUR_DAYS), _SHORTEST)
    SandboxAction.objects.create(
        reference=reference,
        idempotency_key=request.idempotency_key,
        payment_method=request.payment_method,
        currency=request.amount.currency,
        amount=request.amount.amount,
        captures=request.capture,
        created_at=request.now,
        expires_at=expires_at,
    )
    return Done(ActionRequired(reference, f"{conf.public_url()}/sandbox/actions/{reference}", expires_at))


def is_action(reference: str) -> bool:
    """Tell whether a reference is that of a payer's action, and not of a charge."""
    return reference.startswith(_PREFIX)


def read_action(reference: str, *, now: datetime) -> PayerAction | None:
    """Return what the payer sees; None, if there is no such page."""
    action = SandboxAction.objects.filter(reference=reference).first()
    return None if action is None else _shown(action, now=now)


def decide(reference: str, *, approved: bool, now: datetime) -> bool:
    """Take the payer's decision down; False, if it was decided before, by the payer, the merchant or the clock."""
    with transaction.atomic():
        action = _locked(reference)
        return _close(action, APPROVED if approved else REFUSED, now=now) and action.decision != EXPIRED


def answer_by_now(waiting: ActionRequired, *, now: datetime) -> Answer:
    """Return what has become of an authorization that waited: one that nobody has approved in time is over."""
    with transaction.atomic():
        action = _locked(waiting.processor_reference)
        if now >= action.expires_at:
            _close(action, EXPIRED, now=now)
        return answer_to(action.idempotency_key) or waiting


def give_up(request: VoidRequest) -> Done:
    """Take the question back: from now on nobody can approve it. Declined, if the payer has approved it already."""
    action = _locked(request.processor_reference)
    _close(action, GIVEN_UP, now=request.now)
    return Done(_TOO_LATE if action.decision == APPROVED else Succeeded(action.reference))


def _close(action: SandboxAction, decision: str, *, now: datetime) -> bool:
    """Decide a locked action, and make it the answer to its authorization; False, if it is decided already.

    The payer's own decision is refused after `expires_at`: the action is then closed as expired.
    """
    if action.decision is not None:
        return False
    if decision in (APPROVED, REFUSED) and now >= action.expires_at:
        decision = EXPIRED
    action.decision, action.decided_at = decision, now
    action.save(update_fields=["decision", "decided_at"])
    answer = _approve(action, now=now) if decision == APPROVED else _DECLINED[decision]
    SandboxRequest.objects.filter(idempotency_key=action.idempotency_key).update(answer=as_document(answer))
    announced = {"idempotency_key": action.idempotency_key, "answer": as_document(answer)}
    announce("request.answered", action.reference, announced, now=now)
    return True


def _approve(action: SandboxAction, *, now: datetime) -> Answer:
    """Charge the card, as a request of its own: the settlement report tells of the moment when money moved."""
    amount = Money(action.amount, action.currency)
    return once(
        f"{action.idempotency_key}-{APPROVED}",
        "authorize",
        lambda: charge(action.payment_method, amount, captured=action.captures, now=now),
        now=now,
    )


def _shown(action: SandboxAction, *, now: datetime) -> PayerAction:
    lapsed = action.decision is None and now >= action.expires_at
    return PayerAction(
        reference=action.reference,
        idempotency_key=action.idempotency_key,
        amount=Money(action.amount, action.currency),
        expires_at=action.expires_at,
        decision=EXPIRED if lapsed else action.decision,
    )


def _locked(reference: str) -> SandboxAction:
    return SandboxAction.objects.select_for_update().get(reference=reference)
