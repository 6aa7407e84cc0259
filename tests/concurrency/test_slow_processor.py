"""While a processor takes its time no transaction is open, a retry waits, and a late answer changes nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Lock
from typing import Any

import pytest
import time_machine

from django.db import connection
from django.utils import timezone

from payments.models import ProcessorCall, SandboxCharge
from tests.concurrency.collisions import clone, in_own_thread
from tests.probes import probe
from tests.shop import Shop, payment_named
from tests.snapshot import nothing_written

PATIENCE_SECONDS = 30
Request = Callable[[Shop], Any]


class HeldUp:
    """Holds the first call to the processor up, before or after it has acted, and lets later ones through."""

    def __init__(self, *, acted: bool) -> None:
        """Say whether the processor acts before it is held up."""
        self.acted = acted
        self.arrived = Event()
        self.released = Event()
        self.first = Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Stand round one call."""
        is_first = self.first.acquire(blocking=False)
        if is_first and not self.acted:
            self.wait()
        yield
        if is_first and self.acted:
            self.wait()

    def wait(self) -> None:
        """Say that the call is here, and wait until the test lets it go on."""
        self.arrived.set()
        assert self.released.wait(PATIENCE_SECONDS)


def create(shop: Shop) -> Request:
    """Prepare nothing; the request creates a payment."""
    return lambda each: each.pay_under("the-key")


def capture(shop: Shop) -> Request:
    """Authorize a payment; the request captures it."""
    path = f"/v1/payments/{shop.authorize()['id']}/capture"
    return lambda each: each.post(path, key="the-key")


def cancel(shop: Shop) -> Request:
    """Authorize a payment; the request cancels it."""
    path = f"/v1/payments/{shop.authorize()['id']}/cancel"
    return lambda each: each.post(path, key="the-key")


def confirm(shop: Shop) -> Request:
    """Prepare a payment; the request confirms it."""
    path = f"/v1/payments/{shop.pay(confirm=False).json()['id']}/confirm"
    return lambda each: each.post(path, key="the-key")


VERBS = [create, capture, cancel, confirm]


@pytest.mark.parametrize("verb", VERBS)
def test_no_transaction_is_open_while_the_processor_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Shop], Request]
) -> None:
    seen = []

    @contextmanager
    def look() -> Iterator[None]:
        seen.append(connection.in_atomic_block)
        yield

    request = verb(shop)
    probe(monkeypatch, look)

    response = request(shop)

    assert response.status_code in (200, 201)
    assert seen == [False]


@pytest.mark.parametrize("verb", VERBS)
def test_retry_of_a_running_request_is_told_to_wait_and_then_gets_its_answer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Shop], Request]
) -> None:
    request = verb(shop)
    held_up = HeldUp(acted=False)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: request(clone(shop)))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        with nothing_written():
            meanwhile = request(shop)
        held_up.released.set()
        first = running.result(PATIENCE_SECONDS)
    later = request(shop)

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "request_in_progress")
    assert meanwhile["Content-Type"] == "application/problem+json"
    assert int(meanwhile["Retry-After"]) >= 1
    assert first.status_code in (200, 201)
    assert (later.content, later["Idempotent-Replayed"]) == (first.content, "true")


def test_payment_under_way_takes_no_other_step(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}"
    held_up = HeldUp(acted=False)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: clone(shop).post(f"{path}/capture", {"amount": 500}))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        shown = shop.get(path).json()
        others = [shop.post(f"{path}/{step}") for step in ("capture", "cancel", "confirm")]
        held_up.released.set()
        captured = running.result(PATIENCE_SECONDS)

    assert (shown["status"], shown["amount_captured"], shown["amount_capturable"]) == ("processing", 0, 1999)
    assert [(each.status_code, each.json()["payment_status"]) for each in others] == [(409, "processing")] * 3
    assert captured.json()["amount_captured"] == 500


@pytest.mark.parametrize("acted", [False, True], ids=["before it acts", "after it acted"])
@pytest.mark.parametrize("verb", VERBS)
def test_retry_takes_over_from_a_request_that_was_only_slow(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, verb: Callable[[Shop], Request], acted: bool
) -> None:
    request = verb(shop)
    calls_before = ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count()
    charges_before = SandboxCharge.objects.count()
    held_up = HeldUp(acted=acted)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: request(clone(shop)))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            retried = request(shop)
        held_up.released.set()
        slow = running.result(PATIENCE_SECONDS)

    assert retried.status_code in (200, 201)
    assert (slow.status_code, slow.content) == (retried.status_code, retried.content)
    payment, charge = payment_named(retried.json()["id"]), SandboxCharge.objects.latest("id")
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count() == calls_before + 1
    assert SandboxCharge.objects.count() - charges_before == (verb in (create, confirm))
    assert charge.reference == payment.processor_reference
    assert (charge.amount_captured, charge.amount_voided) == (payment.amount_captured, 1999 * (verb is cancel))


def test_late_answer_replaces_nothing_that_was_told_before(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    held_up = HeldUp(acted=True)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: clone(shop).pay_under("the-key", capture_method="manual"))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            told = shop.pay_under("the-key", capture_method="manual")
        captured = shop.post(f"/v1/payments/{told.json()['id']}/capture")
        held_up.released.set()
        late = running.result(PATIENCE_SECONDS)

    assert (told.json()["status"], captured.json()["status"]) == ("requires_capture", "succeeded")
    assert late.content == told.content
    assert shop.pay_under("the-key", capture_method="manual").content == told.content
    assert payment_named(told.json()["id"]).status == "succeeded"
