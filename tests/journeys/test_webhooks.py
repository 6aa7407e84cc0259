"""A merchant is told of everything by real senders, whether its server fails or is down, or a sender is killed."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from django.db import connection
from django.utils import timezone

from payments.models import DeliveryAttempt, Event, WebhookDelivery, WebhookEndpoint
from payments.operations.deliveries import LEASE, attempt, claim_due
from payments.operations.ledger_check import check_ledger
from payments.operations.webhook_endpoints import rotate_secret
from tests.journeys.test_worker import ROOT, doubtful_payment, job_status, wait_until, worker
from tests.receivers import Received, Receiver
from tests.shop import Shop, open_shop, payment_named
from tests.webhooks import new_endpoint

MINE = ["payment.*", "refund.*"]


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant whose doings are committed."""
    return open_shop()


@pytest.fixture
def receiver(committed_db: None) -> Iterator[Receiver]:
    """Return the merchant's server."""
    with Receiver() as running:
        yield running


@contextmanager
def sender(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Start a sender on the test's database, and stop it at the end."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "send_webhooks", "--threads", "8"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def trade(shop: Shop, times: int) -> None:
    """Take payments, and give something back of each."""
    for _ in range(times):
        shop.post("/v1/refunds", {"payment": shop.pay().json()["id"], "amount": 500})


def hurry(endpoint: WebhookEndpoint, *, beyond_seconds: float = LEASE.total_seconds()) -> None:
    """Let all that waits for longer than so many seconds, and is therefore not on its way, be due now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE payments_webhookdelivery SET next_attempt_at = clock_timestamp() WHERE endpoint_id = %s"
            " AND status = 'pending' AND next_attempt_at > clock_timestamp() + make_interval(secs => %s)",
            [endpoint.pk, beyond_seconds],
        )


def pending(endpoint: WebhookEndpoint) -> int:
    """Return how many deliveries are not there yet, and wait for none of them longer than need be."""
    hurry(endpoint)
    return WebhookDelivery.objects.filter(endpoint=endpoint, status="pending").count()


def events_of(shop: Shop) -> dict[str, str]:
    """Return the type of each event about the shop's payments and refunds, by its id."""
    events = Event.objects.filter(merchant=shop.merchant).exclude(type__startswith="webhook_endpoint")
    return {event.public_id: event.type for event in events}


def accepted(receiver: Receiver) -> list[Received]:
    """Return the requests that the merchant's server has taken."""
    return [each for each in receiver.requests if each.status == 200]


def assert_told_of_everything(shop: Shop, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    """Every event came, verifies, says what the API says, and the numbers of each object's have no gap."""
    taken = accepted(receiver)
    told = {each.headers["webhook-id"]: json.loads(each.body) for each in taken}
    assert {message: document["type"] for message, document in told.items()} == events_of(shop)
    for each in receiver.requests:
        Webhook(endpoint.secret).verify(each.body, dict(each.headers))
    for message, document in told.items():
        assert document == shop.get(f"/v1/events/{message}").json()
        assert {"type", "timestamp", "data"} <= document.keys()
    numbers = defaultdict(list)
    for document in told.values():
        numbers[document["object_id"]].append(document["sequence"])
    assert all(sorted(found) == [*range(1, len(found) + 1)] for found in numbers.values())


@pytest.mark.timeout(180)
def test_every_event_arrives_at_a_server_that_fails_often_and_is_down_for_a_while(
    shop: Shop, receiver: Receiver, database_url: str
) -> None:
    endpoint = new_endpoint(shop, url=receiver.url, event_types=MINE)
    receiver.fail(1 / 3)

    with sender(database_url) as process:
        trade(shop, 10)
        receiver.wait_for(20)
        receiver.go_down()
        down_from = len(receiver.requests)
        trade(shop, 5)
        receiver.wait_for(down_from + 5)
        receiver.come_back()
        wait_until(lambda: not pending(endpoint))
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()

    assert process.returncode == 0, output
    assert_told_of_everything(shop, endpoint, receiver)
    # Each answer is in the log once, and what was taken was not sent again.
    answers = DeliveryAttempt.objects.filter(delivery__endpoint=endpoint, response_status__isnull=False)
    assert answers.count() == len([each for each in receiver.requests if each.status])
    assert set(Counter(each.headers["webhook-id"] for each in accepted(receiver)).values()) == {1}
    assert {each.status for each in receiver.requests} == {200, 500, None}
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.failing_since) == ("enabled", None)


@pytest.mark.timeout(180)
def test_nothing_is_lost_when_senders_are_killed(shop: Shop, receiver: Receiver, database_url: str) -> None:
    endpoint = new_endpoint(shop, url=receiver.url, event_types=MINE)
    trade(shop, 10)
    receiver.be_slow(0.3)

    for killed_after in (3, 12):
        with sender(database_url) as process:
            receiver.wait_for(killed_after)
            process.kill()
        # What it had taken would fall due again when its lease is over.
        hurry(endpoint, beyond_seconds=0)
    receiver.be_slow(0)
    with sender(database_url):
        wait_until(lambda: not pending(endpoint))

    assert_told_of_everything(shop, endpoint, receiver)


@pytest.mark.timeout(180)
def test_a_merchant_hears_from_the_worker_in_order(receiver: Receiver, committed_db: None, database_url: str) -> None:
    payment_id, job = doubtful_payment()
    payment = payment_named(payment_id)
    endpoint = WebhookEndpoint.objects.create(
        merchant=payment.merchant,
        mode=payment.mode,
        url=receiver.url,
        event_types=["payment.*"],
        ordered=True,
        secret="whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        status="enabled",
        created_at=payment.created_at,
        updated_at=payment.created_at,
    )
    receiver.fail(1 / 3)

    with worker(database_url), sender(database_url):
        wait_until(lambda: job_status(job) == "succeeded")
        wait_until(lambda: bool(accepted(receiver)) and not pending(endpoint))

    documents = [json.loads(each.body) for each in accepted(receiver)]
    assert [document["type"] for document in documents][-1] == "payment.succeeded"
    assert [document["sequence"] for document in documents] == sorted(document["sequence"] for document in documents)
    assert check_ledger() == []


def test_on_the_wire_is_the_event_signed_by_both_secrets_of_a_rotation(shop: Shop, receiver: Receiver) -> None:
    endpoint = new_endpoint(shop, url=receiver.url, event_types=["payment.created"])
    old, now = endpoint.secret, timezone.now()
    new = rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=timedelta(hours=1), now=now).secret
    shop.pay(confirm=False)
    (claimed,) = [each for each in claim_due(limit=99, in_flight={}, now=timezone.now()) if each.url == receiver.url]

    made = attempt(claimed, now=timezone.now())

    (request,) = receiver.requests
    for secret in (old, new):
        document = Webhook(secret).verify(request.body, dict(request.headers))
        assert document == shop.get(f"/v1/events/{request.headers['webhook-id']}").json()
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(request.body, dict(request.headers))
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Payments-Webhooks/1.0 (+http")
    assert {name.lower(): text for name, text in made.headers.items()}.items() <= dict(request.headers).items()
    assert (made.succeeded, made.sent.status, made.sent.body) == (True, 200, "ok")
