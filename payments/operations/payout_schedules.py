"""Payouts that nobody asks for: by a schedule, all that is available, once a day at most."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from payments.lifecycles import Mode, PayoutInterval
from payments.models.payouts import Payout, PayoutSchedule
from payments.models.processor import ProcessorCall
from payments.operations.balances import lock_available
from payments.operations.callers import Caller
from payments.operations.outcomes import settle_call
from payments.operations.payouts import open_payout
from payments.operations.processor_calls import send_call
from payments.operations.routing import payout_connector
from payments.public_ids import new_uuid

logger = logging.getLogger(__name__)

BATCH_MAX: Final = 500


def pay_out_scheduled(*, now: datetime) -> int:
    """Pay out by every schedule that is due on the UTC day of `now` and was not followed that day; return how many.

    Where less than a schedule's minimum is available, nothing is paid out, and the next run that day looks again.
    A process that dies after a payout is written down has not lost it: its call is asked about as a lost one.
    """
    day = now.astimezone(UTC).date()
    return sum(_follow(schedule, day, now=now) for schedule in _each_due(day))


def _each_due(day: date) -> Iterator[PayoutSchedule]:
    last_id = 0
    while batch := list(_due(day).filter(pk__gt=last_id).order_by("pk")[:BATCH_MAX]):
        yield from batch
        last_id = batch[-1].pk


def _due(day: date) -> QuerySet[PayoutSchedule]:
    followed = Payout.objects.filter(
        merchant=OuterRef("merchant"), mode=OuterRef("mode"), currency=OuterRef("currency"), scheduled_for=day
    )
    return PayoutSchedule.objects.filter(
        ~Exists(followed),
        Q(interval=PayoutInterval.DAILY) | Q(interval=PayoutInterval.WEEKLY, weekday=day.weekday()),
    )


def _follow(schedule: PayoutSchedule, day: date, *, now: datetime) -> bool:
    try:
        call = _open(schedule, day, now=now)
        if call is None:
            return False
        outcome, answered_at = send_call(call, sent_before=False, now=now)
        with transaction.atomic(durable=True):
            settle_call(call, outcome, now=answered_at)
        return True
    except Exception:  # pylint: disable=broad-exception-caught
        # One merchant's trouble is not the next one's; the next run tries again what was not written down.
        logger.exception("payout schedule %s (%s) was not followed", schedule.pk, schedule)
        return False


def _open(schedule: PayoutSchedule, day: date, *, now: datetime) -> ProcessorCall | None:
    """Write down the payout of a schedule, as it stands now; None, where there is nothing to pay out."""
    caller = Caller(schedule.merchant_id, Mode(schedule.mode))
    with transaction.atomic(durable=True):
        available = lock_available(caller=caller, currency=schedule.currency)
        # Read again under the lock: another worker may have followed it, or somebody changed it.
        due = _due(day).filter(pk=schedule.pk).first()
        if due is None or available < due.minimum_amount:
            return None
        _, call = open_payout(
            caller=caller,
            call_id=new_uuid(),
            amount=available,
            currency=due.currency,
            destination=due.destination,
            connector=payout_connector(caller=caller, now=now),
            scheduled_for=day,
            now=now,
        )
        return call
