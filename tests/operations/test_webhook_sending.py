"""The sender's loop: results reach the log, one broken delivery holds up no other, and it ends when it is told to."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from prometheus_client import REGISTRY

from django.db import OperationalError, connection
from django.utils import timezone

from payments.models import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from payments.operations import deliveries, webhook_sending
from payments.operations.figures import read_figures
from payments.operations.webhook_sending import WebhookSender
from payments.webhook_sender import Sent
from tests.shop import Shop, open_shop
from tests.webhooks import deliver, new_endpoint, sent

DEADLINE_SECONDS = 30


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant whose doings are committed."""
    return open_shop()


@pytest.fixture
def endpoint(shop: Shop) -> WebhookEndpoint:
    """Return an endpoint to which something is due."""
    made = new_endpoint(shop, url="https://shop.example.com/loop", event_types=["payment.succeeded"])
    shop.pay()
    shop.pay()
    return made


def answering(monkeypatch: pytest.MonkeyPatch, endpoint: WebhookEndpoint, answer: Callable[[str], Sent]) -> None:
    """Have this endpoint answer so, and everybody else's (they are other tests') not at all."""

    def send(*, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Sent:
        return answer(headers["webhook-id"]) if url == endpoint.url else sent(None)

    monkeypatch.setattr(deliveries, "send_webhook", send)


def run_until(sender: WebhookSender, condition: Callable[[], bool]) -> None:
    """Run the sender in a thread until it is so, and stop it."""

    def run() -> None:
        try:
            sender.run()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    deadline = monotonic() + DEADLINE_SECONDS
    try:
        while not condition():
            assert monotonic() < deadline, "it did not come to be so in time"
    finally:
        sender.stop()
        thread.join()


def log_of(endpoint: WebhookEndpoint) -> list[tuple[int | None, str | None]]:
    """Return status and error of every attempt."""
    attempts = DeliveryAttempt.objects.filter(delivery__endpoint=endpoint).order_by("id")
    return list(attempts.values_list("response_status", "error"))


def test_one_that_cannot_be_sent_counts_and_holds_up_no_other(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = WebhookDelivery.objects.filter(endpoint=endpoint).earliest("id").event.public_id

    def answer(message: str) -> Sent:
        if message == first:
            raise ZeroDivisionError("a defect")
        return sent(200)

    answering(monkeypatch, endpoint, answer)

    with caplog.at_level(logging.ERROR, webhook_sending.__name__):
        run_until(WebhookSender(threads=4), lambda: len(log_of(endpoint)) == 2)

    assert set(log_of(endpoint)) == {(200, None), (None, "ZeroDivisionError at the sender")}
    assert "a webhook could not be sent" in caplog.text


def test_told_to_stop_it_waits_for_what_is_on_its_way(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, began, stopped = WebhookSender(threads=1), Signal(), Signal()

    def answer(message: str) -> Sent:
        began.set()
        assert stopped.wait(DEADLINE_SECONDS)
        return sent(200)

    answering(monkeypatch, endpoint, answer)

    def stop_meanwhile() -> bool:
        if not began.is_set():
            return False
        sender.stop()
        stopped.set()
        return True

    run_until(sender, stop_meanwhile)

    # The second one was not begun any more.
    assert log_of(endpoint) == [(200, None)]


def test_a_database_that_is_away_is_waited_for_and_no_answer_is_lost(
    endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answering(monkeypatch, endpoint, lambda message: sent(200))
    monkeypatch.setattr(webhook_sending, "DATABASE_AWAY_SECONDS", 0.01)
    failures = iter(range(2))

    def stumbling(*args: Any, **values: Any) -> None:
        if next(failures, None) is not None:
            raise OperationalError("the server closed the connection")
        deliveries.record_attempts(*args, **values)

    monkeypatch.setattr(webhook_sending, "record_attempts", stumbling)

    with caplog.at_level(logging.ERROR, webhook_sending.__name__):
        run_until(WebhookSender(threads=4), lambda: len(log_of(endpoint)) == 2)

    assert log_of(endpoint) == [(200, None)] * 2
    assert caplog.text.count("the database is away") == 2


@pytest.mark.parametrize(("status", "outcome"), [(201, "succeeded"), (404, "refused"), (None, "unanswered")])
def test_attempts_are_counted_by_what_came_of_them(db: None, status: int | None, outcome: str) -> None:
    shop = open_shop()
    new_endpoint(shop, event_types=["payment.succeeded"])
    shop.pay()
    before = REGISTRY.get_sample_value("payments_webhook_attempts_total", {"outcome": outcome}) or 0

    deliver(timezone.now(), sent(status))

    assert REGISTRY.get_sample_value("payments_webhook_attempts_total", {"outcome": outcome}) == before + 1
    assert REGISTRY.get_sample_value("payments_webhook_attempt_seconds_count", {"outcome": outcome})


def test_figures_say_what_waits_and_who_was_given_up(db: None) -> None:
    shop = open_shop()
    new_endpoint(shop, event_types=["payment.succeeded"], ordered=True)
    new_endpoint(shop, event_types=["payment.succeeded"])
    empty = read_figures(now=timezone.now())
    shop.pay()
    due_at = WebhookDelivery.objects.latest("id").next_attempt_at
    assert due_at is not None

    waiting = read_figures(now=due_at + timedelta(seconds=90))
    deliver(due_at, sent(410))
    given_up = read_figures(now=due_at)

    assert (empty.webhook_deliveries_pending, empty.oldest_due_webhook_seconds) == (0, 0)
    assert (waiting.webhook_deliveries_pending, waiting.oldest_due_webhook_seconds) == (2, 90)
    assert (given_up.webhook_deliveries_pending, given_up.webhook_endpoints_given_up) == (0, 2)
