"""Verbs of the crash table (see `crash_points`) that ask no processor: keys, secrets and webhooks."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from payments.models import ApiKey
from payments.operations import api_keys
from payments.operations.api_keys import Bounds
from payments.operations.deliveries import LEASE
from payments.operations.delivery_log import redeliver, redeliver_range
from payments.operations.encryption_rotation import rotate_encryption
from payments.operations.webhook_endpoints import update_endpoint
from payments.staff_errors import DiscrepancyResolved, KeyRefused, RepairRefused
from tests.boundaries import Died
from tests.machine.world import World
from tests.shop import Shop
from tests.webhooks import deliver, endpoint_of, new_endpoint

# What a process does, once or again.
Act = Callable[[], Any]
# Makes what the act needs, for one shop.
Verb = Callable[[World, Shop], Act]


def roll_a_key(world: World, shop: Shop) -> Act:
    """Replace a key by a new one, which is not done twice."""
    key = _key(shop)
    return lambda: living(lambda: api_keys.roll_api_key(key_id=key.pk, overlap=timedelta(days=1), now=timezone.now()))


def restrict_a_key(world: World, shop: Shop) -> Act:
    """Take scopes from a key."""
    key, bounds = _key(shop), Bounds(scopes=("payments:read",))
    return lambda: living(lambda: api_keys.restrict_api_key(key_id=key.pk, bounds=bounds, now=timezone.now()))


def have_events_sent(world: World, shop: Shop) -> Act:
    """Make a webhook endpoint, unless it is there."""
    return lambda: living(lambda: endpoint_of(shop))


def change_an_endpoint(world: World, shop: Shop) -> Act:
    """Change where events are sent."""
    endpoint, changes = new_endpoint(shop), {"url": "https://other.example.com/webhooks"}
    who: dict[str, Any] = {"caller": shop.caller, "endpoint_id": endpoint.pk}
    return lambda: living(lambda: update_endpoint(**who, changes=changes, now=timezone.now()))


def send_webhooks(world: World, shop: Shop) -> Act:
    """Send what is due; an answer that was lost with the process is asked for again after the lease."""
    new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()

    def send() -> None:
        world.advance(LEASE)
        deliver(timezone.now())

    return lambda: living(send)


def send_webhooks_again(world: World, shop: Shop) -> Act:
    """Send one event again, and then all of a time."""
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    given_up = {"status": "failed", "attempts": 10, "tries": 10, "next_attempt_at": None, "finished_at": timezone.now()}
    endpoint.deliveries.update(**given_up)
    delivery = endpoint.deliveries.latest("id")
    who: dict[str, Any] = {"caller": shop.caller, "endpoint_id": endpoint.pk}

    def again() -> None:
        now = timezone.now()
        redeliver(**who, delivery_id=delivery.pk, now=now)
        redeliver_range(**who, created_from=now - timedelta(days=1), created_to=now + timedelta(days=1), now=now)

    return lambda: living(again)


def rotate_keys(world: World, shop: Shop) -> Act:
    """Encrypt the secrets once more."""
    new_endpoint(shop)
    return lambda: living(rotate_encryption)


def _key(shop: Shop) -> ApiKey:
    """Return a further key of the shop's, so that it keeps the one it works with."""
    return api_keys.issue_api_key(merchant=shop.merchant, mode=shop.mode, name="more", now=timezone.now()).key


def living(act: Act) -> None:
    """Do it, unless it dies or was done before."""
    try:
        act()
    except (Died, DiscrepancyResolved, KeyRefused, RepairRefused):
        pass
