"""Disputes at the sandbox: opened by the card `pm_card_disputed`, argued about in texts that say how they end."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, Sum

from payments.connectors.base import AcceptDisputeRequest, Declined, EvidenceRequest, Succeeded
from payments.connectors.sandbox.notices import announce, days, withdraw
from payments.connectors.sandbox.requests import Done
from payments.connectors.sandbox.settlement import record_movement
from payments.models.reconciliation import SettlementKind
from payments.models.sandbox import SandboxCharge, SandboxDispute
from payments.money import Money
from payments.public_ids import encode, new_uuid

# What a dispute costs, in minor units of its currency whatever that is: 15.00 EUR, 1500 JPY, 1.500 KWD, 0.1500 CLF.
DISPUTE_FEE: Final = 1500
EVIDENCE_DAYS: Final = 7
REVIEW_DAYS: Final = 1

# Evidence with this text wins; any other, `losing_evidence` too, loses.
WINNING_EVIDENCE: Final = "winning_evidence"
# The answer to evidence with this text is lost on its way; the evidence is taken in.
UNANSWERED_EVIDENCE: Final = "unanswered_evidence"

# News is in the order of what happened: the dispute comes after the capture.
_AFTER_THE_CAPTURE: Final = timedelta(milliseconds=1)

_TOO_LATE: Final = Declined("dispute_closed", None, "The dispute is decided.")
_ANSWERED: Final = Declined("dispute_under_review", None, "Evidence was submitted before, and is under review.")


def open_dispute(charge: SandboxCharge, amount: Money, *, now: datetime) -> None:
    """Dispute an amount of a charge; where nobody answers, it is lost when evidence falls due."""
    opened_at = now + _AFTER_THE_CAPTURE
    due_at = opened_at + days(EVIDENCE_DAYS)
    reference = encode("sbd", new_uuid())
    data = {
        "charge": charge.reference,
        "amount": amount.amount,
        "currency": amount.currency,
        "fee": DISPUTE_FEE,
        "reason": "fraudulent",
        "evidence_due_at": due_at.isoformat(),
    }
    announce("dispute.opened", reference, data, now=opened_at, deliver_at=(now,))
    taken = Money(-(amount.amount + DISPUTE_FEE), amount.currency)
    record_movement(SettlementKind.DISPUTE, reference, taken, at=opened_at)
    SandboxDispute.objects.create(
        reference=reference,
        charge_reference=charge.reference,
        currency=amount.currency,
        amount=amount.amount,
        fee=DISPUTE_FEE,
        opened_at=opened_at,
        evidence_due_at=due_at,
        won=False,
        closed_at=due_at,
        expiry_event_id=_announce_end(reference, won=False, at=due_at),
    )


def amount_held(charge_reference: str, *, now: datetime) -> int:
    """Return how much of a charge is disputed or lost, and cannot be refunded: all but what was won."""
    disputes = SandboxDispute.objects.filter(charge_reference=charge_reference)
    held = disputes.exclude(Q(won=True, closed_at__lte=now)).aggregate(total=Sum("amount"))["total"]
    return int(held or 0)


def submit_evidence(request: EvidenceRequest) -> Done:
    """Take evidence in, which is under review for a day; after the end, or a second time, it is declined."""
    dispute = _locked(request.dispute_reference)
    refusal = _refusal(dispute, now=request.now)
    if refusal is not None:
        return Done(refusal)
    withdraw(dispute.expiry_event_id)
    won = any(WINNING_EVIDENCE in text for text in request.evidence.values())
    closed_at = request.now + days(REVIEW_DAYS)
    _announce_end(dispute.reference, won=won, at=closed_at)
    _answer(dispute, won=won, closed_at=closed_at, now=request.now)
    if won:
        given_back = Money(dispute.amount + dispute.fee, dispute.currency)
        record_movement(SettlementKind.DISPUTE_WON, dispute.reference, given_back, at=closed_at)
    return Done(Succeeded(encode("sbv", new_uuid())))


def accept(request: AcceptDisputeRequest) -> Done:
    """End a dispute as lost. This is the last word: no news follows."""
    dispute = _locked(request.dispute_reference)
    refusal = _refusal(dispute, now=request.now)
    if refusal is not None:
        return Done(refusal)
    withdraw(dispute.expiry_event_id)
    _answer(dispute, won=False, closed_at=request.now, now=request.now)
    return Done(Succeeded(encode("sbv", new_uuid())))


def loses_answer(request: EvidenceRequest) -> bool:
    """Tell whether the evidence asks for its answer to be lost."""
    return any(UNANSWERED_EVIDENCE in text for text in request.evidence.values())


def _announce_end(reference: str, *, won: bool, at: datetime) -> str:
    return announce("dispute.closed", reference, {"won": won}, now=at)


def _refusal(dispute: SandboxDispute, *, now: datetime) -> Declined | None:
    if dispute.closed_at <= now:
        return _TOO_LATE
    return _ANSWERED if dispute.responded_at is not None else None


def _answer(dispute: SandboxDispute, *, won: bool, closed_at: datetime, now: datetime) -> None:
    dispute.won, dispute.closed_at, dispute.responded_at = won, closed_at, now
    dispute.save(update_fields=["won", "closed_at", "responded_at"])


def _locked(reference: str) -> SandboxDispute:
    return SandboxDispute.objects.select_for_update().get(reference=reference)
