"""/v1/webhook_endpoints: create, list, get, change, delete, rotate the secret."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from payments.models import Event, WebhookDelivery, WebhookEndpoint
from payments.operations.webhook_endpoints import ENDPOINTS_MAX
from tests.api.answers import problem_in, rows
from tests.shop import Shop, uuid_of
from tests.webhooks import ADDRESS, new_endpoint

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

PATH = "/v1/webhook_endpoints"
BODY = {"url": ADDRESS, "event_types": ["payment.*", "refund.failed"]}


def create(shop: Shop, **changes: Any) -> "_MonkeyPatchedWSGIResponse":
    """Create an endpoint."""
    return shop.post(PATH, BODY | changes)


def send(shop: Shop, method: str, path: str, body: dict[str, Any] | None = None) -> "_MonkeyPatchedWSGIResponse":
    """Send a PATCH or DELETE."""
    return shop.client.generic(
        method,
        path,
        json.dumps(body or {}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {shop.key}"},
    )


def events_of(endpoint_id: str) -> list[str]:
    """Return the types of the events about an endpoint, in their order."""
    events = Event.objects.filter(object_id=uuid_of(endpoint_id)).order_by("sequence")
    return list(events.values_list("type", flat=True))


def test_create_shows_the_secret_this_once(shop: Shop) -> None:
    response = create(shop, description="The shop", ordered=True)

    document = response.json()
    secret = document.pop("secret")
    assert response.status_code == 201
    assert secret.startswith("whsec_") and len(secret) > 40
    moments = {name: document.pop(name) for name in ("created_at", "updated_at")}
    assert moments["created_at"] == moments["updated_at"]
    assert document == {
        "id": document["id"],
        "object": "webhook_endpoint",
        "mode": "test",
        "status": "enabled",
        "description": "The shop",
        "ordered": True,
        "disabled_reason": None,
        "failing_since": None,
        "previous_secret_expires_at": None,
        **BODY,
    }
    assert shop.get(f"{PATH}/{document['id']}").json() == document | moments
    assert events_of(document["id"]) == ["webhook_endpoint.created"]


def test_create_needs_no_idempotency_key(shop: Shop) -> None:
    response = shop.client.post(
        PATH, BODY, content_type="application/json", headers={"Authorization": f"Bearer {shop.key}"}
    )

    assert response.status_code == 201


def test_two_endpoints_have_two_secrets(shop: Shop) -> None:
    assert create(shop).json()["secret"] != create(shop).json()["secret"]


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[fd00::1]/",
        "https://user:word@shop.example.com/",
        "https://metadata.internal/",
        "ftp://shop.example.com/",
        "shop.example.com",
    ],
)
def test_an_address_that_is_not_safe_is_refused(shop: Shop, url: str) -> None:
    endpoint = new_endpoint(shop)

    created = create(shop, url=url)
    changed = send(shop, "PATCH", f"{PATH}/{endpoint.public_id}", {"url": url})

    problem_in(created, status=422, code="webhook_address_refused", param="url")
    problem_in(changed, status=422, code="webhook_address_refused", param="url")
    assert [row["url"] for row in rows(shop, PATH)] == [ADDRESS]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"url": ""}, "url"),
        ({"url": "https://shop.example.com/" + "a" * 2000}, "url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": "*"}, "event_types"),
        ({"event_types": ["payment.paid"]}, "event_types"),
        ({"event_types": ["payments.*"]}, "event_types"),
        ({"event_types": ["pay*"]}, "event_types"),
        ({"event_types": ["*", "*"]}, "event_types"),
        ({"event_types": [7]}, "event_types.0"),
        ({"ordered": 1}, "ordered"),
        ({"description": "a" * 501}, "description"),
        ({"events": ["*"]}, "events"),
    ],
)
def test_a_body_that_is_not_valid_is_refused(shop: Shop, changes: dict[str, Any], param: str) -> None:
    response = create(shop, **changes)

    problem_in(response, status=400, code="invalid_request", param=param)
    assert rows(shop, PATH) == []


def test_an_unknown_type_is_named_with_where_to_look(shop: Shop) -> None:
    detail = create(shop, event_types=["payment.paid"]).json()["detail"]

    assert "'payment.paid'" in detail and "/docs/events" in detail


def test_there_are_only_so_many(shop: Shop, live_shop: Shop) -> None:
    endpoints = [new_endpoint(shop) for _ in range(ENDPOINTS_MAX)]

    one_too_many = create(shop)
    in_live_mode = create(live_shop)
    send(shop, "DELETE", f"{PATH}/{endpoints[0].public_id}")
    in_the_place_of_one = create(shop)

    problem_in(one_too_many, status=422, code="too_many_webhook_endpoints")
    assert (in_live_mode.status_code, in_the_place_of_one.status_code) == (201, 201)


def test_list_is_newest_first_and_without_what_was_deleted(shop: Shop) -> None:
    first, second, third = (create(shop).json()["id"] for _ in range(3))
    send(shop, "DELETE", f"{PATH}/{second}")

    listed = rows(shop, PATH)

    assert [row["id"] for row in listed] == [third, first]
    assert not [row for row in listed if "secret" in row]


def test_change_leaves_what_is_not_given(shop: Shop) -> None:
    before = create(shop, description="The shop").json()
    path = f"{PATH}/{before['id']}"

    after = send(shop, "PATCH", path, {"event_types": ["*"], "ordered": True, "description": None}).json()

    assert after == shop.get(path).json()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"event_types", "ordered", "description", "updated_at"}
    assert events_of(before["id"]) == ["webhook_endpoint.created", "webhook_endpoint.updated"]


def test_a_change_that_changes_nothing_is_no_event(shop: Shop) -> None:
    before = create(shop).json()

    response = send(shop, "PATCH", f"{PATH}/{before['id']}", {"url": before["url"], "enabled": True})

    assert response.status_code == 200
    assert events_of(before["id"]) == ["webhook_endpoint.created"]


def test_switched_off_it_cancels_what_is_pending_and_can_be_switched_on(shop: Shop) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    path = f"{PATH}/{endpoint.public_id}"

    off = send(shop, "PATCH", path, {"enabled": False}).json()
    delivery = WebhookDelivery.objects.get(endpoint=endpoint)
    on = send(shop, "PATCH", path, {"enabled": True}).json()

    assert (off["status"], off["disabled_reason"]) == ("disabled", "by_merchant")
    assert delivery.status == "canceled"
    assert (on["status"], on["disabled_reason"]) == ("enabled", None)
    assert events_of(endpoint.public_id)[1:] == ["webhook_endpoint.disabled", "webhook_endpoint.enabled"]


def test_deleted_it_is_not_there_any_more_and_its_row_is_kept(shop: Shop) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    path = f"{PATH}/{endpoint.public_id}"

    deleted = send(shop, "DELETE", path)

    assert (deleted.status_code, deleted.json()["status"]) == (200, "deleted")
    assert WebhookDelivery.objects.get(endpoint=endpoint).status == "canceled"
    assert WebhookEndpoint.objects.get(pk=endpoint.pk).deleted_at is not None
    assert events_of(endpoint.public_id)[1:] == ["webhook_endpoint.deleted"]
    for response in (shop.get(path), send(shop, "PATCH", path, {"enabled": True}), send(shop, "DELETE", path)):
        problem_in(response, status=404, code="not_found")
    problem_in(shop.post(f"{path}/rotate_secret"), status=404, code="not_found")


@pytest.mark.parametrize(
    ("body", "overlaps"), [({}, True), ({"overlap_hours": 168}, True), ({"overlap_hours": 0}, False)]
)
def test_rotation_shows_the_new_secret_this_once(shop: Shop, body: dict[str, Any], overlaps: bool) -> None:
    created = create(shop).json()

    response = shop.post(f"{PATH}/{created['id']}/rotate_secret", body)

    rotated = response.json()
    assert response.status_code == 200
    assert rotated["secret"].startswith("whsec_") and rotated["secret"] != created["secret"]
    assert (rotated["previous_secret_expires_at"] is not None) == overlaps
    assert "secret" not in shop.get(f"{PATH}/{created['id']}").json()
    assert events_of(created["id"])[1:] == ["webhook_endpoint.secret_rotated"]


@pytest.mark.parametrize("hours", [-1, 169, "many"])
def test_an_overlap_out_of_bounds_is_refused(shop: Shop, hours: int | str) -> None:
    created = create(shop).json()

    response = shop.post(f"{PATH}/{created['id']}/rotate_secret", {"overlap_hours": hours})

    problem_in(response, status=400, code="invalid_request", param="overlap_hours")


def test_a_test_event_is_queued_for_this_endpoint(shop: Shop) -> None:
    created = create(shop, event_types=["payout.failed"]).json()

    response = shop.post(f"{PATH}/{created['id']}/test")

    delivery = response.json()
    assert response.status_code == 200
    assert (delivery["status"], delivery["event_type"]) == ("pending", "webhook_endpoint.test")
    assert delivery["webhook_endpoint"] == created["id"]
    assert shop.get(f"/v1/events/{delivery['event']}").json()["object_id"] == created["id"]


def test_nothing_is_sent_to_an_endpoint_that_is_switched_off(shop: Shop) -> None:
    endpoint = new_endpoint(shop)
    path = f"{PATH}/{endpoint.public_id}"
    send(shop, "PATCH", path, {"enabled": False})

    response = shop.post(f"{path}/test")

    problem_in(response, status=409, code="webhook_endpoint_disabled")
