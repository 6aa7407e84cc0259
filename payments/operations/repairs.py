"""Repairs: what people decide where the processor cannot say. One proposes, another approves; a reason is required.

A repair never writes to the ledger by itself: an answer to a call takes effect as the processor's own would, and a
write-off is a journal entry like any other.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction

from payments.connectors.base import Declined, Succeeded
from payments.ledger import recipes
from payments.ledger.posting import post_for
from payments.lifecycles import CallKind, CallStatus, DiscrepancyStatus, Mode, RepairStatus
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import Discrepancy, DiscrepancyKind, Repair, RepairAction
from payments.money import Money
from payments.operations.discrepancies import DETAIL_MAX, close
from payments.operations.outcomes import lock_subject, settle_call
from payments.staff_errors import RepairRefused

# Calls that may be answered by people: the processor was asked, or has promised an answer that did not come.
REPAIRABLE: Final = (CallStatus.UNKNOWN, CallStatus.SUBMITTED)
# Discrepancies whose amount stands in psp_receivable, where nobody will ever pay it.
WRITTEN_OFF: Final = (DiscrepancyKind.WRONG_AMOUNT, DiscrepancyKind.NOT_SETTLED)


def propose_answer(
    *, call_id: UUID, action: RepairAction, processor_reference: str | None, reason: str, by: str, now: datetime
) -> Repair:
    """Propose what became of a call in doubt, as the processor's people or books have told.

    Raises:
        RepairRefused: the call is not in doubt, a repair of it is proposed already, the reason is missing, or a
            success has no reference.
    """
    call = ProcessorCall.objects.get(pk=call_id)
    _require_doubt(call)
    reference = (processor_reference or "").strip() or None
    if action is RepairAction.SUCCEEDED and call.kind != CallKind.VOID and reference is None:
        raise RepairRefused("Give the processor's reference of what it did: later steps need it.", param="reference")
    return _propose(
        processor_call=call, action=action, processor_reference=reference, reason=reason, proposed_by=by, created_at=now
    )


def propose_write_off(*, discrepancy_id: UUID, reason: str, by: str, now: datetime) -> Repair:
    """Propose to bear the amount of a discrepancy ourselves.

    Raises:
        RepairRefused: it is resolved, of a kind that nothing is written off of, or a repair is proposed already.
    """
    discrepancy = Discrepancy.objects.get(pk=discrepancy_id)
    _require_write_off(discrepancy)
    return _propose(
        discrepancy=discrepancy, action=RepairAction.WRITE_OFF, reason=reason, proposed_by=by, created_at=now
    )


def approve_repair(*, repair_id: UUID, by: str, now: datetime) -> Repair:
    """Carry a repair out; `by` has to be another person than the one who proposed it.

    Raises:
        RepairRefused: it is decided, proposed by the same person, or what it is about is settled meanwhile.
    """
    with transaction.atomic(durable=True):
        repair = _lock_proposed(repair_id)
        if repair.proposed_by == by:
            raise RepairRefused("You proposed this repair: another person has to approve it.")
        if repair.processor_call is not None:
            _answer(repair, repair.processor_call, now=now)
        elif repair.discrepancy_id is not None:
            _write_off(repair, repair.discrepancy_id, by, now=now)
        return _decide(repair, RepairStatus.APPROVED, by, now=now)


def reject_repair(*, repair_id: UUID, by: str, now: datetime) -> Repair:
    """Turn a repair down, or take one's own back: nothing changes.

    Raises:
        RepairRefused: it is decided already.
    """
    with transaction.atomic(durable=True):
        return _decide(_lock_proposed(repair_id), RepairStatus.REJECTED, by, now=now)


def _propose(**columns: Any) -> Repair:
    reason = columns["reason"].strip()
    if not reason:
        raise RepairRefused("Say why: who told it, and where it is written.", param="reason")
    try:
        with transaction.atomic(durable=True):
            return Repair.objects.create(**columns | {"reason": reason}, status=RepairStatus.PROPOSED)
    except IntegrityError as error:
        raise RepairRefused("A repair is proposed already: approve or reject that one first.") from error


def _answer(repair: Repair, call: ProcessorCall, *, now: datetime) -> None:
    lock_subject(call)
    call.refresh_from_db()
    _require_doubt(call)
    if repair.action == RepairAction.SUCCEEDED:
        # A void has no reference of its own; it is about the authorization.
        reference = repair.processor_reference or call.processor_reference or call.public_id
        settle_call(call, Succeeded(reference), now=now)
    else:
        settle_call(call, Declined("repaired", "try_again_later", "The processor did not do it."), now=now)


def _write_off(repair: Repair, discrepancy_id: UUID, by: str, *, now: datetime) -> None:
    discrepancy = Discrepancy.objects.select_for_update().get(pk=discrepancy_id)
    _require_write_off(discrepancy)
    assert discrepancy.merchant_id and discrepancy.mode and discrepancy.currency
    post_for(
        discrepancy.merchant_id,
        Mode(discrepancy.mode),
        recipes.write_off(missing=Money(-discrepancy.amount, discrepancy.currency)),
        cause=discrepancy,
        payment_id=discrepancy.payment_id,
        effective_at=now,
    )
    resolution = f"Written off, proposed by {repair.proposed_by}, approved by {by}: {repair.reason}"
    close(discrepancy, resolution=resolution[:DETAIL_MAX], by=by, now=now)


def _lock_proposed(repair_id: UUID) -> Repair:
    # Only the repair's own row: what it is about is locked in the order that every other change takes.
    repair = Repair.objects.select_for_update(of=("self",)).select_related("processor_call").get(pk=repair_id)
    if repair.status != RepairStatus.PROPOSED:
        raise RepairRefused(f"{repair.public_id} is {repair.status} already, by {repair.decided_by}.")
    return repair


def _decide(repair: Repair, status: RepairStatus, by: str, *, now: datetime) -> Repair:
    repair.status, repair.decided_by, repair.decided_at = status, by, now
    repair.save(update_fields=("status", "decided_by", "decided_at"))
    return repair


def _require_doubt(call: ProcessorCall) -> None:
    if call.status not in REPAIRABLE:
        raise RepairRefused(f"{call.public_id} is {call.status}: it is not in doubt.")


def _require_write_off(discrepancy: Discrepancy) -> None:
    if discrepancy.status != DiscrepancyStatus.OPEN:
        raise RepairRefused(f"{discrepancy.public_id} is resolved: {discrepancy.resolution}")
    if discrepancy.kind not in WRITTEN_OFF or not discrepancy.merchant_id or not discrepancy.amount:
        raise RepairRefused(f"{discrepancy.public_id} is {discrepancy.kind}: nothing of it can be written off.")
