"""An account whose processor does not answer gets no new payments, one to try it now and then, and all when it does."""

from datetime import datetime, timedelta
from functools import partial

import pytest
import time_machine
from prometheus_client import REGISTRY

from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.lifecycles import CIRCUIT_BREAKER, CircuitBreakerStatus
from payments.models import CircuitBreaker, ProcessorAccount
from payments.operations.circuit_breakers import (
    FAILURES_TO_OPEN,
    OPEN_SECONDS_FIRST,
    OPEN_SECONDS_MAX,
    TRIAL,
    WINDOW,
    Standing,
    after_failure,
    claim_trial,
    reset_breaker,
)
from tests.concurrency.collisions import at_once, clone
from tests.processors import Processor, account_at, set_up
from tests.shop import Shop, new_client, open_shop

CLOSED, OPEN, HALF_OPEN = CircuitBreakerStatus  # pylint: disable=invalid-name
NOW = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
CLEAN = Standing(CLOSED, 0, None, None, 0)
STEP = timedelta(seconds=1)


@pytest.fixture
def alpha(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Processor:
    """Return a processor where the shop has an account."""
    (processor,) = set_up(monkeypatch, "alpha")
    account_at(shop, processor)
    return processor


def fail(standing: Standing, times: int, *, now: datetime, apart: timedelta = STEP) -> Standing:
    """Return where failures take a breaker, the last of them at `now`."""
    for number in range(times):
        standing = after_failure(standing, now=now - (times - 1 - number) * apart)
    return standing


def breaker_of(shop: Shop) -> CircuitBreaker:
    """Return the breaker of the shop's one account."""
    return CircuitBreaker.objects.get(account__merchant=shop.merchant)


def opened(shop: Shop, alpha: Processor) -> CircuitBreaker:
    """Have the breaker open, at a processor that is well again."""
    alpha.is_silent()
    for _ in range(FAILURES_TO_OPEN):
        shop.pay()
    alpha.is_well()
    breaker = breaker_of(shop)
    assert breaker.status == OPEN
    return breaker


def test_few_failures_are_counted_and_nothing_more() -> None:
    assert fail(CLEAN, 4, now=NOW) == Standing(CLOSED, 4, NOW - 3 * STEP, None, 0)


def test_enough_failures_open() -> None:
    found = fail(CLEAN, FAILURES_TO_OPEN, now=NOW)

    retried = NOW + timedelta(seconds=OPEN_SECONDS_FIRST)
    assert found == Standing(OPEN, FAILURES_TO_OPEN, NOW - 4 * STEP, retried, OPEN_SECONDS_FIRST)


def test_failures_far_apart_never_open() -> None:
    found = fail(CLEAN, 20, now=NOW, apart=WINDOW)

    assert found == Standing(CLOSED, 1, NOW, None, 0)


def test_failures_within_the_window_open_to_the_second() -> None:
    assert fail(CLEAN, 5, now=NOW, apart=WINDOW / 4 - STEP).status == OPEN
    assert fail(CLEAN, 5, now=NOW, apart=WINDOW / 4).status == CLOSED


def test_each_failed_trial_doubles_the_time_up_to_a_bound() -> None:
    standing, lengths = fail(CLEAN, FAILURES_TO_OPEN, now=NOW), []

    for _ in range(6):
        lengths.append(standing.open_seconds)
        tried = Standing(HALF_OPEN, standing.failures, standing.failing_since, NOW, standing.open_seconds)
        standing = after_failure(tried, now=NOW)

    assert lengths == [30, 60, 120, 240, OPEN_SECONDS_MAX, OPEN_SECONDS_MAX]
    assert standing.retry_at == NOW + timedelta(seconds=OPEN_SECONDS_MAX)


def test_failure_of_what_goes_on_while_it_is_open_moves_nothing() -> None:
    standing = fail(CLEAN, FAILURES_TO_OPEN, now=NOW)

    later = after_failure(standing, now=NOW + STEP)

    assert (later.status, later.retry_at, later.open_seconds) == (OPEN, standing.retry_at, standing.open_seconds)


@pytest.mark.parametrize("status", CircuitBreakerStatus)
def test_a_failure_follows_the_lifecycle(status: CircuitBreakerStatus) -> None:
    before = Standing(status, 4, NOW, None if status is CLOSED else NOW, 30)

    after = after_failure(before, now=NOW).status

    assert after == status or CIRCUIT_BREAKER.allows(status, after)


def test_nothing_is_written_while_all_goes_well(shop: Shop, alpha: Processor) -> None:
    with CaptureQueriesContext(connection) as statements:
        shop.pay()

    written = [each["sql"] for each in statements if not each["sql"].lstrip().startswith("SELECT")]
    assert not [sql for sql in written if "circuitbreaker" in sql]
    assert not CircuitBreaker.objects.exists()


def test_answer_forgets_the_failures_before(shop: Shop, alpha: Processor) -> None:
    alpha.is_silent()
    for _ in range(FAILURES_TO_OPEN - 1):
        shop.pay()
    alpha.is_well()

    shop.pay(payment_method="pm_card_declined")

    breaker = breaker_of(shop)
    assert (breaker.status, breaker.failures, breaker.failing_since) == (CLOSED, 0, None)


@pytest.mark.parametrize("fault", ["is_silent", "is_unreachable"])
def test_calls_without_an_answer_open_the_breaker(shop: Shop, alpha: Processor, fault: str) -> None:
    before = REGISTRY.get_sample_value("payments_circuit_breaker_openings_total", {"connector": "alpha"}) or 0
    getattr(alpha, fault)()

    answers = [shop.pay() for _ in range(FAILURES_TO_OPEN + 2)]

    after = REGISTRY.get_sample_value("payments_circuit_breaker_openings_total", {"connector": "alpha"})
    assert len(alpha.asked) == FAILURES_TO_OPEN
    assert [answer.status_code for answer in answers[-2:]] == [502, 502]
    assert (breaker_of(shop).status, after) == (OPEN, before + 1)


def test_payments_go_round_an_open_breaker(shop: Shop, alpha: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    (beta,) = set_up(monkeypatch, "beta")
    account_at(shop, beta)
    opened(shop, alpha)

    payment = shop.pay().json()

    assert payment["connector"] == "beta"
    assert len(alpha.asked) == FAILURES_TO_OPEN


def test_breaker_of_one_merchant_is_no_other_s(shop: Shop, alpha: Processor) -> None:
    other = open_shop()
    account_at(other, alpha)
    opened(shop, alpha)

    assert other.pay().json()["connector"] == "alpha"


def test_capture_goes_on_and_its_answer_closes_the_breaker(shop: Shop, alpha: Processor) -> None:
    authorized = shop.authorize()
    opened(shop, alpha)

    captured = shop.post(f"/v1/payments/{authorized['id']}/capture")

    assert captured.json()["status"] == "succeeded"
    assert breaker_of(shop).status == CLOSED


def test_after_a_while_one_payment_tries_and_closes_the_breaker(shop: Shop, alpha: Processor) -> None:
    breaker = opened(shop, alpha)
    seen = []
    alpha.fault = lambda: seen.append(breaker_of(shop).status)
    assert breaker.retry_at is not None

    with time_machine.travel(breaker.retry_at):
        payment = shop.pay().json()

    found = breaker_of(shop)
    assert (seen, payment["status"]) == ([HALF_OPEN], "succeeded")
    assert (found.status, found.failures, found.retry_at, found.open_seconds) == (CLOSED, 0, None, 0)


def test_failed_trial_opens_the_breaker_again_for_longer(shop: Shop, alpha: Processor) -> None:
    breaker = opened(shop, alpha)
    alpha.is_silent()
    assert breaker.retry_at is not None

    with time_machine.travel(breaker.retry_at):
        shop.pay()
        refused = shop.pay()

    found = breaker_of(shop)
    assert (refused.status_code, found.status, found.open_seconds) == (502, OPEN, 2 * OPEN_SECONDS_FIRST)
    assert len(alpha.asked) == FAILURES_TO_OPEN + 1


def test_trial_whose_process_died_is_made_by_another(shop: Shop, alpha: Processor) -> None:
    breaker = opened(shop, alpha)
    moment = breaker.retry_at
    assert moment is not None

    claimed = [
        claim_trial(account_id=breaker.account_id, now=moment + after)
        for after in (-STEP, timedelta(), STEP, TRIAL - STEP, TRIAL, TRIAL + STEP)
    ]

    assert claimed == [False, True, False, False, True, False]


def test_request_that_is_refused_gives_its_trial_back(shop: Shop, alpha: Processor) -> None:
    shop.pay(merchant_reference="order-1")
    breaker = opened(shop, alpha)
    assert breaker.retry_at is not None

    with time_machine.travel(breaker.retry_at):
        refused = shop.pay(merchant_reference="order-1")

    assert refused.status_code == 409
    assert breaker_of(shop).status == OPEN


def test_breaker_is_closed_by_hand(shop: Shop, alpha: Processor) -> None:
    breaker = opened(shop, alpha)

    closed, again = (reset_breaker(account_id=breaker.account_id) for _ in range(2))

    assert (closed, again) == (True, False)
    assert shop.pay().json()["status"] == "succeeded"


def test_of_those_who_try_at_once_one_does(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, (alpha,) = open_shop(), set_up(monkeypatch, "alpha")
    account = account_at(shop, alpha)
    breaker = opened(shop, alpha)
    assert breaker.retry_at is not None

    claimed = at_once([partial(claim_trial, account_id=account.pk, now=breaker.retry_at) for _ in range(8)])

    assert sorted(claimed) == [False] * 7 + [True]


def test_failures_at_once_are_all_counted(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, (alpha,) = open_shop(), set_up(monkeypatch, "alpha")
    account_at(shop, alpha)
    alpha.is_silent()

    at_once([clone(shop).pay for _ in range(FAILURES_TO_OPEN - 1)])

    assert breaker_of(shop).failures == FAILURES_TO_OPEN - 1


def test_sandbox_has_none(shop: Shop) -> None:
    for _ in range(FAILURES_TO_OPEN + 1):
        shop.pay(payment_method="pm_fault_unreachable")

    assert shop.pay().status_code == 201
    assert not ProcessorAccount.objects.filter(merchant=shop.merchant).exists()


def test_open_breakers_are_metrics_by_connector(shop: Shop, alpha: Processor) -> None:
    opened(shop, alpha)
    during = new_client().get("/metrics").content.decode()
    reset_breaker(account_id=breaker_of(shop).account_id)
    after = new_client().get("/metrics").content.decode()

    assert 'payments_open_circuit_breakers{connector="alpha"} 1.0' in during
    assert 'payments_open_circuit_breakers{connector="alpha"} 0.0' in after
    assert 'payments_circuit_breaker_openings_total{connector="alpha"}' in during
