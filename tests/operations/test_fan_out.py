"""Every event has a delivery for everyone who wants it, from the moment in which it is written."""

from itertools import product

import pytest

from django.db import connection
from django.utils import timezone

from payments.event_types import EVENT_TYPES, known_patterns, patterns_of
from payments.lifecycles import Mode
from payments.models import Event, WebhookDelivery, WebhookEndpoint
from payments.operations.events import record_events
from payments.operations.webhook_endpoints import delete_endpoint, send_test_event, update_endpoint
from tests.shop import Shop, open_shop, payment_named
from tests.webhooks import new_endpoint


def types_for(endpoint: WebhookEndpoint) -> list[str]:
    """Return the types of the events that are queued for an endpoint, in their order."""
    queued = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("id")
    return list(queued.values_list("event__type", flat=True))


def test_an_event_is_queued_for_each_endpoint_that_wants_it(shop: Shop) -> None:
    everything, payments = new_endpoint(shop), new_endpoint(shop, event_types=["payment.*"])
    one = new_endpoint(shop, event_types=["refund.created", "payment.succeeded"])

    shop.post("/v1/refunds", {"payment": shop.pay().json()["id"]})

    told = ["payment.created", "payment.succeeded", "refund.created", "refund.succeeded", "payment.refunded"]
    assert [name for name in types_for(everything) if "endpoint" not in name] == told
    assert types_for(payments) == ["payment.created", "payment.succeeded", "payment.refunded"]
    assert types_for(one) == ["payment.succeeded", "refund.created"]


def test_a_delivery_is_due_at_once_and_of_its_event_s_owner(shop: Shop) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])

    shop.pay()

    delivery = WebhookDelivery.objects.get(endpoint=endpoint)
    assert (delivery.merchant_id, delivery.mode, delivery.status) == (shop.merchant.id, "test", "pending")
    assert (delivery.attempts, delivery.tries, delivery.finished_at) == (0, 0, None)
    assert delivery.next_attempt_at == delivery.created_at == delivery.event.created_at


def test_nobody_hears_of_another_merchant_or_of_the_other_mode(shop: Shop) -> None:
    live, other = open_shop(mode=Mode.LIVE, merchant=shop.merchant), open_shop()
    strangers = [new_endpoint(live), new_endpoint(other)]
    before = [types_for(stranger) for stranger in strangers]

    shop.pay()

    assert [types_for(stranger) for stranger in strangers] == before


def test_nothing_is_queued_for_who_is_switched_off_or_deleted(shop: Shop) -> None:
    disabled, deleted = (new_endpoint(shop, event_types=["payment.*"]) for _ in range(2))
    now = timezone.now()
    update_endpoint(caller=shop.caller, endpoint_id=disabled.pk, changes={"enabled": False}, now=now)
    delete_endpoint(caller=shop.caller, endpoint_id=deleted.pk, now=now)

    shop.pay()

    assert types_for(disabled) == types_for(deleted) == []


def test_events_that_are_written_together_are_queued_together(shop: Shop) -> None:
    payments = [payment_named(shop.pay(confirm=False).json()["id"]) for _ in range(3)]
    endpoint = new_endpoint(shop, event_types=["*"])
    created = types_for(endpoint)

    record_events(payments, now=timezone.now())

    assert types_for(endpoint) == created + ["payment.requires_confirmation"] * 3


def test_a_test_event_is_for_its_endpoint_alone_whatever_it_wants(shop: Shop) -> None:
    tested, other = new_endpoint(shop, event_types=["payout.*"]), new_endpoint(shop)
    before = types_for(other)

    delivery = send_test_event(caller=shop.caller, endpoint_id=tested.pk, now=timezone.now())

    assert types_for(tested) == ["webhook_endpoint.test"]
    assert (delivery.endpoint_id, delivery.event.type) == (tested.pk, "webhook_endpoint.test")
    assert types_for(other) == before


def test_the_database_chooses_as_the_catalogue_says(shop: Shop) -> None:
    endpoint = new_endpoint(shop)
    cases = list(product(sorted(EVENT_TYPES - {"webhook_endpoint.test"}), sorted(known_patterns())))

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payments_wants_event(%s, ARRAY[pattern]::varchar[], type::varchar, gen_random_uuid())"
            " FROM unnest(%s::text[], %s::text[]) AS given (type, pattern)",
            [endpoint.pk, [name for name, _ in cases], [pattern for _, pattern in cases]],
        )
        chosen = [wanted for (wanted,) in cursor.fetchall()]

    assert chosen == [pattern in patterns_of(name) for name, pattern in cases]


def test_ids_that_the_database_makes_are_uuids_of_version_7_in_order(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT payments_uuid7(), pg_sleep(0.000002) FROM generate_series(1, 500)")
        made = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000")
        (now_ms,) = cursor.fetchone() or (0,)

    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert made == sorted(made)
    assert len(set(made)) == 500
    assert 0 <= int(now_ms) - (made[-1].int >> 80) < 5_000


def test_an_event_of_an_endpoint_never_shows_its_secret(shop: Shop) -> None:
    endpoint = new_endpoint(shop)

    event = Event.objects.get(object_id=endpoint.pk)

    assert event.type == "webhook_endpoint.created"
    assert not [name for name in event.data if "secret" in name and name != "previous_secret_expires_at"]
    assert endpoint.secret not in str(event.data)


@pytest.mark.parametrize("column", ["secret", "previous_secret"])
def test_secrets_are_encrypted_at_rest(shop: Shop, column: str) -> None:
    endpoint = new_endpoint(shop)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret="whsec_old", previous_secret_expires_at=timezone.now()
    )

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM payments_webhookendpoint WHERE id = %s", [endpoint.pk])
        (stored,) = cursor.fetchone() or ("",)

    assert stored.startswith("gAAAA")
    assert "whsec_" not in stored
