"""Staff see what was sent where and what was answered, send it again, and switch endpoints off and on."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.lifecycles import Mode
from payments.models import Event, WebhookDelivery, WebhookEndpoint
from payments.operations.callers import Caller
from payments.operations.deliveries import Attempt, Claimed, claim_due, record_attempts
from payments.operations.webhook_endpoints import rotate_secret, send_test_event, update_endpoint
from payments.webhook_sender import Sent
from tests.shop import Shop, new_client, open_shop
from tests.webhooks import new_endpoint

ENDPOINTS = "/admin/payments/webhookendpoint/"
DELIVERIES = "/admin/payments/webhookdelivery/"
HEADERS = {"webhook-id": "evt_1", "webhook-signature": "v1,c2lnbmVk"}


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant."""
    return open_shop()


@pytest.fixture
def endpoint(shop: Shop) -> WebhookEndpoint:
    """Return the merchant's endpoint."""
    return new_endpoint(shop)


@pytest.fixture
def delivery(shop: Shop, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Return a delivery that has not been sent yet."""
    return send_test_event(caller=shop.caller, endpoint_id=endpoint.pk, now=timezone.now())


def answered(endpoint: WebhookEndpoint, *, status: int | None, body: str = "", error: str | None = None) -> None:
    """Have every due delivery of an endpoint tried once, with this answer."""
    now = timezone.now()
    claimed = [one for one in claim_due(limit=100, in_flight={}, now=now) if one.endpoint_id == endpoint.pk]
    record_attempts([_attempt(one, status, body, error) for one in claimed], now=now)


def _attempt(claimed: Claimed, status: int | None, body: str, error: str | None) -> Attempt:
    sent = Sent(status=status, body=body, error=error, duration_ms=37, retry_after=None)
    return Attempt(claimed, timezone.now(), HEADERS, sent)


def text_of(staff: Client, address: str) -> str:
    """Return a page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", staff.get(address).content.decode()))


def page_of(row: WebhookDelivery | WebhookEndpoint) -> str:
    """Return the address of a row's own page."""
    return f"/admin/payments/{row._meta.model_name}/{row.pk}/change/"


def act_of(row: WebhookDelivery | WebhookEndpoint, act: str) -> str:
    """Return the address of something that staff may do with a row."""
    return f"/admin/payments/{row._meta.model_name}/{row.pk}/{act}/"


def member(*permissions: str) -> Client:
    """Return a client that somebody with these permissions is logged in with."""
    client = new_client()
    user = get_user_model().objects.create(username="member", is_staff=True)
    codenames = ("view_webhookendpoint", "view_webhookdelivery", *permissions)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def test_a_deliverys_page_shows_what_was_sent_and_answered_each_time(
    staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    answered(endpoint, status=None, error="No answer came within 15 seconds.")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    answered(endpoint, status=500, body="<b>broken</b>")

    text = text_of(staff, page_of(delivery))

    assert f'"id": "{delivery.event.public_id}"'.replace('"', "&quot;") in text
    assert endpoint.url.removeprefix("https://") in text
    assert "webhook-signature : v1,c2lnbmVk" in text
    for number, answer in ((1, "No answer came within 15 seconds. –"), (2, "500 &lt;b&gt;broken&lt;/b&gt;")):
        assert re.search(
            rf" {number} \d{{4}}-\d\d-\d\d [\d:]{{8}} 37 ms webhook-id : evt_1 .*{re.escape(answer)}", text
        )


def test_deliveries_are_narrowed_by_status_merchant_and_mode(
    staff: Client, shop: Shop, delivery: WebhookDelivery
) -> None:
    other = open_shop()
    done = send_test_event(caller=other.caller, endpoint_id=new_endpoint(other).pk, now=timezone.now())
    answered(done.endpoint, status=200)

    for asked, shown in (
        ({"status__exact": "succeeded"}, done),
        ({"status__exact": "pending", "endpoint__merchant__id__exact": str(shop.merchant.pk)}, delivery),
        ({"endpoint__merchant__id__exact": str(other.merchant.pk)}, done),
    ):
        content = staff.get(DELIVERIES, asked).content.decode()
        assert [row.public_id in content for row in (delivery, done)] == [row == shown for row in (delivery, done)]
    assert delivery.public_id not in staff.get(DELIVERIES, {"mode__exact": "live"}).content.decode()


def test_a_delivery_is_found_by_its_id_its_event_and_its_endpoint(
    staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    other = send_test_event(caller=_caller(endpoint), endpoint_id=endpoint.pk, now=timezone.now())

    for term, found in (
        (delivery.public_id, {delivery.pk}),
        (delivery.event.public_id, {delivery.pk}),
        (endpoint.public_id, {delivery.pk, other.pk}),
    ):
        content = staff.get(DELIVERIES, {"q": term}).content.decode()
        assert {pk for pk in (delivery.pk, other.pk) if str(pk) in content} == found


def test_a_delivery_is_sent_again(staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> None:
    answered(endpoint, status=200)

    asked = text_of(staff, act_of(delivery, "send-again"))
    answer = staff.post(act_of(delivery, "send-again"), follow=True)

    delivery.refresh_from_db()
    assert endpoint.url in asked
    assert f"{delivery.public_id} is sent again." in answer.content.decode()
    assert (delivery.status, delivery.tries, delivery.attempts) == ("pending", 0, 1)
    assert LogEntry.objects.get().change_message == f"{delivery.public_id} is sent again."


def test_nothing_is_sent_again_to_an_endpoint_that_is_disabled(
    staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    staff.post(act_of(endpoint, "disable"))

    answer = staff.post(act_of(delivery, "send-again"))

    assert "is disabled (by_merchant): enable it first." in answer.content.decode()
    assert WebhookDelivery.objects.get(pk=delivery.pk).status == "canceled"


def test_an_endpoint_shows_since_when_it_fails_and_when_it_last_worked(
    staff: Client, shop: Shop, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    answered(endpoint, status=200)
    send_test_event(caller=shop.caller, endpoint_id=endpoint.pk, now=timezone.now())
    answered(endpoint, status=503)

    listed, text = text_of(staff, ENDPOINTS), text_of(staff, page_of(endpoint))

    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    failing, worked = (at and at.strftime("%Y-%m-%d %H:%M:%S") for at in (endpoint.failing_since, delivery.finished_at))
    assert f"{endpoint.url} enabled – {failing} Test shop test" in listed
    assert f"Failing since (UTC) {failing} Last success (UTC) {worked}" in text
    assert "webhook_endpoint.test" in text and "webhook_endpoint.created" in text
    assert delivery.public_id in text


def test_an_endpoint_is_disabled_and_enabled(
    staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    offered = []
    for act, status in (("disable", "disabled"), ("enable", "enabled")):
        content = staff.get(page_of(endpoint)).content.decode()
        offered.append([name for name in ("disable", "enable") if act_of(endpoint, name) in content])
        staff.post(act_of(endpoint, act))
        endpoint.refresh_from_db()
        assert endpoint.status == status

    assert offered == [["disable"], ["enable"]]
    assert WebhookDelivery.objects.get(pk=delivery.pk).status == "canceled"
    assert [entry.change_message for entry in LogEntry.objects.order_by("id")] == [
        f"{endpoint.public_id} is disabled.",
        f"{endpoint.public_id} is enabled.",
    ]


def test_what_an_endpoint_missed_is_sent_again(
    staff: Client, shop: Shop, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes={"enabled": False}, now=timezone.now())
    payment = shop.pay().json()
    update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes={"enabled": True}, now=timezone.now())
    queued = WebhookDelivery.objects.filter(endpoint=endpoint, status="pending")
    before, now = queued.count(), timezone.now()
    window = {"created_from": (now - timedelta(hours=1)).isoformat(), "created_to": now.isoformat()}

    answer = staff.post(act_of(endpoint, "send-missed"), window, follow=True)

    assert f"{queued.count() - before} events are sent." in answer.content.decode()
    assert delivery in queued
    assert payment["id"] in {found.event.data["id"] for found in queued.select_related("event")}


def test_the_last_day_is_proposed_and_a_time_that_ends_before_it_begins_is_refused(
    staff: Client, endpoint: WebhookEndpoint
) -> None:
    proposed = staff.get(act_of(endpoint, "send-missed")).content.decode()
    answer = staff.post(
        act_of(endpoint, "send-missed"), {"created_from": "2026-03-02T10:00", "created_to": "2026-03-02T10:00"}
    )

    assert len(re.findall(r'type="datetime-local"[^>]*', proposed)) == 2
    assert f'value="{timezone.now() - timedelta(days=1):%Y-%m-%dT}' in proposed
    assert "This is not after the beginning." in answer.content.decode()


def test_a_page_of_more_than_can_be_sent_at_once_says_where_to_go_on(
    staff: Client, endpoint: WebhookEndpoint, delivery: WebhookDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.operations.delivery_log.EVENTS_AT_ONCE", 1)
    monkeypatch.setattr("payments.operations.delivery_log.EVENTS_MAX", 1)
    now = timezone.now()

    answer = staff.post(
        act_of(endpoint, "send-missed"),
        {"created_from": (now - timedelta(hours=1)).isoformat(), "created_to": now.isoformat()},
        follow=True,
    )

    reached = Event.objects.order_by("id")[0].created_at
    assert f"until {reached:%Y-%m-%d %H:%M:%S}. Go on from there." in answer.content.decode()


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    client = member()

    for row, acts in ((delivery, ["send-again"]), (endpoint, ["send-missed", "disable", "enable"])):
        content = client.get(page_of(row)).content.decode()
        for act in acts:
            assert act_of(row, act) not in content
            assert client.post(act_of(row, act)).status_code == HTTPStatus.FORBIDDEN
    endpoint.refresh_from_db()
    assert endpoint.status == "enabled"


def test_each_act_has_its_permission(endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> None:
    client = member("change_webhookdelivery")

    assert client.get(act_of(delivery, "send-again")).status_code == HTTPStatus.OK
    assert client.get(act_of(endpoint, "disable")).status_code == HTTPStatus.FORBIDDEN


def test_events_and_merchants_lead_to_their_webhooks(
    staff: Client, shop: Shop, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    event = staff.get(f"/admin/payments/event/{delivery.event_id}/change/").content.decode()
    merchant = staff.get(f"/admin/payments/merchant/{shop.merchant.pk}/change/").content.decode()

    assert f'href="{page_of(delivery)}"' in event
    assert f'href="{page_of(endpoint)}"' in event
    assert f'href="{page_of(endpoint)}"' in merchant
    assert f"{ENDPOINTS}?merchant__id__exact={shop.merchant.pk}" in merchant


def test_secrets_are_neither_shown_nor_read(
    staff: Client, shop: Shop, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    rotated = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=timedelta(hours=1), now=timezone.now())
    addresses = (
        *(ENDPOINTS, DELIVERIES, page_of(endpoint), page_of(delivery), act_of(endpoint, "send-missed")),
        f"/admin/payments/event/{delivery.event_id}/change/",
        f"/admin/payments/merchant/{shop.merchant.pk}/change/",
    )

    with CaptureQueriesContext(connection) as statements:
        shown = "".join(staff.get(address).content.decode() for address in addresses)

    assert endpoint.secret not in shown and rotated.secret not in shown
    assert not [sql for sql in (one["sql"] for one in statements) if re.search(r'secret"', sql)]


def test_a_page_takes_as_many_statements_for_many_deliveries_as_for_one(
    staff: Client, shop: Shop, endpoint: WebhookEndpoint, delivery: WebhookDelivery
) -> None:
    def statements(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            staff.get(address)
        return len(captured)

    addresses = (ENDPOINTS, DELIVERIES, page_of(endpoint), page_of(delivery))
    before = [statements(address) for address in addresses]
    for _ in range(5):
        new_endpoint(shop)
    shop.pay()

    assert [statements(address) for address in addresses] == before
    assert max(before) <= 12


def _caller(endpoint: WebhookEndpoint) -> Caller:
    return Caller(endpoint.merchant_id, Mode(endpoint.mode))
