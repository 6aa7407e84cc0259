"""The processors' news in tests: delivered and applied as the worker does it, at a moment of the test's choice."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from payments.connectors.base import Notice
from payments.models import ProcessorEvent
from payments.operations.news import Origin
from payments.operations.processor_events import apply_event, collect_news, store_news
from payments.public_ids import new_uuid


def deliver(*, after: timedelta = timedelta(seconds=1)) -> int:
    """Fetch the news that is due so long from now, and apply all that waits, oldest first."""
    now = timezone.now() + after
    new = collect_news(now=now)
    for event in ProcessorEvent.objects.filter(status="received").order_by("id"):
        apply_event(event_id=event.pk, attempt=0, now=now)
    return new


def tell(
    news_type: str, reference: str, data: dict[str, Any], *, occurred_at: datetime | None = None
) -> ProcessorEvent:
    """Bring a piece of the sandbox's news that it has not sent, apply it, and return what came of it."""
    moment = occurred_at or datetime.now(UTC)
    event_id = f"sbe_{new_uuid()}"
    payload = {"id": event_id, "type": news_type, "object": reference, "occurred_at": moment.isoformat(), "data": data}
    store_news(Origin("sandbox"), [Notice(event_id, news_type, reference, moment, payload)], now=moment)
    event = ProcessorEvent.objects.get(event_id=event_id)
    apply_event(event_id=event.pk, attempt=0, now=moment)
    event.refresh_from_db()
    return event


def days_pass(days: float, *, since: datetime | None = None) -> None:
    """Fetch all that the processor has to say by so many days from `since` (now), and apply it in its order."""
    later = (since or timezone.now()) + timedelta(days=days)
    collect_news(now=later)
    for event in ProcessorEvent.objects.filter(status="received").order_by("occurred_at", "id"):
        apply_event(event_id=event.pk, attempt=0, now=later)
