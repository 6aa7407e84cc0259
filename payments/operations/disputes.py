"""What merchants do with disputes: argue, give up, and see where they stand."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from payments.errors import DisputeStateConflict, NotFound
from payments.lifecycles import OPEN_CALL_STATUSES, CallKind, DisputeStatus
from payments.models.disputes import Dispute
from payments.models.processor import ProcessorCall
from payments.operations.callers import Answer, Caller, IdempotentRequest
from payments.operations.dispute_outcomes import locked, save_change
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.processor_calls import open_call
from payments.operations.representations import timestamp
from payments.operations.steps import carry_out
from payments.public_ids import encode


def submit_evidence(*, request: IdempotentRequest, dispute_id: UUID, evidence: dict[str, str], now: datetime) -> Answer:
    """Argue against a dispute with `evidence`, texts by name; it is then under review.

    Raises:
        NotFound: the dispute is not the caller's.
        DisputeStateConflict: it is answered or decided, evidence was due before, or another answer is on its way.
    """

    def begin(call_id: UUID) -> tuple[Dispute, ProcessorCall]:
        dispute = _lock_unanswered(request.caller, dispute_id, verb="submit evidence against")
        if now >= dispute.evidence_due_at:
            raise DisputeStateConflict(
                f"Evidence against dispute {dispute.public_id} was due until {timestamp(dispute.evidence_due_at)}.",
                dispute_status=str(dispute.status),
            )
        dispute.evidence = evidence
        save_change(dispute, now=now)
        return dispute, _open_call(dispute, CallKind.SUBMIT_EVIDENCE, call_id, now=now)

    return carry_out(request, begin, now=now)


def accept_dispute(*, request: IdempotentRequest, dispute_id: UUID, now: datetime) -> Answer:
    """Give a dispute up: what is held is lost.

    Raises:
        NotFound: the dispute is not the caller's.
        DisputeStateConflict: it is answered or decided, or another answer is on its way.
    """

    def begin(call_id: UUID) -> tuple[Dispute, ProcessorCall]:
        dispute = _lock_unanswered(request.caller, dispute_id, verb="accept")
        return dispute, _open_call(dispute, CallKind.ACCEPT_DISPUTE, call_id, now=now)

    return carry_out(request, begin, now=now)


def get_dispute(*, caller: Caller, dispute_id: UUID) -> Dispute:
    """Return one dispute of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    dispute = _owned(caller).filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound(f"There is no dispute {encode(Dispute.PREFIX, dispute_id)}.")
    return dispute


def list_disputes(*, caller: Caller, page: Page, filters: dict[str, Any]) -> Slice[Dispute]:
    """Return a page of the caller's disputes, newest first; `filters` are look-ups on `Dispute`."""
    return slice_of(_owned(caller).filter(**filters), page)


def _owned(caller: Caller) -> QuerySet[Dispute]:
    return Dispute.objects.filter(**caller.owned)


def _lock_unanswered(caller: Caller, dispute_id: UUID, *, verb: str) -> Dispute:
    """Return a dispute that can be answered now, with its payment locked until the transaction ends."""
    dispute = locked(get_dispute(caller=caller, dispute_id=dispute_id))
    if dispute.status != DisputeStatus.NEEDS_RESPONSE:
        raise DisputeStateConflict(
            f"Dispute {dispute.public_id} is {dispute.status}; to {verb} it, it has to be needs_response.",
            dispute_status=str(dispute.status),
        )
    under_way = ProcessorCall.objects.filter(dispute=dispute, status__in=OPEN_CALL_STATUSES).first()
    if under_way is not None:
        raise DisputeStateConflict(
            f"Dispute {dispute.public_id} is being answered ({under_way.kind}); wait for the result.",
            dispute_status=str(dispute.status),
        )
    return dispute


def _open_call(dispute: Dispute, kind: CallKind, call_id: UUID, *, now: datetime) -> ProcessorCall:
    return open_call(
        call_id=call_id,
        payment=dispute.payment,
        dispute=dispute,
        kind=kind,
        amount=dispute.amount,
        final=False,
        now=now,
    )
