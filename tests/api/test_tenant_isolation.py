"""Whatever one key names is 404 to every other key: another merchant's, and the same merchant's in the other mode."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from django.http import HttpResponse
from django.urls import URLPattern, get_resolver

from payments.models import Discrepancy
from tests.api.answers import problem_in, rows
from tests.disputes import disputed
from tests.reports import charge_line, take_in
from tests.settling import earn
from tests.shop import Shop, uuid_of
from tests.snapshot import nothing_written
from tests.webhooks import endpoint_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def made_payout(shop: Shop) -> str:
    """Return the id of a payout."""
    earn(shop, 100)
    body = {"currency": "EUR", "destination": "ba_sandbox"}
    return str(shop.post("/v1/payouts", body).json()["id"])


def settled_short(shop: Shop) -> Discrepancy:
    """Return what does not match of a payment that was settled with less."""
    payment = shop.pay().json()
    take_in([charge_line(payment, gross=1)])
    return Discrepancy.objects.get(payment_id=uuid_of(payment["id"]))


def delivered(shop: Shop) -> str:
    """Return the id of a delivery of the shop's endpoint."""
    shop.pay()
    return endpoint_of(shop).deliveries.latest("id").public_id


# How to come by an id of each kind, by the name it has in the addresses. A new kind has to be entered here.
IDS: dict[str, Callable[[Shop], str]] = {
    "payment_id": lambda shop: str(shop.authorize()["id"]),
    "refund_id": lambda shop: str(shop.post("/v1/refunds", {"payment": shop.pay().json()["id"]}).json()["id"]),
    "dispute_id": lambda shop: disputed(shop).public_id,
    "payout_id": made_payout,
    "discrepancy_id": lambda shop: settled_short(shop).public_id,
    "endpoint_id": lambda shop: endpoint_of(shop).public_id,
    "delivery_id": delivered,
    "event_id": lambda shop: str(rows(shop, "/v1/events")[0]["id"]),
}
# Bodies with which each step would go through, were it one's own.
BODIES: dict[str, dict[str, Any]] = {
    "confirm": {"payment_method": "pm_card_visa"},
    "capture": {"amount": 5},
    "evidence": {"evidence": {"receipt": "Signed."}},
    "redeliver": {"created_from": "2026-01-31T00:00:00Z", "created_to": "2026-02-01T00:00:00Z"},
}
# Which no key opens: who sends there signs what is sent (tests/api/test_processor_webhooks.py).
WITHOUT_KEY = {"v1/processor_webhooks/<str:connector>/<str:account_id>"}


def patterns() -> Iterator[URLPattern]:
    """Yield every address below v1 that takes a key."""
    for pattern in get_resolver("payments.api.urls").url_patterns:
        assert isinstance(pattern, URLPattern), "a nested urlconf: walk it as well"
        if str(pattern.pattern).startswith("v1/") and str(pattern.pattern) not in WITHOUT_KEY:
            yield pattern


def cases() -> list[tuple[str, str]]:
    """Return every address that takes an id, with each method that its view has."""
    found = []
    for pattern in patterns():
        view: Callable[..., HttpResponse] = pattern.callback
        for method in METHODS:
            handler = "get" if method == "HEAD" else method.lower()
            if "<" in str(pattern.pattern) and hasattr(view.cls, handler):  # type: ignore[attr-defined]
                found.append((method, f"/{pattern.pattern}"))
    return found


def send(shop: Shop, method: str, path: str) -> "_MonkeyPatchedWSGIResponse":
    """Send a request that would go through with the owner's key."""
    # One delivery is sent again by its id alone.
    body = {} if "/deliveries/" in path else BODIES.get(path.rpartition("/")[2], {})
    headers = {"Authorization": f"Bearer {shop.key}", "Idempotency-Key": shop.fresh_key()}
    if method in ("GET", "HEAD"):
        return shop.client.generic(method, path, headers=headers)
    return getattr(shop.client, method.lower())(  # type: ignore[no-any-return]
        path, body, content_type="application/json", headers=headers
    )


def fill(route: str, shop: Shop) -> str:
    """Put the ids of objects of the shop's into an address."""
    shop.authorize()
    names = re.findall(r"<\w+:(\w+)>", route)
    unknown = set(names) - IDS.keys()
    assert names and not unknown, f"{route}: say in IDS how to come by {unknown or 'its ids'}"
    return re.sub(r"<\w+:(\w+)>", lambda match: IDS[match.group(1)](shop), route)


def missing(path: str) -> str:
    """Return the address of an object that does not exist."""
    return re.sub(r"_[0-9a-z]{26}", "_01jv8k3x5rf2dbh0v9q2w8m7ce", path)


def test_the_walk_finds_the_addresses() -> None:
    assert ("GET", "/v1/payments/<str:payment_id>") in cases()
    assert ("POST", "/v1/payments/<str:payment_id>/capture") in cases()
    assert ("GET", "/v1/events/<str:event_id>") in cases()
    assert len(cases()) >= 7


@pytest.mark.parametrize(("method", "route"), cases())
def test_object_of_another_is_not_found(shop: Shop, other_shop: Shop, live_shop: Shop, method: str, route: str) -> None:
    path = fill(route, shop)

    for stranger in (other_shop, live_shop):
        with nothing_written():
            response = send(stranger, method, path)
        if method == "HEAD":
            assert response.status_code == 404
        else:
            problem_in(response, status=404, code="not_found")


@pytest.mark.parametrize(("method", "route"), cases())
def test_object_of_another_is_told_apart_by_nothing_from_one_that_does_not_exist(
    shop: Shop, other_shop: Shop, method: str, route: str
) -> None:
    foreign = fill(route, shop)

    answers = [send(other_shop, method, path).content.decode() for path in (foreign, missing(foreign))]

    stripped = [re.sub(r"(pay|re|dp|po|dis|evt|we|whd|req)_\w{26}", "", answer) for answer in answers]
    assert stripped[0] == stripped[1]


@pytest.mark.parametrize(("method", "route"), cases())
def test_the_owner_finds_it(shop: Shop, method: str, route: str) -> None:
    response = send(shop, method, fill(route, shop))

    assert response.status_code in (200, 409)


def lists() -> list[str]:
    """Return every address that is a list or a sum, and takes no id."""
    return [f"/{pattern.pattern}" for pattern in patterns() if "<" not in str(pattern.pattern)]


@pytest.mark.parametrize("path", [path for path in lists() if path != "/v1/openapi.json"])
def test_lists_of_another_are_empty(shop: Shop, other_shop: Shop, live_shop: Shop, path: str) -> None:
    shop.pay()

    for stranger in (other_shop, live_shop):
        document = stranger.get(path).json()
        assert document.get("data", document.get("balances")) == []


def test_filters_do_not_lead_to_another(shop: Shop, other_shop: Shop, live_shop: Shop) -> None:
    payment_id = shop.pay(merchant_reference="order-1001").json()["id"]

    for stranger in (other_shop, live_shop):
        assert rows(stranger, "/v1/payments", merchant_reference="order-1001") == []
        assert rows(stranger, "/v1/events", object_id=payment_id) == []
        assert rows(stranger, "/v1/balance/entries", payment=payment_id) == []


@pytest.mark.parametrize("route", sorted({route for _, route in cases()}))
def test_options_say_nothing_of_the_object(shop: Shop, other_shop: Shop, route: str) -> None:
    path = fill(route, shop)

    answers = [
        other_shop.client.options(each, headers={"Authorization": f"Bearer {other_shop.key}"}).content
        for each in (path, missing(path))
    ]

    assert answers[0] == answers[1]
