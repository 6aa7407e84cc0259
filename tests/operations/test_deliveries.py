"""The queue of webhooks, on a clock of the test's: what is due, for whom, and what an answer changes."""

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from django.utils import timezone

from payments.models import DeliveryAttempt, Event, WebhookDelivery, WebhookEndpoint
from payments.operations.deliveries import (
    FAILING_AFTER,
    IN_FLIGHT_MAX,
    IN_FLIGHT_WHILE_FAILING,
    LEASE,
    Claimed,
    claim_due,
    signing_secrets,
)
from payments.operations.retry_schedule import DELAYS
from payments.operations.webhook_endpoints import delete_endpoint, rotate_secret, update_endpoint
from tests.shop import Shop, open_shop
from tests.webhooks import deliver, new_endpoint, record, sent

SECOND = timedelta(seconds=1)


@pytest.fixture
def now() -> datetime:
    """Return a moment after everything that the test writes."""
    return timezone.now() + timedelta(hours=1)


@pytest.fixture
def endpoint(shop: Shop) -> WebhookEndpoint:
    """Return an endpoint that takes what becomes of payments."""
    return new_endpoint(shop, event_types=["payment.succeeded"])


@pytest.fixture(autouse=True)
def _no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.0)


def pay(shop: Shop, times: int = 1) -> None:
    """Take payments, each of which is one event for the endpoint."""
    for _ in range(times):
        shop.pay()


def claim(now: datetime, *, limit: int = 100, in_flight: dict[WebhookEndpoint, int] | None = None) -> list[Claimed]:
    """Claim what is due, and leave it on its way."""
    busy = {endpoint.pk: number for endpoint, number in (in_flight or {}).items()}
    return claim_due(limit=limit, in_flight=busy, now=now)


def only(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Return the endpoint's one delivery, as it stands."""
    return WebhookDelivery.objects.get(endpoint=endpoint)


def statuses(endpoint: WebhookEndpoint) -> Counter[str]:
    """Return how many of an endpoint's deliveries stand where."""
    return Counter(WebhookDelivery.objects.filter(endpoint=endpoint).values_list("status", flat=True))


def standing(endpoint: WebhookEndpoint) -> tuple[str, str | None]:
    """Return an endpoint's status, and why it is that."""
    endpoint.refresh_from_db()
    return endpoint.status, endpoint.disabled_reason


def test_what_is_taken_is_delivered(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop)

    deliver(now, sent(204))

    delivery = only(endpoint)
    assert (delivery.status, delivery.attempts, delivery.finished_at) == ("succeeded", 1, now)
    assert delivery.next_attempt_at is None
    assert claim(now + timedelta(days=9)) == []


@pytest.mark.parametrize("status", [100, 199, 300, 302, 400, 404, 429, 500, 503, None])
def test_whatever_is_not_2xx_is_a_failure(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime, status: int | None
) -> None:
    pay(shop)

    deliver(now, sent(status))

    delivery = only(endpoint)
    assert (delivery.status, delivery.attempts, delivery.next_attempt_at) == ("pending", 1, now + DELAYS[1])


def test_it_is_tried_ten_times_by_the_schedule_and_then_given_up(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime
) -> None:
    pay(shop)
    moment = now

    waits = []
    while only(endpoint).status == "pending":
        assert len(deliver(moment, sent(500))) == 1
        assert claim(moment + min(DELAYS[1:]) - SECOND) == []
        following = only(endpoint).next_attempt_at
        if following is not None:
            waits.append(following - moment)
            moment = following

    assert waits == list(DELAYS[1:])
    delivery = only(endpoint)
    assert (delivery.status, delivery.attempts, delivery.finished_at) == ("failed", 10, moment)
    assert list(DeliveryAttempt.objects.filter(delivery=delivery).order_by("id").values_list("number", flat=True)) == [
        *range(1, 11)
    ]


@pytest.mark.parametrize(("asked", "waits"), [((503, 3600), 3600), ((429, 1), 5), ((500, 3600), 5)])
def test_retry_after_is_waited_for(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime, asked: tuple[int, int], waits: int
) -> None:
    pay(shop)
    status, seconds = asked

    deliver(now, sent(status, retry_after=timedelta(seconds=seconds)))

    assert only(endpoint).next_attempt_at == now + timedelta(seconds=waits)


def test_an_attempt_is_kept_as_it_was(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop)

    (claimed,) = deliver(now, sent(None))

    attempt = DeliveryAttempt.objects.get(delivery=only(endpoint))
    assert (attempt.number, attempt.started_at, attempt.duration_ms) == (1, now, 3)
    assert attempt.request_headers == {"webhook-id": claimed.message_id}
    assert (attempt.response_status, attempt.response_body) == (None, "")
    assert attempt.error == "The connection was refused."


def test_the_message_is_the_event_and_the_same_each_time(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop)

    first = deliver(now, sent(500))
    again = deliver(now + DELAYS[1])

    event = Event.objects.get(merchant=shop.merchant, type="payment.succeeded")
    assert [each.message_id for each in first + again] == [event.public_id] * 2
    assert first[0].body == again[0].body == shop.get(f"/v1/events/{event.public_id}").content


def test_what_a_dead_sender_had_falls_due_again(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop)
    dead = claim(now)

    meanwhile = claim(now + LEASE - SECOND)
    again = claim(now + LEASE)

    assert meanwhile == []
    assert [each.delivery_id for each in again] == [each.delivery_id for each in dead]
    assert only(endpoint).attempts == 0


@pytest.mark.parametrize(("late", "counted"), [(200, 500), (500, 200)])
def test_an_answer_after_the_lease_does_not_count_beside_the_next_one(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime, late: int, counted: int
) -> None:
    pay(shop)
    first = claim(now)
    second = claim(now + LEASE)

    record(first, now + LEASE + SECOND, sent(late))
    record(second, now + LEASE + SECOND, sent(counted))
    record(first, now + LEASE + 2 * SECOND, sent(late))

    delivery = only(endpoint)
    assert (delivery.attempts, delivery.status) == (1, "succeeded" if counted == 200 else "pending")
    assert DeliveryAttempt.objects.get(delivery=delivery).response_status == counted


def test_one_endpoint_gets_only_so_much_at_a_time(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 12)

    first = claim(now)
    full = claim(now, in_flight={endpoint: IN_FLIGHT_MAX})
    freed = claim(now, in_flight={endpoint: IN_FLIGHT_MAX - 3})

    assert (len(first), len(full), len(freed)) == (IN_FLIGHT_MAX, 0, 3)
    assert {each.delivery_id for each in first}.isdisjoint(each.delivery_id for each in freed)


def test_one_that_fails_gets_less_until_it_succeeds(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 12)
    deliver(now, sent(500), limit=1)

    while_failing = deliver(now, sent(200))
    recovered = claim(now)

    assert (len(while_failing), len(recovered)) == (IN_FLIGHT_WHILE_FAILING, IN_FLIGHT_MAX)


def test_who_has_much_waiting_does_not_push_others_aside(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 12)
    quiet = open_shop()
    quiet_endpoint = new_endpoint(quiet, event_types=["payment.succeeded"])
    pay(quiet)

    claimed = claim(now, limit=IN_FLIGHT_MAX + 1)

    assert Counter(each.endpoint_id for each in claimed) == {endpoint.pk: IN_FLIGHT_MAX, quiet_endpoint.pk: 1}


def test_what_has_waited_longest_is_claimed_first(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 4)
    due = list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("id").values_list("pk", flat=True))

    claimed = [claim(now, limit=1)[0].delivery_id for _ in due]

    assert claimed == due


def test_no_more_is_claimed_than_is_asked_for(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 3)

    assert len(claim(now, limit=2)) == 2


def test_in_order_a_later_event_waits_for_an_earlier_one(shop: Shop, now: datetime) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.*"], ordered=True)
    pay(shop, 2)
    expected = [
        event.public_id
        for event in Event.objects.filter(merchant=shop.merchant, type__startswith="payment.").order_by("id")
    ]

    on_its_way = claim(now)
    meanwhile = claim(now)
    record(on_its_way, now, sent(500))
    before_the_retry = claim(now + DELAYS[1] - SECOND)
    later = now + DELAYS[1]
    told = [each.message_id for _ in expected for each in deliver(later)]

    assert [each.message_id for each in on_its_way] == expected[:1]
    assert meanwhile == before_the_retry == []
    assert told == expected
    assert statuses(endpoint) == {"succeeded": 4}


def test_in_order_what_is_given_up_holds_nothing_up_any_more(shop: Shop, now: datetime) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"], ordered=True)
    pay(shop, 2)
    first, second = WebhookDelivery.objects.filter(endpoint=endpoint).order_by("id")
    WebhookDelivery.objects.filter(pk=first.pk).update(attempts=9, tries=9)
    deliver(now, sent(500))

    (claimed,) = claim(now)

    assert claimed.delivery_id == second.pk


def test_gone_disables_at_once_and_cancels_what_waits(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 3)
    other = new_endpoint(shop, event_types=["webhook_endpoint.disabled"])

    deliver(now, sent(410), limit=1)

    assert standing(endpoint) == ("disabled", "gone")
    assert statuses(endpoint) == {"canceled": 3}
    assert claim(now + timedelta(days=1)) != []
    notice = only(other).event
    assert (notice.object_id, notice.data["disabled_reason"]) == (endpoint.pk, "gone")


def test_what_fails_for_days_without_one_success_is_disabled(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime
) -> None:
    pay(shop, 3)
    deliver(now, sent(500), limit=1)

    deliver(now + FAILING_AFTER - SECOND, sent(500), limit=1)
    before = standing(endpoint)
    deliver(now + FAILING_AFTER, sent(500), limit=1)

    assert before == ("enabled", None)
    assert standing(endpoint) == ("disabled", "failing")
    assert endpoint.failing_since == now
    assert statuses(endpoint) == {"canceled": 3}


def test_one_success_among_failures_keeps_an_endpoint(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    pay(shop, 4)
    deliver(now, sent(500), limit=1)
    deliver(now + FAILING_AFTER / 2, sent(200), limit=1)

    deliver(now + FAILING_AFTER, sent(500), limit=1)

    assert standing(endpoint) == ("enabled", None)
    assert endpoint.failing_since == now + FAILING_AFTER


def test_an_answer_for_what_was_canceled_meanwhile_changes_nothing(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime
) -> None:
    pay(shop)
    claimed = claim(now)
    update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes={"enabled": False}, now=now)

    record(claimed, now, sent(410))

    assert standing(endpoint) == ("disabled", "by_merchant")
    assert (only(endpoint).status, only(endpoint).attempts) == ("canceled", 0)


@pytest.mark.parametrize("ending", ["disabled", "deleted"])
def test_an_event_written_while_its_endpoint_ended_is_canceled_when_it_is_due(
    shop: Shop, endpoint: WebhookEndpoint, now: datetime, ending: str
) -> None:
    pay(shop)
    if ending == "deleted":
        delete_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, now=now)
    else:
        update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes={"enabled": False}, now=now)
    # The event's transaction still saw the endpoint, and committed after the one that ended it.
    WebhookDelivery.objects.filter(endpoint=endpoint).update(status="pending", next_attempt_at=now, finished_at=None)

    claimed = claim(now)

    assert claimed == []
    assert (only(endpoint).status, only(endpoint).finished_at) == ("canceled", now)


def test_during_a_rotation_both_secrets_sign(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    old = endpoint.secret

    new = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=timedelta(hours=1), now=now)

    assert new.secret != old
    assert signing_secrets(new, now=now) == (new.secret, old)
    assert signing_secrets(new, now=now + timedelta(hours=1)) == (new.secret,)


def test_a_second_rotation_ends_the_oldest_secret(shop: Shop, endpoint: WebhookEndpoint, now: datetime) -> None:
    hour = timedelta(hours=1)
    first = endpoint.secret
    second = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=hour, now=now).secret

    third = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=hour, now=now)
    at_once = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=timedelta(0), now=now)

    assert first not in signing_secrets(third, now=now)
    assert signing_secrets(third, now=now) == (third.secret, second)
    assert signing_secrets(at_once, now=now) == (at_once.secret,)
