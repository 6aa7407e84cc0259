"""What merchants do with payouts: have what is available sent to their bank, and see where it is."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from payments.connectors.base import Declined, PayoutReturned
from payments.errors import NotFound
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import PayoutStatus
from payments.models.payouts import Payout, PayoutSchedule
from payments.models.processor import ProcessorCall
from payments.money import Money
from payments.operations.balances import lock_available
from payments.operations.callers import Answer, Caller, IdempotentRequest
from payments.operations.events import record_event
from payments.operations.news import Applied, Ignored, NotYet, Origin, Result
from payments.operations.outcomes import lock_subject, settle_call
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.payout_outcomes import take_back
from payments.operations.processor_calls import open_payout_call
from payments.operations.routing import payout_connector
from payments.operations.steps import carry_out
from payments.payout_errors import AmountExceedsAvailable, DestinationMissing
from payments.public_ids import encode


def create_payout(
    *,
    request: IdempotentRequest,
    amount: int | None,
    currency: str,
    destination: str | None,
    description: str | None,
    metadata: dict[str, str],
    now: datetime,
) -> Answer:
    """Pay out `amount` minor units (all that is available, where it is None) to `destination` (the schedule's).

    Raises:
        NoProcessorAvailable, ProcessorUnreachable: nothing pays out in this mode, or it does not answer.
        DestinationMissing: none is given, and no schedule has one.
        AmountExceedsAvailable: less than `amount`, or nothing, is available.
    """
    caller = request.caller

    def begin(call_id: UUID) -> tuple[Payout, ProcessorCall]:
        connector = payout_connector(caller=caller, now=now)
        to = destination or _destination_of_schedule(caller, currency)
        available = lock_available(caller=caller, currency=currency)
        return open_payout(
            caller=caller,
            call_id=call_id,
            amount=_within(available, amount, currency),
            currency=currency,
            destination=to,
            connector=connector,
            description=description,
            metadata=metadata,
            now=now,
        )

    return carry_out(request, begin, success_status=201, now=now)


def open_payout(
    *,
    caller: Caller,
    call_id: UUID,
    amount: int,
    currency: str,
    destination: str,
    connector: str,
    now: datetime,
    scheduled_for: date | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> tuple[Payout, ProcessorCall]:
    """Write down a payout of what `lock_available` found, in the same transaction, and the call that will make it."""
    payout = Payout.objects.create(
        **caller.owned,
        currency=currency,
        status=PayoutStatus.PENDING,
        amount=amount,
        destination=destination,
        connector=connector,
        scheduled_for=scheduled_for,
        description=description,
        metadata=metadata or {},
        created_at=now,
        updated_at=now,
    )
    record_event(payout, now=now, created=True)
    post(recipes.payout_created(amount=Money(amount, currency)), cause=payout, effective_at=now)
    return payout, open_payout_call(call_id=call_id, payout=payout, now=now)


def get_payout(*, caller: Caller, payout_id: UUID) -> Payout:
    """Return one payout of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    payout = Payout.objects.filter(**caller.owned, pk=payout_id).first()
    if payout is None:
        raise NotFound(f"There is no payout {encode(Payout.PREFIX, payout_id)}.")
    return payout


def list_payouts(*, caller: Caller, page: Page, filters: dict[str, Any]) -> Slice[Payout]:
    """Return a page of the caller's payouts, newest first; `filters` are look-ups on `Payout`."""
    return slice_of(Payout.objects.filter(**caller.owned, **filters), page)


def return_payout(*, news: PayoutReturned, origin: Origin, now: datetime) -> Result:
    """Apply the news that a bank sent a payout back, in the caller's transaction."""
    call = ProcessorCall.objects.filter(
        **origin.owned, processor_reference=news.processor_reference, kind="payout"
    ).first()
    if call is None:
        return NotYet(f"no payout of ours is {news.processor_reference!r} at the processor")
    payout = lock_subject(call)
    assert isinstance(payout, Payout)
    match PayoutStatus(payout.status):
        case PayoutStatus.SUCCEEDED:
            take_back(payout, message=news.message, now=now)
            return Applied()
        case PayoutStatus.SUBMITTED:
            # It came back before we were told that it was paid: to us it never was.
            returned = Declined("returned", None, news.message, processor_reference=news.processor_reference)
            settle_call(call, returned, now=now)
            return Applied()
        case PayoutStatus.FAILED:
            return Ignored(f"{payout.public_id} is failed already")
        case PayoutStatus.PENDING | PayoutStatus.UNKNOWN:
            return NotYet(f"{payout.public_id} is {payout.status}: that it was paid is not known yet")


def _destination_of_schedule(caller: Caller, currency: str) -> str:
    schedule = PayoutSchedule.objects.filter(**caller.owned, currency=currency).first()
    if schedule is None:
        raise DestinationMissing(
            f"No payout schedule says where {currency} goes: send a destination.", param="destination"
        )
    return schedule.destination


def _within(available: int, amount: int | None, currency: str) -> int:
    wanted = available if amount is None else amount
    if wanted > available or wanted <= 0:
        raise AmountExceedsAvailable(
            f"{available} {currency} (minor units) is available for a payout"
            f"{'.' if amount is None else f', and {amount} is more than that.'}",
            param="amount",
            amount_available=available,
        )
    return wanted
