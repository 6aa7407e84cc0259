"""What became of webhooks, and how they are sent again: one of them, or all of a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from payments.errors import NotFound
from payments.lifecycles import WebhookDeliveryStatus
from payments.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from payments.operations.callers import Caller
from payments.operations.deliveries import LEASE
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.webhook_endpoints import get_endpoint, lock_endpoint, require_enabled
from payments.public_ids import encode

EVENTS_AT_ONCE: Final = 1_000
# Of one request: there may be more, which the next one takes.
EVENTS_MAX: Final = 10_000

# Events that were never queued for the endpoint (it did not exist yet, or was disabled) are queued now; the others go
# back into the queue. What is pending is on its way already.
_QUEUE_AGAIN: Final = """
WITH chosen AS (
    SELECT event.id, event.merchant_id, event.mode FROM payments_event event
    WHERE event.merchant_id = %(merchant_id)s AND event.mode = %(mode)s AND event.id > %(after)s
      AND event.created_at >= %(created_from)s AND event.created_at < %(created_to)s
      AND payments_wants_event(%(endpoint_id)s, %(event_types)s::varchar[], event.type, event.object_id)
    ORDER BY event.id LIMIT %(limit)s
), queued AS (
    INSERT INTO payments_webhookdelivery AS delivery
        (id, endpoint_id, event_id, merchant_id, mode, status, attempts, tries, next_attempt_at, created_at)
    SELECT payments_uuid7(), %(endpoint_id)s, chosen.id, chosen.merchant_id, chosen.mode, 'pending', 0, 0,
           %(now)s, %(now)s
    FROM chosen ORDER BY chosen.id
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
        SET status = 'pending', tries = 0, next_attempt_at = %(now)s, finished_at = NULL
        WHERE delivery.status = ANY (%(again)s::varchar[])
    RETURNING delivery.id
)
SELECT (SELECT count(*) FROM queued), (SELECT count(*) FROM chosen),
       (SELECT id FROM chosen ORDER BY id DESC LIMIT 1)
"""


@dataclass(frozen=True, slots=True)
class Redelivery:
    """How many deliveries were queued; `next_event_id` is where the next request goes on, if there is more."""

    queued: int
    next_event_id: UUID | None


def list_deliveries(
    *, caller: Caller, endpoint_id: UUID, page: Page, filters: dict[str, Any]
) -> Slice[WebhookDelivery]:
    """Return a page of an endpoint's deliveries with their events, newest first; `filters` are look-ups.

    Raises:
        NotFound: there is no such endpoint, or it is not the caller's.
    """
    endpoint = get_endpoint(caller=caller, endpoint_id=endpoint_id)
    return slice_of(_of(endpoint).filter(**filters), page)


def get_delivery(*, caller: Caller, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Return one delivery of an endpoint's, with its event.

    Raises:
        NotFound: there is no such endpoint or delivery, or it is not the caller's.
    """
    return _found(_of(get_endpoint(caller=caller, endpoint_id=endpoint_id)), delivery_id)


def attempts_of(delivery: WebhookDelivery) -> list[DeliveryAttempt]:
    """Return the requests that were made for a delivery, in their order."""
    return list(DeliveryAttempt.objects.filter(delivery=delivery).order_by("number"))


def redeliver(*, caller: Caller, endpoint_id: UUID, delivery_id: UUID, now: datetime) -> WebhookDelivery:
    """Send an event once more, now, and by the whole schedule if that fails.

    A delivery that is pending is not made to wait any longer; one that is on its way at this moment stays as it is.

    Raises:
        NotFound: there is no such endpoint or delivery, or it is not the caller's.
        WebhookEndpointDisabled: nothing is sent to it.
    """
    with transaction.atomic(durable=True):
        endpoint = lock_endpoint(caller=caller, endpoint_id=endpoint_id)
        require_enabled(endpoint)
        delivery = _found(_of(endpoint).select_for_update(of=("self",)), delivery_id)
        due = delivery.next_attempt_at
        # Within the time of a lease it may be on its way, and is due soon in any case.
        if due is None or due > now + LEASE:
            delivery.status = WebhookDeliveryStatus.PENDING
            delivery.tries = 0
            delivery.next_attempt_at = now
            delivery.finished_at = None
            delivery.save(update_fields=("status", "tries", "next_attempt_at", "finished_at"))
    return delivery


def redeliver_range(
    *,
    caller: Caller,
    endpoint_id: UUID,
    created_from: datetime,
    created_to: datetime,
    now: datetime,
    include_succeeded: bool = False,
    after_event_id: UUID | None = None,
) -> Redelivery:
    """Send the events of a time that the endpoint wants and has not got, the oldest first; at most 10,000 of them.

    That includes events from before there was the endpoint, or while it was disabled. `created_to` is excluded.
    `include_succeeded` sends again what has been delivered, too; `after_event_id` goes on after an earlier request.

    Raises:
        NotFound: there is no such endpoint, or it is not the caller's.
        WebhookEndpointDisabled: nothing is sent to it.
    """
    again = [WebhookDeliveryStatus.FAILED.value, WebhookDeliveryStatus.CANCELED.value]
    if include_succeeded:
        again.append(WebhookDeliveryStatus.SUCCEEDED.value)
    window = {"created_from": created_from, "created_to": created_to, "again": again, "now": now}
    queued, after, read = 0, after_event_id or UUID(int=0), 0
    while read < EVENTS_MAX:
        with transaction.atomic(durable=True):
            endpoint = lock_endpoint(caller=caller, endpoint_id=endpoint_id)
            require_enabled(endpoint)
            batch_queued, batch_read, last = _queue_again(endpoint, window | {"after": after})
        queued, read = queued + batch_queued, read + batch_read
        if batch_read < EVENTS_AT_ONCE:
            return Redelivery(queued, None)
        after = last
    return Redelivery(queued, after)


def _queue_again(endpoint: WebhookEndpoint, window: dict[str, Any]) -> tuple[int, int, UUID]:
    """Queue a batch; return how many deliveries were queued, how many events were read, and the last of these."""
    about: dict[str, Any] = {
        "endpoint_id": endpoint.pk,
        "event_types": endpoint.event_types,
        "merchant_id": endpoint.merchant_id,
        "mode": str(endpoint.mode),
        "limit": EVENTS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_QUEUE_AGAIN, about | window)
        found: tuple[int, int, UUID] = cursor.fetchone()
    return found


def _of(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event")


def _found(deliveries: QuerySet[WebhookDelivery], delivery_id: UUID) -> WebhookDelivery:
    delivery = deliveries.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(f"There is no webhook delivery {encode(WebhookDelivery.PREFIX, delivery_id)}.")
    return delivery
