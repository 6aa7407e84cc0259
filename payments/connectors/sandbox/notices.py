"""The sandbox's news: written into its own outbox with the work it tells of, and delivered at its time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from payments import conf
from payments.connectors.base import (
    CallAnswered,
    DisputeClosed,
    DisputeOpened,
    News,
    Notice,
    PayoutReturned,
    RefundReturned,
)
from payments.connectors.sandbox.methods import DUPLICATE_NEWS_METHOD, LATE_NEWS_METHOD, REORDERED_NEWS_METHOD
from payments.connectors.sandbox.requests import Answer, as_answer, as_document
from payments.models.sandbox import SandboxNotice
from payments.money import Money
from payments.public_ids import encode, new_uuid

# So much later is news that is late.
_LATE_DAYS: Final = 0.25


def announce(
    news_type: str,
    object_reference: str,
    data: dict[str, Any],
    *,
    now: datetime,
    deliver_at: Sequence[datetime] | None = None,
) -> str:
    """Write news down, to be delivered once at each moment of `deliver_at` (as soon as possible, if not given).

    Return its id.
    """
    event_id = encode("sbe", new_uuid())
    payload = {
        "id": event_id,
        "type": news_type,
        "object": object_reference,
        "occurred_at": now.isoformat(),
        "data": data,
    }
    SandboxNotice.objects.bulk_create(
        SandboxNotice(event_id=event_id, payload=payload, deliver_at=moment) for moment in deliver_at or (now,)
    )
    return event_id


def withdraw(event_id: str) -> None:
    """Never deliver news that was not delivered yet."""
    SandboxNotice.objects.filter(event_id=event_id, delivered_at__isnull=True).delete()


def announce_answer(idempotency_key: str, reference: str, answer: Answer, method: str, *, now: datetime) -> None:
    """Tell what became of a request that was only accepted at first; the payment method decides how it arrives."""
    data = {"idempotency_key": idempotency_key, "answer": as_document(answer)}
    if method == DUPLICATE_NEWS_METHOD:
        announce("request.answered", reference, data, now=now, deliver_at=(now, now))
    elif method == LATE_NEWS_METHOD:
        announce("request.answered", reference, data, now=now, deliver_at=(now + days(_LATE_DAYS),))
    elif method == REORDERED_NEWS_METHOD:
        accepted = {
            "idempotency_key": idempotency_key,
            "answer": {"outcome": "Submitted", "processor_reference": reference},
        }
        later = now + timedelta(milliseconds=1)
        announce("request.answered", reference, data, now=later, deliver_at=(now,))
        announce("request.accepted", reference, accepted, now=now, deliver_at=(later,))


def days(number: float) -> timedelta:
    """Return the sandbox's days as time: they can be made short, so that a developer sees what takes days."""
    return timedelta(seconds=number * conf.sandbox_day_seconds())


def due_notices(*, now: datetime, limit: int) -> list[Notice]:
    """Return the oldest news that is due and not acknowledged."""
    due = SandboxNotice.objects.filter(delivered_at__isnull=True, deliver_at__lte=now).order_by("deliver_at", "id")
    return [
        Notice(
            event_id=row.event_id,
            type=row.payload["type"],
            object_reference=row.payload["object"],
            occurred_at=datetime.fromisoformat(row.payload["occurred_at"]),
            payload=row.payload,
        )
        for row in due[:limit]
    ]


def acknowledge(notices: list[Notice], *, now: datetime) -> None:
    """Deliver these no more; what is not due yet of them still is."""
    events = [notice.event_id for notice in notices]
    SandboxNotice.objects.filter(event_id__in=events, deliver_at__lte=now, delivered_at__isnull=True).update(
        delivered_at=now
    )


def read(payload: dict[str, Any]) -> News:
    """Understand a payload.

    Raises:
        ValueError: its type is unknown.
    """
    data = payload["data"]
    match payload["type"]:
        case "request.answered" | "request.accepted":
            return CallAnswered(data["idempotency_key"], as_answer(data["answer"]))
        case "refund.returned":
            return RefundReturned(payload["object"], data["message"])
        case "dispute.opened":
            return DisputeOpened(
                processor_reference=payload["object"],
                charge_reference=data["charge"],
                amount=Money(data["amount"], data["currency"]),
                fee=data["fee"],
                reason=data["reason"],
                evidence_due_at=datetime.fromisoformat(data["evidence_due_at"]),
            )
        case "dispute.closed":
            return DisputeClosed(payload["object"], won=data["won"])
        case "payout.returned":
            return PayoutReturned(payload["object"], data["message"])
        case unknown:
            raise ValueError(f"the sandbox sends no news of type {unknown!r}")
