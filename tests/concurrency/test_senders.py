"""Senders side by side: nothing is sent twice at once, nothing is left, and the order is kept where it is asked for."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Lock, Thread
from time import monotonic
from uuid import UUID

import pytest

from django.db import connection, transaction
from django.utils import timezone

from payments.models import Event, WebhookDelivery, WebhookEndpoint
from payments.operations import deliveries
from payments.operations.deliveries import IN_FLIGHT_MAX, claim_due
from payments.operations.webhook_endpoints import ENDPOINTS_MAX, update_endpoint
from payments.operations.webhook_sending import WebhookSender
from payments.webhook_errors import TooManyWebhookEndpoints
from payments.webhook_sender import Sent
from tests.concurrency.collisions import at_once, in_own_thread
from tests.shop import Shop
from tests.webhooks import new_endpoint, sent

DEADLINE_SECONDS = 60


class Wire:
    """Stands for the network: notes what is on its way at a time, and fails the first attempts of some."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.on_their_way: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.sent: defaultdict[str, list[str]] = defaultdict(list)
        self.accepted: defaultdict[str, list[str]] = defaultdict(list)
        self.twice_at_once: list[str] = []

    def send(self, *, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Sent:
        """Answer every third message with an error, the first time."""
        message = headers["webhook-id"] + url
        with self.lock:
            self.on_their_way[message] += 1
            if self.on_their_way[message] > 1:
                self.twice_at_once.append(message)
            self.at_once[url] += 1
            self.most_at_once[url] = max(self.most_at_once[url], self.at_once[url])
            self.sent[url].append(headers["webhook-id"])
            number = self.sent[url].count(headers["webhook-id"])
            fails = len(self.sent[url]) % 3 == 0 and number == 1
            if not fails:
                self.accepted[url].append(headers["webhook-id"])
        with self.lock:
            self.on_their_way[message] -= 1
            self.at_once[url] -= 1
        return sent(500 if fails else 200)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Put the wire in the network's place; what fails is tried again at once."""
    made = Wire()
    monkeypatch.setattr(deliveries, "send_webhook", made.send)
    monkeypatch.setattr(deliveries, "delay_before", lambda attempt, *, chance: timedelta(0) if attempt < 20 else None)
    return made


@contextmanager
def senders(number: int) -> Iterator[None]:
    """Have several senders work, each with a connection of its own, and stop them at the end."""
    running = [WebhookSender(threads=16) for _ in range(number)]

    def run(sender: WebhookSender) -> None:
        try:
            sender.run()
        finally:
            connection.close()

    threads = [Thread(target=run, args=(sender,)) for sender in running]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for sender in running:
            sender.stop()
        for thread in threads:
            thread.join()


def wait_until_done(*endpoints: WebhookEndpoint) -> None:
    """Look again and again until nothing is pending."""
    deadline = monotonic() + DEADLINE_SECONDS
    while WebhookDelivery.objects.filter(endpoint__in=endpoints, status="pending").exists():
        assert monotonic() < deadline, "the deliveries do not come to an end"


def claimed_of(endpoint: WebhookEndpoint, now: datetime) -> list[UUID]:
    """Claim all that is due, and return what of it is this endpoint's."""
    return [
        each.delivery_id for each in claim_due(limit=1000, in_flight={}, now=now) if each.endpoint_id == endpoint.pk
    ]


def one_more(shop: Shop) -> bool:
    """Make an endpoint; tell whether there was room for it."""
    try:
        new_endpoint(shop)
    except TooManyWebhookEndpoints:
        return False
    return True


def events_of(shop: Shop) -> list[str]:
    """Return the ids of the events about the shop's payments, in their order."""
    events = Event.objects.filter(merchant=shop.merchant, type__startswith="payment.").order_by("id")
    return [event.public_id for event in events]


def test_nothing_is_sent_twice_at_once_and_nothing_is_left(shop: Shop, wire: Wire) -> None:
    endpoints = [
        new_endpoint(shop, url=f"https://shop.example.com/{number}", event_types=["payment.*"]) for number in range(3)
    ]
    for _ in range(20):
        shop.pay()

    with senders(3):
        wait_until_done(*endpoints)

    events = events_of(shop)
    assert wire.twice_at_once == []
    for endpoint in endpoints:
        assert sorted(wire.accepted[endpoint.url]) == sorted(events)
        assert wire.most_at_once[endpoint.url] <= 3 * IN_FLIGHT_MAX
        attempts = sum(WebhookDelivery.objects.filter(endpoint=endpoint).values_list("attempts", flat=True))
        assert attempts == len(wire.sent[endpoint.url])


def test_an_endpoint_that_keeps_the_order_gets_it_from_any_number_of_senders(shop: Shop, wire: Wire) -> None:
    endpoint = new_endpoint(shop, url="https://shop.example.com/in-order", event_types=["payment.*"], ordered=True)
    for _ in range(15):
        shop.pay()

    with senders(3):
        wait_until_done(endpoint)

    assert wire.accepted[endpoint.url] == events_of(shop)
    assert wire.most_at_once[endpoint.url] == 1


def test_claims_at_the_same_moment_share_what_is_due(shop: Shop) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    for _ in range(IN_FLIGHT_MAX):
        shop.pay()

    claims = at_once([partial(claimed_of, endpoint, timezone.now())] * 4)

    claimed = [each for claim in claims for each in claim]
    assert len(claimed) == len(set(claimed)) == IN_FLIGHT_MAX


def test_a_claim_waits_for_nobody_and_takes_nothing_that_another_takes(shop: Shop) -> None:
    endpoint = new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    now = timezone.now()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first = claimed_of(endpoint, now)
            # The first claim has not committed; a second one that waited for it would not come back.
            second = pool.submit(in_own_thread, partial(claimed_of, endpoint, now)).result(timeout=20)

    assert (len(first), second) == (1, [])


def test_merchants_who_make_endpoints_at_once_get_no_more_than_there_may_be(shop: Shop) -> None:
    for _ in range(ENDPOINTS_MAX - 1):
        new_endpoint(shop)

    made = at_once([partial(one_more, shop)] * 10)

    assert sum(made) == 1
    assert WebhookEndpoint.objects.filter(merchant=shop.merchant).count() == ENDPOINTS_MAX


def test_an_endpoint_that_is_switched_off_and_on_under_load_loses_nothing(shop: Shop, wire: Wire) -> None:
    endpoint = new_endpoint(shop, url="https://shop.example.com/on-and-off", event_types=["payment.*"])

    with senders(2):
        for number in range(10):
            shop.pay()
            changes = {"enabled": bool(number % 2)}
            update_endpoint(caller=shop.caller, endpoint_id=endpoint.pk, changes=changes, now=timezone.now())
        wait_until_done(endpoint)

    ended = Counter(WebhookDelivery.objects.filter(endpoint=endpoint).values_list("status", flat=True))
    assert set(ended) <= {"succeeded", "canceled"}
    assert wire.twice_at_once == []
