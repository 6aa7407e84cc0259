"""However requests and retries meet, a payment is sent to one processor at a time, and charged by one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
import time_machine

from django.utils import timezone

from payments.connectors.base import Outcome
from payments.models import ProcessorCall
from tests.concurrency.collisions import at_once, clone, in_own_thread
from tests.concurrency.test_one_key import assert_one_answer, charges_of
from tests.processors import UNREACHABLE, Processor, account_at, set_up
from tests.shop import Shop

PATIENCE_SECONDS = 30


@pytest.fixture
def processors(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[Processor]:
    """Return two processors at which the shop has accounts."""
    found = set_up(monkeypatch, "alpha", "beta")
    for processor in found:
        account_at(shop, processor)
    return found


def calls_of(shop: Shop) -> list[tuple[str, str]]:
    """Return the shop's calls in their order: to whom, and what came of each."""
    calls = ProcessorCall.objects.filter(merchant_id=shop.merchant.id).order_by("id")
    return list(calls.values_list("connector", "status"))


def test_many_requests_at_once_fail_over_once(shop: Shop, processors: list[Processor]) -> None:
    alpha, beta = processors
    alpha.is_unreachable()

    responses = at_once([partial(clone(shop).pay_under, "the-key") for _ in range(10)])

    assert_one_answer(responses, status=201)
    assert calls_of(shop) == [("alpha", "not_sent"), ("beta", "succeeded")]
    assert (len(alpha.asked), len(beta.asked), charges_of(shop)) == (1, 1, 1)


def test_request_that_a_retry_has_taken_over_goes_to_no_other_processor(
    shop: Shop, processors: list[Processor]
) -> None:
    alpha, beta = processors
    arrived, released = Event(), Event()

    def slow() -> Outcome | None:
        if arrived.is_set():
            # The retry gets through.
            return None
        arrived.set()
        assert released.wait(PATIENCE_SECONDS)
        return UNREACHABLE

    alpha.fault = slow
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, partial(clone(shop).pay_under, "the-key"))
        assert arrived.wait(PATIENCE_SECONDS)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            retried = shop.pay_under("the-key")
        released.set()
        slow_answer = running.result(PATIENCE_SECONDS)

    assert retried.json()["status"] == "succeeded"
    assert slow_answer.content == retried.content
    assert calls_of(shop) == [("alpha", "succeeded")]
    assert (beta.asked, charges_of(shop)) == ([], 1)


def test_what_was_not_sent_is_in_doubt_while_a_retry_sends_it(shop: Shop, processors: list[Processor]) -> None:
    """The slow request is the first to be done, while the retry that has taken it over is at the processor."""
    alpha, beta = processors
    first_arrived, first_released, second_arrived, second_released = (Event() for _ in range(4))

    def slow() -> Outcome | None:
        if not first_arrived.is_set():
            first_arrived.set()
            assert first_released.wait(PATIENCE_SECONDS)
            return UNREACHABLE
        second_arrived.set()
        assert second_released.wait(PATIENCE_SECONDS)
        return None

    alpha.fault = slow
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(in_own_thread, partial(clone(shop).pay_under, "the-key"))
        assert first_arrived.wait(PATIENCE_SECONDS)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            second = pool.submit(in_own_thread, partial(clone(shop).pay_under, "the-key"))
            assert second_arrived.wait(PATIENCE_SECONDS)
            first_released.set()
            in_doubt = first.result(PATIENCE_SECONDS)
            second_released.set()
            second.result(PATIENCE_SECONDS)

    assert (in_doubt.status_code, in_doubt.json()["status"]) == (201, "processing")
    assert shop.get(f"/v1/payments/{in_doubt.json()['id']}").json()["status"] == "succeeded"
    assert calls_of(shop) == [("alpha", "succeeded")]
    assert (beta.asked, charges_of(shop)) == ([], 1)


def test_retry_while_the_next_processor_is_asked_is_told_to_wait(shop: Shop, processors: list[Processor]) -> None:
    alpha, beta = processors
    alpha.is_unreachable()
    arrived, released = Event(), Event()

    def slow() -> None:
        arrived.set()
        assert released.wait(PATIENCE_SECONDS)

    beta.fault = slow
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, partial(clone(shop).pay_under, "the-key"))
        assert arrived.wait(PATIENCE_SECONDS)
        meanwhile = shop.pay_under("the-key")
        released.set()
        answered = running.result(PATIENCE_SECONDS)

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "request_in_progress")
    assert answered.json()["connector"] == "beta"
    assert (len(alpha.asked), len(beta.asked)) == (1, 1)
