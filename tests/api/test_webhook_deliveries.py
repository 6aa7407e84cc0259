"""/v1/webhook_endpoints/{id}/deliveries: list, get with every attempt, send again."""

import json
from datetime import timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.models import WebhookDelivery, WebhookEndpoint
from payments.operations import delivery_log
from payments.operations.deliveries import LEASE, claim_due
from payments.operations.representations import timestamp
from payments.operations.webhook_endpoints import update_endpoint
from tests.api.answers import pages_forwards, problem_in, rows
from tests.shop import Shop
from tests.webhooks import deliver, new_endpoint, sent

WHOLE_TIME = {"created_from": "2020-01-01T00:00:00Z", "created_to": "2100-01-01T00:00:00Z"}


@pytest.fixture
def endpoint(shop: Shop) -> WebhookEndpoint:
    """Return an endpoint that takes what becomes of payments."""
    return new_endpoint(shop, event_types=["payment.succeeded", "payment.created"])


def path_of(endpoint: WebhookEndpoint) -> str:
    """Return where an endpoint's deliveries are."""
    return f"/v1/webhook_endpoints/{endpoint.public_id}/deliveries"


def redeliver(shop: Shop, endpoint: WebhookEndpoint, **changes: Any) -> dict[str, Any]:
    """Send again what an endpoint has missed, and return the answer."""
    response = shop.post(f"/v1/webhook_endpoints/{endpoint.public_id}/redeliver", WHOLE_TIME | changes)
    assert response.status_code == 200, response.content
    return dict(response.json())


def statuses(endpoint: WebhookEndpoint) -> list[str]:
    """Return where an endpoint's deliveries stand, in the order of their events."""
    return list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("event_id").values_list("status", flat=True))


def switch(shop: Shop, endpoint: WebhookEndpoint, *, enabled: bool) -> None:
    """Switch an endpoint on or off."""
    update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes={"enabled": enabled}, now=timezone.now())


def test_list_is_newest_first_and_in_pages(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    shop.pay()

    pages = list(pages_forwards(shop, path_of(endpoint), limit=3))

    newest_first = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-id")
    assert [len(page) for page in pages] == [3, 1]
    assert [row for page in pages for row in page] == [delivery.public_id for delivery in newest_first]


def test_list_is_narrowed(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    path, noon = path_of(endpoint), timestamp(timezone.now())
    deliver(timezone.now(), limit=1)
    shop.pay()

    assert [row["event_type"] for row in rows(shop, path, status="succeeded")] == ["payment.created"]
    assert len(rows(shop, path, event_type="payment.succeeded")) == 2
    assert len(rows(shop, path, created_from=noon)) == len(rows(shop, path, created_to=noon)) == 2
    one = rows(shop, path)[0]
    assert rows(shop, path, event=one["event"]) == [one]


@pytest.mark.parametrize(
    "query",
    [{"status": "sent"}, {"event_type": "payment.*"}, {"created_from": "yesterday"}, {"starting_after": "evt_1"}],
)
def test_a_filter_that_is_not_valid_is_refused(shop: Shop, endpoint: WebhookEndpoint, query: dict[str, str]) -> None:
    response = shop.get(path_of(endpoint), **query)

    problem_in(response, status=400, code="invalid_request", param=next(iter(query)))


def test_one_shows_every_attempt_with_what_was_sent_and_answered(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    now = timezone.now()
    first = deliver(now, sent(None), limit=1)
    deliver(now + timedelta(seconds=6), sent(200))
    delivery = WebhookDelivery.objects.get(pk=first[0].delivery_id)

    document = shop.get(f"{path_of(endpoint)}/{delivery.public_id}").json()

    assert (document["status"], document["attempt_count"]) == ("succeeded", 2)
    assert json.loads(document["request_body"]) == shop.get(f"/v1/events/{document['event']}").json()
    assert document["attempts"] == [
        {
            "number": 1,
            "started_at": timestamp(now),
            "duration_ms": 3,
            "request_headers": {"webhook-id": document["event"]},
            "response_status": None,
            "response_body": "",
            "error": "The connection was refused.",
        },
        document["attempts"][1],
    ]
    assert (document["attempts"][1]["number"], document["attempts"][1]["response_status"]) == (2, 200)


def test_a_delivery_of_another_endpoint_is_not_found_here(shop: Shop, endpoint: WebhookEndpoint) -> None:
    other = new_endpoint(shop)
    shop.pay()
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint).latest("id")

    for response in (
        shop.get(f"{path_of(other)}/{delivery.public_id}"),
        shop.post(f"{path_of(other)}/{delivery.public_id}/redeliver"),
    ):
        problem_in(response, status=404, code="not_found")


@pytest.mark.parametrize("status", [200, 500])
def test_one_is_sent_again_whatever_became_of_it(shop: Shop, endpoint: WebhookEndpoint, status: int) -> None:
    shop.pay()
    WebhookDelivery.objects.filter(endpoint=endpoint).update(attempts=9, tries=9)
    (claimed,) = deliver(timezone.now(), sent(status), limit=1)
    path = f"{path_of(endpoint)}/{WebhookDelivery.objects.get(pk=claimed.delivery_id).public_id}"
    finished = shop.get(path).json()["status"]

    again = shop.post(f"{path}/redeliver").json()
    deliver(timezone.now(), sent(500))

    assert finished in ("succeeded", "failed")
    assert (again["status"], again["attempt_count"]) == ("pending", 10)
    after = WebhookDelivery.objects.get(pk=claimed.delivery_id)
    # By the whole schedule.
    assert (after.status, after.attempts, after.tries) == ("pending", 11, 1)


def test_one_that_waits_for_its_next_attempt_waits_no_longer(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint).earliest("id")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() + timedelta(hours=5))

    shop.post(f"{path_of(endpoint)}/{delivery.public_id}/redeliver")

    claimed = claim_due(limit=10, in_flight={}, now=timezone.now())
    assert delivery.pk in {each.delivery_id for each in claimed}


def test_one_that_is_on_its_way_is_not_sent_beside_itself(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    now = timezone.now()
    (claimed,) = claim_due(limit=1, in_flight={}, now=now)
    delivery = WebhookDelivery.objects.get(pk=claimed.delivery_id)

    response = shop.post(f"{path_of(endpoint)}/{delivery.public_id}/redeliver")

    assert response.status_code == 200
    assert WebhookDelivery.objects.get(pk=delivery.pk).next_attempt_at == now + LEASE


def test_what_was_missed_while_it_was_off_or_not_there_yet_is_sent(shop: Shop) -> None:
    shop.pay()
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    switch(shop, endpoint, enabled=False)
    shop.pay()
    switch(shop, endpoint, enabled=True)

    answer = redeliver(shop, endpoint)

    assert answer == {"object": "redelivery", "queued": 3, "has_more": False, "last_event": None}
    assert statuses(endpoint) == ["pending"] * 3
    assert len({each.message_id for each in deliver(timezone.now())}) == 3


def test_what_was_delivered_is_sent_again_only_if_that_is_asked(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    WebhookDelivery.objects.filter(endpoint=endpoint).update(attempts=9, tries=9)
    deliver(timezone.now(), sent(200), sent(500))

    missed = redeliver(shop, endpoint)["queued"]
    nothing = redeliver(shop, endpoint)["queued"]
    everything = redeliver(shop, endpoint, include_succeeded=True)["queued"]

    assert (missed, nothing, everything) == (1, 0, 1)
    assert statuses(endpoint) == ["pending", "pending"]


def test_only_events_of_the_time_are_sent(shop: Shop) -> None:
    shop.pay()
    begin = timestamp(timezone.now())
    shop.pay()
    end = timestamp(timezone.now())
    shop.pay()
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])

    answer = redeliver(shop, endpoint, created_from=begin, created_to=end)

    assert answer["queued"] == 1


def test_nobody_else_s_events_are_sent(shop: Shop, other_shop: Shop, live_shop: Shop) -> None:
    for stranger in (other_shop, live_shop):
        stranger.pay()
    endpoint = new_endpoint(shop, event_types=["payment.*"])

    assert redeliver(shop, endpoint)["queued"] == 0


def test_very_many_are_sent_in_several_requests(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_log, "EVENTS_AT_ONCE", 2)
    monkeypatch.setattr(delivery_log, "EVENTS_MAX", 4)
    for _ in range(5):
        shop.pay()
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])

    first = redeliver(shop, endpoint, include_succeeded=True)
    second = redeliver(shop, endpoint, include_succeeded=True, starting_after=first["last_event"])

    assert (first["queued"], first["has_more"]) == (4, True)
    assert (second["queued"], second["has_more"], second["last_event"]) == (1, False, None)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"created_to": WHOLE_TIME["created_from"]}, "created_to"),
        ({"created_from": "yesterday"}, "created_from"),
        ({"only": "failed"}, "only"),
    ],
)
def test_a_time_that_is_none_is_refused(
    shop: Shop, endpoint: WebhookEndpoint, changes: dict[str, str], param: str
) -> None:
    response = shop.post(f"/v1/webhook_endpoints/{endpoint.public_id}/redeliver", WHOLE_TIME | changes)

    problem_in(response, status=400, code="invalid_request", param=param)


def test_nothing_is_sent_again_to_an_endpoint_that_is_off(shop: Shop, endpoint: WebhookEndpoint) -> None:
    shop.pay()
    delivery = WebhookDelivery.objects.filter(endpoint=endpoint).latest("id")
    switch(shop, endpoint, enabled=False)

    for path, body in (
        (f"{path_of(endpoint)}/{delivery.public_id}/redeliver", {}),
        (f"/v1/webhook_endpoints/{endpoint.public_id}/redeliver", WHOLE_TIME),
    ):
        problem_in(shop.post(path, body), status=409, code="webhook_endpoint_disabled")
    assert set(statuses(endpoint)) == {"canceled"}
