"""Events on their way to merchants' endpoints: claimed, sent, and sent again until they are there or given up.

The pending rows of `WebhookDelivery` are the queue. It is not Procrastinate's, which runs the jobs that move money:
receivers that are slow must not hold those up, and deliveries by the ten thousand are claimed and recorded in batches,
fairly among endpoints, where a job would cost several statements each.

A claim puts `next_attempt_at` off by a lease, in one statement that waits for nobody. Whoever sends holds no lock and
no transaction meanwhile. The moment to which it was put off is what proves, when the answer is recorded, that the
delivery is still the sender's: after a lease that has run out it falls due again, and another sender may have it.
"""

import json
import logging
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from payments import conf
from payments.lifecycles import DisabledReason, WebhookDeliveryStatus, WebhookEndpointStatus
from payments.metrics import WEBHOOK_ATTEMPT_SECONDS, WEBHOOK_ATTEMPTS
from payments.models.webhooks import WebhookDelivery, WebhookEndpoint
from payments.operations.representations import as_json, represent_event
from payments.operations.retry_schedule import delay_before, wait_asked_for
from payments.operations.webhook_endpoints import disable
from payments.signing import webhook_signatures
from payments.webhook_sender import Sent, send_webhook

logger = logging.getLogger(__name__)

# Longer than any request takes (15 s) and its answer waits to be recorded.
LEASE: Final = timedelta(seconds=60)
# Requests to one endpoint at a time, of one sender. One that fails gets less: it is mostly slow as well.
IN_FLIGHT_MAX: Final = 8
IN_FLIGHT_WHILE_FAILING: Final = 2
FAILING_AFTER: Final = timedelta(days=5)
USER_AGENT: Final = "Payments-Webhooks/1.0"
_GONE: Final = 410
_ERROR_MAX: Final = 1000

# First the endpoints with pending deliveries, jumping in the index from one to the next; then some due ones of each, or
# the oldest one where the order is kept. Rows are locked at the end, so that nothing is skipped in the order's choice.
_CLAIM: Final = """
WITH RECURSIVE waiting (endpoint_id) AS (
    (SELECT endpoint_id FROM payments_webhookdelivery WHERE status = 'pending' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT following.endpoint_id FROM payments_webhookdelivery following
            WHERE following.status = 'pending' AND following.endpoint_id > waiting.endpoint_id
            ORDER BY following.endpoint_id LIMIT 1)
    FROM waiting WHERE waiting.endpoint_id IS NOT NULL
), due AS (
    SELECT candidate.id
    FROM waiting
    JOIN payments_webhookendpoint endpoint ON endpoint.id = waiting.endpoint_id
    CROSS JOIN LATERAL (
        SELECT soonest.id, soonest.next_attempt_at, row_number() OVER (ORDER BY soonest.next_attempt_at) AS place
        FROM (
            (SELECT id, next_attempt_at FROM payments_webhookdelivery
             WHERE NOT endpoint.ordered AND endpoint_id = endpoint.id AND status = 'pending'
               AND next_attempt_at <= %(now)s
             ORDER BY next_attempt_at LIMIT %(in_flight_max)s)
            UNION ALL
            (SELECT id, next_attempt_at FROM payments_webhookdelivery
             WHERE endpoint.ordered AND endpoint_id = endpoint.id AND status = 'pending'
             ORDER BY id LIMIT 1)
        ) AS soonest
    ) AS candidate
    WHERE candidate.next_attempt_at <= %(now)s
      AND candidate.place <= coalesce((%(in_flight)s::jsonb ->> endpoint.id::text)::int, 0) * -1
          + CASE WHEN endpoint.failing_since IS NULL THEN %(in_flight_max)s ELSE %(in_flight_while_failing)s END
    ORDER BY candidate.next_attempt_at LIMIT %(limit)s
), free AS (
    SELECT delivery.id FROM payments_webhookdelivery delivery
    WHERE delivery.id IN (SELECT id FROM due) AND delivery.status = 'pending' AND delivery.next_attempt_at <= %(now)s
    FOR UPDATE SKIP LOCKED
)
UPDATE payments_webhookdelivery delivery SET next_attempt_at = %(lease_expires_at)s
FROM free WHERE delivery.id = free.id
RETURNING delivery.id
"""

# What attempts change, and their log: in one statement, because what Django writes for it takes longer to make than the
# requests themselves.
_SAVE: Final = """
WITH made AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::varchar[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[],
        %s::timestamptz[], %s::int[], %s::jsonb[], %s::smallint[], %s::text[], %s::varchar[]
    ) AS made (
        id, status, attempts, tries, next_attempt_at, finished_at,
        started_at, duration_ms, request_headers, response_status, response_body, error
    )
), logged AS (
    INSERT INTO payments_deliveryattempt
        (delivery_id, number, started_at, duration_ms, request_headers, response_status, response_body, error)
    SELECT id, attempts, started_at, duration_ms, request_headers, response_status, response_body, error FROM made
)
UPDATE payments_webhookdelivery delivery SET
    status = made.status, attempts = made.attempts, tries = made.tries,
    next_attempt_at = made.next_attempt_at, finished_at = made.finished_at
FROM made WHERE delivery.id = made.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to send until the lease is over, with all that is needed for it."""

    delivery_id: UUID
    endpoint_id: UUID
    lease_expires_at: datetime
    message_id: str
    url: str
    secrets: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was made, and what came of it."""

    claimed: Claimed
    started_at: datetime
    headers: Mapping[str, str]
    sent: Sent

    @property
    def succeeded(self) -> bool:
        """Tell whether the endpoint has taken the event: with any 2xx, and with nothing else."""
        return self.sent.status is not None and 200 <= self.sent.status < 300


def claim_due(*, limit: int, in_flight: Mapping[UUID, int], now: datetime) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, fairly among endpoints; nobody else gets them during the lease.

    `in_flight` says of how many deliveries to each endpoint this sender still waits for the answer.
    """
    lease_expires_at = now + LEASE
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "limit": limit,
                "lease_expires_at": lease_expires_at,
                "in_flight": json.dumps({str(endpoint_id): number for endpoint_id, number in in_flight.items()}),
                "in_flight_max": IN_FLIGHT_MAX,
                "in_flight_while_failing": IN_FLIGHT_WHILE_FAILING,
            },
        )
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    rows = list(WebhookDelivery.objects.select_related("event", "endpoint").filter(pk__in=ids).order_by("id"))
    _cancel([row for row in rows if row.endpoint.status != WebhookEndpointStatus.ENABLED], now=now)
    return [
        Claimed(
            delivery_id=row.pk,
            endpoint_id=row.endpoint_id,
            lease_expires_at=lease_expires_at,
            message_id=row.event.public_id,
            url=row.endpoint.url,
            secrets=signing_secrets(row.endpoint, now=now),
            body=as_json(represent_event(row.event)).encode(),
        )
        for row in rows
        if row.endpoint.status == WebhookEndpointStatus.ENABLED
    ]


def signing_secrets(endpoint: WebhookEndpoint, *, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign now: the endpoint's, and during a rotation the one before."""
    ends_at = endpoint.previous_secret_expires_at
    if endpoint.previous_secret is None or ends_at is None or ends_at <= now:
        return (endpoint.secret,)
    return endpoint.secret, endpoint.previous_secret


def attempt(claimed: Claimed, *, now: datetime) -> Attempt:
    """Send a claimed delivery. What goes wrong on the way is in the result."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"{USER_AGENT} (+{conf.public_url()})",
        "webhook-id": claimed.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook_signatures(
            secrets=claimed.secrets, message_id=claimed.message_id, at=now, body=claimed.body
        ),
    }
    sent = send_webhook(url=claimed.url, body=claimed.body, headers=headers, now=now)
    return Attempt(claimed, now, headers, sent)


def record_attempts(attempts: Sequence[Attempt], *, now: datetime) -> None:
    """Write down what came of requests, and when those that failed are made again.

    An endpoint that is gone (410), or has failed for days without one success, is disabled.
    """
    with transaction.atomic(durable=True):
        endpoints = _lock_endpoints({made.claimed.endpoint_id for made in attempts})
        deliveries = WebhookDelivery.objects.select_for_update().filter(
            pk__in=[made.claimed.delivery_id for made in attempts]
        )
        standing = {delivery.pk: delivery for delivery in deliveries.order_by("id")}
        counted = [made for made in attempts if _is_ours(standing[made.claimed.delivery_id], made.claimed)]
        for made in counted:
            _apply(made, standing[made.claimed.delivery_id], now=now)
        _save([(standing[made.claimed.delivery_id], made) for made in counted])
        for endpoint in endpoints.values():
            _judge(endpoint, [made for made in counted if made.claimed.endpoint_id == endpoint.pk], now=now)
    for made in attempts:
        _measure(made)


def _lock_endpoints(endpoint_ids: Collection[UUID]) -> dict[UUID, WebhookEndpoint]:
    """Lock the endpoints, before any delivery of theirs, as everybody does who changes deliveries."""
    # To decrypt the secrets, which nobody asks for here, would take longer than all else.
    rows = WebhookEndpoint.objects.defer("secret", "previous_secret").select_for_update(no_key=True)
    return {endpoint.pk: endpoint for endpoint in rows.filter(pk__in=endpoint_ids).order_by("id")}


def _is_ours(delivery: WebhookDelivery, claimed: Claimed) -> bool:
    """Tell whether nobody has claimed or canceled the delivery since."""
    if delivery.next_attempt_at == claimed.lease_expires_at:
        return True
    logger.warning("an answer about %s came after its lease, and does not count", delivery.public_id)
    return False


def _apply(made: Attempt, delivery: WebhookDelivery, *, now: datetime) -> None:
    """Note an attempt in its delivery, and what is next."""
    delivery.attempts += 1
    delivery.tries += 1
    # It spreads load, and is no secret.
    wait = delay_before(delivery.tries + 1, chance=random.random())  # nosec B311  # See above.
    if made.succeeded or wait is None:
        delivery.status = WebhookDeliveryStatus.SUCCEEDED if made.succeeded else WebhookDeliveryStatus.FAILED
        delivery.next_attempt_at = None
        delivery.finished_at = now
    else:
        asked_for = wait_asked_for(status=made.sent.status, retry_after=made.sent.retry_after)
        delivery.next_attempt_at = now + max(wait, asked_for)


def _save(counted: Sequence[tuple[WebhookDelivery, Attempt]]) -> None:
    """Save what `_apply` has changed, and log the attempts."""
    if not counted:
        return
    rows = [
        (
            delivery.pk,
            str(delivery.status),
            delivery.attempts,
            delivery.tries,
            delivery.next_attempt_at,
            delivery.finished_at,
            made.started_at,
            made.sent.duration_ms,
            json.dumps(dict(made.headers)),
            made.sent.status,
            made.sent.body,
            made.sent.error and made.sent.error[:_ERROR_MAX],
        )
        for delivery, made in counted
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [list(column) for column in zip(*rows, strict=True)])


def _judge(endpoint: WebhookEndpoint, counted: Sequence[Attempt], *, now: datetime) -> None:
    """Note in a locked endpoint since when it fails, and disable it if that is for good."""
    if not counted or endpoint.status != WebhookEndpointStatus.ENABLED:
        return
    failing_since = endpoint.failing_since
    for made in counted:
        failing_since = None if made.succeeded else failing_since or made.started_at
    if failing_since != endpoint.failing_since:
        endpoint.failing_since = failing_since
        endpoint.save(update_fields=("failing_since",))
    if any(made.sent.status == _GONE for made in counted):
        disable(endpoint, reason=DisabledReason.GONE, now=now)
    elif failing_since is not None and failing_since + FAILING_AFTER <= now:
        disable(endpoint, reason=DisabledReason.FAILING, now=now)


def _cancel(deliveries: Sequence[WebhookDelivery], *, now: datetime) -> None:
    """Cancel deliveries whose event was written at the moment in which their endpoint was disabled or deleted."""
    # One by one: a statement that waits for a row holds no other one.
    for delivery in deliveries:
        pending = WebhookDelivery.objects.filter(pk=delivery.pk, status=WebhookDeliveryStatus.PENDING)
        pending.update(status=WebhookDeliveryStatus.CANCELED, next_attempt_at=None, finished_at=now)


def _measure(made: Attempt) -> None:
    outcome = "succeeded" if made.succeeded else "refused" if made.sent.status is not None else "unanswered"
    WEBHOOK_ATTEMPTS.labels(outcome).inc()
    WEBHOOK_ATTEMPT_SECONDS.labels(outcome).observe(made.sent.duration_ms / 1000)
