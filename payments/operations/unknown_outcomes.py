"""Doubt: calls of which nobody knows whether the processor acted. It is asked until it says.

A call in doubt is never repeated and never given to another processor; only the processor's word ends it.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from payments.connectors.base import ActionRequired, Outcome, Submitted, Unknown
from payments.lifecycles import OPEN_CALL_STATUSES, CallStatus
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import DiscrepancyKind
from payments.operations.discrepancies import about_call, open_discrepancy
from payments.operations.idempotency import take_lease
from payments.operations.outcomes import settle_call
from payments.operations.processor_calls import DELAYS, ask_later, ask_when_over, query_call

# A call without an answer whose process has died. A retry by the merchant comes sooner, and does better.
LOST_AFTER: Final = timedelta(minutes=10)
BATCH_MAX: Final = 500


def ask_again(*, call_id: UUID, attempt: int, now: datetime) -> None:
    """Ask the processor what became of a call, and apply its word; where it cannot say, ask later."""
    call = ProcessorCall.objects.get(pk=call_id)
    if call.status not in OPEN_CALL_STATUSES:
        return
    outcome: Outcome = query_call(call, now=now)
    with transaction.atomic(durable=True):
        if _tells_more(call, outcome):
            settle_call(call, outcome, now=now)
        elif isinstance(outcome, ActionRequired) and outcome.expires_at > now:
            ask_when_over(call, outcome)
        elif attempt + 1 < len(DELAYS):
            ask_later(call, attempt=attempt + 1, now=now)
        else:
            open_discrepancy(
                DiscrepancyKind.UNRESOLVED_DOUBT,
                call.public_id,
                detail=f"asked {attempt + 1} times what became of this {call.kind}, the processor could not say",
                amount=call.amount,
                now=now,
                **about_call(call),
            )


def _tells_more(call: ProcessorCall, outcome: Outcome) -> bool:
    """Tell whether an outcome says more than the call's row does."""
    match outcome:
        case Unknown() | Submitted():
            return call.status == CallStatus.CREATED
        case ActionRequired():
            return call.status != CallStatus.ACTION_REQUIRED
        case _:
            return True


def find_lost_calls(*, now: datetime) -> int:
    """Ask about every call whose process died before an answer; return how many there were.

    "Never received" must stay true once it is said, so no retry may be sending the call at the same time.
    """
    lost = ProcessorCall.objects.filter(status=CallStatus.CREATED, created_at__lte=now - LOST_AFTER)
    taken = [call for call in lost.order_by("created_at", "id")[:BATCH_MAX] if take_lease(call, now=now)]
    for call in taken:
        ask_again(call_id=call.pk, attempt=0, now=now)
    return len(taken)
