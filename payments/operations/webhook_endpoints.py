"""Where merchants want to be told of events: set up, changed, switched off and on, deleted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from payments.errors import NotFound
from payments.event_types import TEST_EVENT
from payments.lifecycles import DisabledReason, WebhookDeliveryStatus, WebhookEndpointStatus
from payments.models.merchants import Merchant
from payments.models.webhooks import WebhookDelivery, WebhookEndpoint
from payments.operations.callers import Caller
from payments.operations.events import record_event
from payments.operations.pages import Page, Slice, slice_of
from payments.public_ids import encode
from payments.signing import new_webhook_secret
from payments.webhook_errors import TooManyWebhookEndpoints, WebhookAddressRefused, WebhookEndpointDisabled
from payments.webhook_sender import UnsafeAddress, check_address

# Of one merchant in one mode.
ENDPOINTS_MAX: Final = 20
_NO_PREVIOUS_SECRET: Final = dict.fromkeys(("previous_secret", "previous_secret_expires_at"))


def create_endpoint(
    *,
    caller: Caller,
    url: str,
    event_types: Sequence[str],
    now: datetime,
    description: str | None = None,
    ordered: bool = False,
) -> WebhookEndpoint:
    """Have events sent to `url` from now on; the endpoint's `secret` is to be shown this once.

    Raises:
        WebhookAddressRefused: the address is none that we send to.
        TooManyWebhookEndpoints: the merchant has as many as there may be.
    """
    _require_safe(url)
    with transaction.atomic(durable=True):
        # Whoever comes second counts the first one's.
        Merchant.objects.select_for_update(no_key=True).get(pk=caller.merchant_id)
        if _living(caller).count() >= ENDPOINTS_MAX:
            raise TooManyWebhookEndpoints(
                f"There are {ENDPOINTS_MAX} webhook endpoints in {caller.mode} mode already, which is as many as there"
                " may be."
            )
        endpoint = WebhookEndpoint.objects.create(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            url=url,
            description=description,
            event_types=list(event_types),
            ordered=ordered,
            secret=new_webhook_secret(),
            status=WebhookEndpointStatus.ENABLED,
            created_at=now,
            updated_at=now,
        )
        record_event(endpoint, now=now, created=True)
    return endpoint


def list_endpoints(*, caller: Caller, page: Page) -> Slice[WebhookEndpoint]:
    """Return a page of the caller's endpoints, newest first."""
    return slice_of(_living(caller), page)


def get_endpoint(*, caller: Caller, endpoint_id: UUID) -> WebhookEndpoint:
    """Return one endpoint of the caller's.

    Raises:
        NotFound: there is none, it is not the caller's or it has been deleted.
    """
    return _found(_living(caller).filter(pk=endpoint_id), endpoint_id)


def update_endpoint(*, caller: Caller, endpoint_id: UUID, changes: dict[str, Any], now: datetime) -> WebhookEndpoint:
    """Change `url`, `description`, `event_types` or `ordered`, and switch the endpoint off or on with `enabled`.

    What is pending when it is switched off is canceled, and can be sent again when it is on.

    Raises:
        NotFound: there is none, or it is not the caller's.
        WebhookAddressRefused: the address is none that we send to.
    """
    changes = dict(changes)
    enabled = changes.pop("enabled", None)
    if "url" in changes:
        _require_safe(changes["url"])
    with _changing(caller, endpoint_id) as endpoint:
        changed = {name: value for name, value in changes.items() if getattr(endpoint, name) != value}
        if changed:
            _save(endpoint, changed, now=now)
            record_event(endpoint, now=now, event_type="webhook_endpoint.updated")
        if enabled is False and endpoint.status == WebhookEndpointStatus.ENABLED:
            disable(endpoint, reason=DisabledReason.BY_MERCHANT, now=now)
        if enabled is True and endpoint.status == WebhookEndpointStatus.DISABLED:
            _move(endpoint, WebhookEndpointStatus.ENABLED, {"disabled_reason": None, "failing_since": None}, now=now)
    return endpoint


def rotate_secret(*, caller: Caller, endpoint_id: UUID, overlap: timedelta, now: datetime) -> WebhookEndpoint:
    """Give an endpoint a new `secret`, to be shown this once; for the time of the overlap the old one signs as well.

    A secret that was still in its overlap from an earlier rotation ends at once.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    with _changing(caller, endpoint_id) as endpoint:
        previous = {"previous_secret": endpoint.secret, "previous_secret_expires_at": now + overlap} if overlap else {}
        _save(endpoint, {"secret": new_webhook_secret()} | _NO_PREVIOUS_SECRET | previous, now=now)
        record_event(endpoint, now=now, event_type="webhook_endpoint.secret_rotated")
    return endpoint


def delete_endpoint(*, caller: Caller, endpoint_id: UUID, now: datetime) -> WebhookEndpoint:
    """Send nothing to an endpoint any more, and show it to nobody; what is pending is canceled.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    with _changing(caller, endpoint_id) as endpoint:
        ended = _NO_PREVIOUS_SECRET | {"disabled_reason": None, "deleted_at": now}
        _move(endpoint, WebhookEndpointStatus.DELETED, ended, now=now)
        _cancel_pending(endpoint, now=now)
    return endpoint


def send_test_event(*, caller: Caller, endpoint_id: UUID, now: datetime) -> WebhookDelivery:
    """Send an event of the type `webhook_endpoint.test` to this endpoint alone, and return its delivery.

    Raises:
        NotFound: there is none, or it is not the caller's.
        WebhookEndpointDisabled: nothing is sent to it.
    """
    with _changing(caller, endpoint_id) as endpoint:
        require_enabled(endpoint)
        record_event(endpoint, now=now, event_type=TEST_EVENT)
        made = WebhookDelivery.objects.filter(endpoint=endpoint, event__object_id=endpoint.pk, event__type=TEST_EVENT)
        return made.select_related("event").latest("id")


def require_enabled(endpoint: WebhookEndpoint) -> None:
    """Refuse to send to an endpoint that is switched off.

    Raises:
        WebhookEndpointDisabled: it is.
    """
    if endpoint.status != WebhookEndpointStatus.ENABLED:
        raise WebhookEndpointDisabled(
            f"Webhook endpoint {endpoint.public_id} is disabled ({endpoint.disabled_reason}): enable it first."
        )


def disable(endpoint: WebhookEndpoint, *, reason: DisabledReason, now: datetime) -> None:
    """Switch a locked, enabled endpoint off, in the caller's transaction; what is pending is canceled."""
    _move(endpoint, WebhookEndpointStatus.DISABLED, {"disabled_reason": reason}, now=now)
    _cancel_pending(endpoint, now=now)


def lock_endpoint(*, caller: Caller, endpoint_id: UUID) -> WebhookEndpoint:
    """Lock one endpoint of the caller's, and with it its deliveries, until the transaction ends.

    Whoever changes deliveries holds their endpoint first; but for senders, which wait for nobody, when they claim.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    return _found(_living(caller).select_for_update(no_key=True).filter(pk=endpoint_id), endpoint_id)


@contextmanager
def _changing(caller: Caller, endpoint_id: UUID) -> Iterator[WebhookEndpoint]:
    """Yield an endpoint that is locked until the end of the block, which is a transaction."""
    with transaction.atomic(durable=True):
        yield lock_endpoint(caller=caller, endpoint_id=endpoint_id)


def _living(caller: Caller) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(**caller.owned).exclude(status=WebhookEndpointStatus.DELETED)


def _found(rows: QuerySet[WebhookEndpoint], endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = rows.first()
    if endpoint is None:
        raise NotFound(f"There is no webhook endpoint {encode(WebhookEndpoint.PREFIX, endpoint_id)}.")
    return endpoint


def _require_safe(url: str) -> None:
    try:
        check_address(url)
    except UnsafeAddress as error:
        raise WebhookAddressRefused(str(error), param="url") from error


def _move(endpoint: WebhookEndpoint, status: WebhookEndpointStatus, changes: dict[str, Any], *, now: datetime) -> None:
    _save(endpoint, {"status": status} | changes, now=now)
    record_event(endpoint, now=now)


def _save(endpoint: WebhookEndpoint, changes: dict[str, Any], *, now: datetime) -> None:
    for name, value in (changes | {"updated_at": now}).items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=[*changes, "updated_at"])


def _cancel_pending(endpoint: WebhookEndpoint, *, now: datetime) -> None:
    pending = WebhookDelivery.objects.filter(endpoint=endpoint, status=WebhookDeliveryStatus.PENDING)
    pending.update(status=WebhookDeliveryStatus.CANCELED, next_attempt_at=None, finished_at=now)
