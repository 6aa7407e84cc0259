"""A processor's news: stored first, once, and applied later.

Whatever order it arrives in, and however often: a terminal state is never rewritten, older news never overtakes
newer, and what cannot be true beside our books opens a discrepancy.
"""

import logging
from datetime import datetime, timedelta
from typing import Final, assert_never
from uuid import UUID

from django.db import transaction

from payments.connectors.base import (
    CallAnswered,
    DisputeClosed,
    DisputeOpened,
    News,
    Notice,
    PayoutReturned,
    RefundReturned,
    Submitted,
    Succeeded,
)
from payments.connectors.registry import Source, source_of, sources
from payments.lifecycles import OPEN_CALL_STATUSES, CallStatus, ProcessorEventStatus, RefundStatus
from payments.models.processor import ProcessorCall
from payments.models.processor_events import NewsReplay, ProcessorEvent
from payments.models.reconciliation import DiscrepancyKind
from payments.models.refunds import Refund
from payments.operations.discrepancies import about_call, clear_discrepancy, open_discrepancy
from payments.operations.dispute_outcomes import close_dispute, open_dispute
from payments.operations.jobs import defer
from payments.operations.news import Applied, Contradicted, Ignored, NotYet, Origin, Result
from payments.operations.outcomes import contradicts, lock_subject, settle_call
from payments.operations.payouts import return_payout
from payments.operations.processor_calls import void_under_way
from payments.operations.refund_outcomes import take_back
from payments.public_ids import decode
from payments.staff_errors import NewsApplied

logger = logging.getLogger(__name__)

BATCH_MAX: Final = 500

# When news is tried again whose object is not there yet: after that long each time, and then it is a discrepancy.
DELAYS: Final = (
    *(timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)),
    *[timedelta(days=1)] * 3,
)


def collect_news(*, now: datetime) -> int:
    """Fetch every connector's news and store it, to be applied; return how many pieces were new.

    What one source raises keeps none of the others back, and is raised in the end.
    """
    stored = 0
    failures: list[Exception] = []
    for source in sources():
        try:
            stored += _collect(source, now=now)
        except Exception as error:  # pylint: disable=broad-exception-caught
            logger.exception("the news of %s cannot be fetched", source.label)
            failures.append(error)
    if failures:
        raise failures[0]
    return stored


def _collect(source: Source, *, now: datetime) -> int:
    connector = source.connector
    notices = connector.due_notices(now=now, limit=BATCH_MAX)
    stored = store_news(Origin(source.name, source.account), notices, now=now)
    connector.acknowledge(notices, now=now)
    return stored


def store_news(origin: Origin, notices: list[Notice], *, now: datetime) -> int:
    """Keep each piece of news once, whatever the processor sends twice, and have it applied; return the new ones."""
    rows = [
        ProcessorEvent(
            connector=origin.connector,
            account=origin.account,
            event_id=notice.event_id,
            type=notice.type,
            object_reference=notice.object_reference,
            payload=notice.payload,
            occurred_at=notice.occurred_at,
            received_at=now,
            status=ProcessorEventStatus.RECEIVED,
        )
        for notice in notices
    ]
    with transaction.atomic(durable=True):
        ProcessorEvent.objects.bulk_create(rows, ignore_conflicts=True)
        new = ProcessorEvent.objects.filter(pk__in=[row.pk for row in rows]).order_by("occurred_at", "id")
        for row in new:
            defer("apply_processor_event", at=now, event_id=str(row.pk), attempt=0)
        return len(new)


def apply_event(*, event_id: UUID, attempt: int, now: datetime) -> None:
    """Apply one piece of stored news, once; `attempt` counts from 0."""
    with transaction.atomic(durable=True):
        event = _locked(event_id)
        if event.status != ProcessorEventStatus.RECEIVED:
            return
        result = _result_of(event, now=now)
        if isinstance(result, NotYet) and attempt < len(DELAYS):
            ProcessorEvent.objects.filter(pk=event.pk).update(detail=result.detail)
            defer("apply_processor_event", at=now + DELAYS[attempt], event_id=str(event.pk), attempt=attempt + 1)
            return
        _close(event, result, now=now)


def replay_event(*, event_id: UUID, by: str, reason: str, now: datetime) -> NewsReplay:
    """Apply a piece of news once more that was not applied, for one of the staff, and return what came of it.

    The rules are those of the first time: older news never overtakes newer, and an end is never rewritten. What is
    applied now, or known already, resolves the discrepancy that it had opened.

    Raises:
        NewsApplied: there is nothing to apply any more.
    """
    with transaction.atomic(durable=True):
        event = _locked(event_id)
        if event.status == ProcessorEventStatus.APPLIED:
            raise NewsApplied(f"{event.public_id} is applied already.")
        before, detail_before = event.status, event.detail
        result = _result_of(event, now=now)
        if isinstance(result, NotYet) and event.status == ProcessorEventStatus.RECEIVED:
            # Its own turn still comes.
            ProcessorEvent.objects.filter(pk=event.pk).update(detail=result.detail)
        else:
            _close(event, result, now=now)
        if isinstance(result, Applied | Ignored):
            for kind in (DiscrepancyKind.UNKNOWN_OBJECT, DiscrepancyKind.CONTRADICTORY_NEWS):
                clear_discrepancy(kind, event.public_id, resolution=f"Applied again by {by}: {reason}", now=now)
        event.refresh_from_db()
        return NewsReplay.objects.create(
            event=event,
            by=by,
            reason=reason,
            status_before=before,
            detail_before=detail_before,
            status_after=event.status,
            detail_after=event.detail,
            created_at=now,
        )


def _locked(event_id: UUID) -> ProcessorEvent:
    return ProcessorEvent.objects.select_for_update(of=("self",)).select_related("account").get(pk=event_id)


def _result_of(event: ProcessorEvent, *, now: datetime) -> Result:
    newer = ProcessorEvent.objects.filter(
        connector=event.connector,
        account=event.account,
        object_reference=event.object_reference,
        occurred_at__gt=event.occurred_at,
        status=ProcessorEventStatus.APPLIED,
    ).first()
    if newer is not None:
        return Ignored(f"older than {newer.public_id}, which is applied")
    try:
        news = source_of(event.connector, event.account).connector.read(event.payload)
    except ValueError as error:
        return Ignored(str(error))
    return _apply(news, origin=Origin(event.connector, event.account), now=now)


def _apply(news: News, *, origin: Origin, now: datetime) -> Result:
    match news:
        case CallAnswered():
            return _answer(news, origin=origin, now=now)
        case RefundReturned():
            return _return_refund(news, origin=origin, now=now)
        case DisputeOpened():
            return open_dispute(news=news, origin=origin, now=now)
        case DisputeClosed():
            return close_dispute(news=news, origin=origin, now=now)
        case PayoutReturned():
            return return_payout(news=news, origin=origin, now=now)
        case _:
            assert_never(news)


def _close(event: ProcessorEvent, result: Result, *, now: datetime) -> None:
    detail = None
    match result:
        case Applied():
            status = ProcessorEventStatus.APPLIED
        case Ignored():
            status, detail = ProcessorEventStatus.IGNORED, result.detail
        case NotYet():
            status, detail = ProcessorEventStatus.CONTRADICTED, result.detail
            open_discrepancy(
                DiscrepancyKind.UNKNOWN_OBJECT, event.public_id, detail=detail, processor_event=event, now=now
            )
        case Contradicted():
            status, detail = ProcessorEventStatus.CONTRADICTED, result.detail
            open_discrepancy(
                DiscrepancyKind.CONTRADICTORY_NEWS,
                event.public_id,
                detail=detail,
                amount=result.amount,
                processor_event=event,
                now=now,
                **result.about,
            )
        case _:
            assert_never(result)
    # Staff may have it applied again; it was settled the first time.
    settled_at = event.settled_at or now
    ProcessorEvent.objects.filter(pk=event.pk).update(status=status, detail=detail, settled_at=settled_at)


def _answer(news: CallAnswered, *, origin: Origin, now: datetime) -> Result:
    """Settle the call that the news is about, as its own answer would have."""
    call = _call_named(origin, news.idempotency_key)
    if call is None:
        return NotYet(f"no call of ours has the key {news.idempotency_key!r}")
    lock_subject(call)
    call.refresh_from_db()
    if isinstance(news.outcome, Submitted):
        return Ignored(f"{call.public_id} is {call.status}: that it was accepted is no news")
    if call.status == CallStatus.ACTION_REQUIRED and void_under_way(call).exists():
        return NotYet(f"{call.public_id} is to be given up: the answer to that comes first")
    if call.status in OPEN_CALL_STATUSES:
        settle_call(call, news.outcome, now=now)
        return Applied()
    if not contradicts(call, news.outcome):
        return Ignored(f"{call.public_id} is {call.status} already")
    return Contradicted(
        f"the processor says {type(news.outcome).__name__.lower()} of {call.public_id},"
        f" which is {call.status} with us",
        amount=call.amount if isinstance(news.outcome, Succeeded) else -call.amount,
        about=about_call(call),
    )


def _return_refund(news: RefundReturned, *, origin: Origin, now: datetime) -> Result:
    call = ProcessorCall.objects.filter(
        **origin.owned, processor_reference=news.processor_reference, kind="refund"
    ).first()
    if call is None:
        return NotYet(f"no refund of ours is {news.processor_reference!r} at the processor")
    refund = lock_subject(call)
    assert isinstance(refund, Refund)
    match RefundStatus(refund.status):
        case RefundStatus.SUCCEEDED:
            take_back(refund, call, message=news.message, now=now)
            return Applied()
        case RefundStatus.FAILED:
            return Ignored(f"{refund.public_id} is failed already")
        case _:
            return NotYet(f"{refund.public_id} is {refund.status}: that it succeeded is not known yet")


def _call_named(origin: Origin, idempotency_key: str) -> ProcessorCall | None:
    """Return the call whose key the processor names; None, where it is no key of ours."""
    try:
        call_id = decode(ProcessorCall.PREFIX, idempotency_key)
    except ValueError:
        return None
    return ProcessorCall.objects.select_related("payment", "dispute").filter(**origin.owned, pk=call_id).first()
