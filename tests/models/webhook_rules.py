"""The rules that PostgreSQL holds of webhooks, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, set_once, update

_PREVIOUS: Final = "webhookendpoint.webhook_endpoint_previous_secret_ends"
_REASON: Final = "webhookendpoint.webhook_endpoint_disabled_for_a_reason"
_DELETED: Final = "webhookendpoint.webhook_endpoint_deleted_at_a_time"
_DUE: Final = "webhookdelivery.webhook_delivery_due_or_finished"
_TO_ENDPOINT: Final = "webhookdelivery.webhookdelivery_endpoint_same_merchant"
_FINISHED: Final = {"next_attempt_at": "NULL", "finished_at": "%(now)s"}


def _endpoint(**changes: str) -> str:
    """Return an INSERT of a further endpoint."""
    return copy_of("WebhookEndpoint", "endpoint", **changes)


def _delivery(**changes: str) -> str:
    """Return an INSERT of a further delivery."""
    return copy_of("WebhookDelivery", "delivery", **{"event_id": "%(captured_event)s"} | changes)


ENDPOINTS: Final = {
    "a deleted row of an endpoint": breach(
        "webhookendpoint.never_deleted", delete("webhookendpoint", "other_endpoint")
    ),
    "an endpoint in a mode that nobody knows": breach(
        "webhookendpoint.webhook_endpoint_mode_known", _endpoint(mode="'demo'")
    ),
    "an endpoint that wants nothing": breach(
        "webhookendpoint.webhook_endpoint_wants_something", _endpoint(event_types="'{}'")
    ),
    "a previous secret that never ends": breach(_PREVIOUS, _endpoint(previous_secret="'old'")),
    "the end of no previous secret": breach(_PREVIOUS, _endpoint(previous_secret_expires_at="%(now)s")),
    "an endpoint disabled for no reason": breach(_REASON, update("webhookendpoint", "endpoint", status="'disabled'")),
    "an enabled endpoint that was disabled for a reason": breach(_REASON, _endpoint(disabled_reason="'gone'")),
    "an endpoint deleted at no time": breach(_DELETED, update("webhookendpoint", "endpoint", status="'deleted'")),
    "an enabled endpoint that was deleted": breach(_DELETED, _endpoint(deleted_at="%(now)s")),
    "an endpoint born as disabled": breach(
        "webhookendpoint.lifecycle", _endpoint(status="'disabled'", disabled_reason="'gone'")
    ),
    "a deleted endpoint that is enabled": breach(
        "webhookendpoint.lifecycle",
        update("webhookendpoint", "deleted_endpoint", status="'enabled'"),
        backed_by=(_DELETED,),
    ),
}

DELIVERIES: Final = {
    "a deleted delivery": breach("webhookdelivery.never_deleted", delete("webhookdelivery", "second_delivery")),
    "an event for one endpoint twice": breach(
        "webhookdelivery.webhook_delivery_once", copy_of("WebhookDelivery", "delivery")
    ),
    "a delivery to another merchant's endpoint": breach(_TO_ENDPOINT, _delivery(endpoint_id="%(other_endpoint)s")),
    "a delivery to an endpoint in live mode": breach(_TO_ENDPOINT, _delivery(endpoint_id="%(live_endpoint)s")),
    "a pending delivery that is never due": breach(_DUE, _delivery(next_attempt_at="NULL")),
    "a pending delivery that has finished": breach(_DUE, _delivery(finished_at="%(now)s")),
    "a delivery that has succeeded and is due": breach(
        _DUE, update("webhookdelivery", "delivery", status="'succeeded'", finished_at="%(now)s")
    ),
    "a delivery that was given up at no time": breach(
        _DUE, update("webhookdelivery", "delivery", status="'failed'", next_attempt_at="NULL")
    ),
    "more tries than attempts": breach(
        "webhookdelivery.webhook_delivery_tries_are_attempts", update("webhookdelivery", "delivery", tries="1")
    ),
    "a delivery born as canceled": breach("webhookdelivery.lifecycle", _delivery(status="'canceled'", **_FINISHED)),
    "a given up delivery that has succeeded": breach(
        "webhookdelivery.lifecycle",
        update("webhookdelivery", "delivery", status="'failed'", **_FINISHED),
        update("webhookdelivery", "delivery", status="'succeeded'"),
    ),
}

ATTEMPTS: Final = {
    "a changed attempt": breach(
        "deliveryattempt.append_only", update("deliveryattempt", "attempt", response_status="200")
    ),
    "a deleted attempt": breach("deliveryattempt.append_only", delete("deliveryattempt", "attempt")),
    "an attempt counted twice": breach("deliveryattempt.delivery_attempt_once", copy_of("DeliveryAttempt", "attempt")),
    "an attempt that was neither answered nor not": breach(
        "deliveryattempt.delivery_attempt_answered_or_not",
        copy_of("DeliveryAttempt", "attempt", number="2", response_status="NULL"),
    ),
}

FROZEN_ENDPOINT: Final = {
    "id": "%(new)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "created_at": "created_at - interval '1d'",
}
ENDPOINT_SET_ONCE: Final = {"deleted_at": "deleted_at + interval '1d'"}
FROZEN_DELIVERY: Final = {
    "id": "%(new)s",
    "endpoint_id": "%(deleted_endpoint)s",
    "event_id": "%(captured_event)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "created_at": "created_at - interval '1d'",
}

BREACHES: Final = (
    ENDPOINTS
    | DELIVERIES
    | ATTEMPTS
    | frozen("webhookendpoint", "deleted_endpoint", FROZEN_ENDPOINT, {})
    | set_once("webhookendpoint", "deleted_endpoint", ENDPOINT_SET_ONCE, {})
    | frozen(
        "webhookdelivery",
        "second_delivery",
        FROZEN_DELIVERY,
        {"merchant_id": (_TO_ENDPOINT,), "mode": (_TO_ENDPOINT,)},
    )
)
