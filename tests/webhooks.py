"""Webhook endpoints and deliveries, as tests need them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

from django.utils import timezone

from payments.models import WebhookEndpoint
from payments.operations import webhook_endpoints
from payments.operations.deliveries import Attempt, Claimed, claim_due, record_attempts
from payments.webhook_sender import Sent
from tests.shop import Shop

# A merchant's server that no test reaches.
ADDRESS = "https://shop.example.com/webhooks"


def new_endpoint(shop: Shop, **changes: Any) -> WebhookEndpoint:
    """Have all events of the shop sent somewhere; `changes` override what it is made of."""
    values: dict[str, Any] = {"url": ADDRESS, "event_types": ["*"], "now": timezone.now()}
    return webhook_endpoints.create_endpoint(caller=shop.caller, **values | changes)


def endpoint_of(shop: Shop) -> WebhookEndpoint:
    """Return the shop's endpoint, which is made if there is none."""
    found = WebhookEndpoint.objects.filter(**shop.caller.owned).exclude(status="deleted").first()
    return found or new_endpoint(shop)


def sent(status: int | None = 200, *, retry_after: timedelta | None = None) -> Sent:
    """Return what came of an attempt: an answer with this status, or none."""
    error = "The connection was refused." if status is None else None
    return Sent(status=status, body="" if error else "ok", error=error, duration_ms=3, retry_after=retry_after)


def deliver(now: datetime, *answers: Sent, limit: int = 100) -> list[Claimed]:
    """Claim what is due, have it answered by the answers in turn (the last one again and again), and record that."""
    claimed = claim_due(limit=limit, in_flight={}, now=now)
    record(claimed, now, *answers)
    return claimed


def record(claimed: Sequence[Claimed], now: datetime, *answers: Sent) -> None:
    """Record the answers to what was claimed."""
    given = chain(answers, repeat(answers[-1] if answers else sent()))
    record_attempts([Attempt(each, now, {"webhook-id": each.message_id}, next(given)) for each in claimed], now=now)
