"""Each key has a rate limit, and each answer says what is left of it. Many at once are in tests/concurrency."""

import math
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from pytest_django import Settings

from django.test import Client
from django.utils import timezone

from payments.models import ApiKey, ApiKeyMeter
from payments.operations.api_keys import Bounds, RateLimit, revoke_api_key
from tests.api.answers import problem_in
from tests.api.conftest import checked
from tests.api.schema import document
from tests.shop import Shop, open_shop
from tests.snapshot import nothing_written

PATH = "/v1/events"


@pytest.fixture
def limited(db: None) -> Shop:
    """Return a shop whose key may send 20 requests at once, and one a second."""
    return checked(open_shop(bounds=Bounds(rate_limit=RateLimit(per_second=1, burst=20))))


def key_of(shop: Shop) -> ApiKey:
    """Return the shop's key."""
    return ApiKey.objects.get(merchant=shop.merchant)


def use_up(shop: Shop, seconds: float) -> None:
    """Have the key's requests so far take so many seconds more at the limit's rate."""
    ApiKeyMeter.objects.update_or_create(
        api_key=key_of(shop), defaults={"theoretical_arrival_at": timezone.now() + timedelta(seconds=seconds)}
    )


def left(shop: Shop) -> tuple[int, int]:
    """Return what an answer says is left, and after how many seconds it is all."""
    found = re.fullmatch(r'"default";r=(\d+);t=(\d+)', shop.get(PATH)["RateLimit"])
    assert found
    return int(found[1]), int(found[2])


def test_burst_is_let_through_and_then_the_rate(limited: Shop) -> None:
    begun = time.monotonic()

    statuses = [limited.get(PATH).status_code for _ in range(60)]

    passed = statuses.count(200)
    assert statuses[:20] == [200] * 20
    assert 20 <= passed <= 20 + math.ceil(time.monotonic() - begun)
    assert statuses.count(429) == 60 - passed


def test_what_is_left_is_on_every_answer(limited: Shop) -> None:
    first = limited.get(PATH)
    second = limited.get(f"{PATH}/evt_none")

    assert first["RateLimit-Policy"] == second["RateLimit-Policy"] == '"default";q=20;w=20'
    assert first["RateLimit"] == '"default";r=19;t=1'
    assert (second.status_code, second["RateLimit"]) == (404, '"default";r=18;t=2')


@pytest.mark.parametrize(("used_seconds", "remaining"), [(-3600, 19), (0, 19), (5.5, 13), (18.5, 0)])
def test_what_is_left_grows_with_time(limited: Shop, used_seconds: float, remaining: int) -> None:
    use_up(limited, used_seconds)

    found, full_in_seconds = left(limited)

    assert found in (remaining, remaining + 1)
    assert abs(full_in_seconds - max(0, used_seconds) - 1) <= 1


@pytest.mark.parametrize(("used_seconds", "retry_after_seconds"), [(19.5, 1), (24.5, 6), (100, 81)])
def test_beyond_the_limit_is_429_that_says_how_long_to_wait(
    limited: Shop, used_seconds: float, retry_after_seconds: int
) -> None:
    use_up(limited, used_seconds)

    response = limited.get(PATH)

    problem = problem_in(response, status=429, code="too_many_requests")
    assert int(response["Retry-After"]) in (retry_after_seconds - 1 or 1, retry_after_seconds)
    assert f"Wait for {response['Retry-After']} s." in problem["detail"]
    assert response["RateLimit"].startswith('"default";r=0;t=')
    assert response["RateLimit-Policy"] == '"default";q=20;w=20'


def test_a_refused_request_does_nothing_and_takes_nothing(limited: Shop) -> None:
    use_up(limited, 3600)
    before = ApiKeyMeter.objects.get(api_key=key_of(limited)).theoretical_arrival_at

    with nothing_written():
        refused = limited.pay_under("the-key")

    assert ApiKeyMeter.objects.get(api_key=key_of(limited)).theoretical_arrival_at == before
    assert refused.status_code == 429
    use_up(limited, 0)
    assert limited.pay_under("the-key").status_code == 201


def test_another_key_of_the_merchant_has_a_limit_of_its_own(limited: Shop) -> None:
    other = checked(open_shop(merchant=limited.merchant))
    use_up_of_first = ApiKeyMeter.objects.create(
        api_key=ApiKey.objects.earliest("created_at"), theoretical_arrival_at=timezone.now() + timedelta(hours=1)
    )

    assert limited.get(PATH).status_code == 429
    assert other.get(PATH).status_code == 200
    assert use_up_of_first.api_key_id != ApiKey.objects.latest("created_at").pk


def test_a_key_without_a_limit_of_its_own_has_that_of_the_settings(shop: Shop, settings: Settings) -> None:
    settings.PAYMENTS_RATE_LIMIT_PER_SECOND = 100
    settings.PAYMENTS_RATE_LIMIT_BURST = 250

    response = shop.get(PATH)

    assert response["RateLimit-Policy"] == '"default";q=250;w=3'
    assert response["RateLimit"] == '"default";r=249;t=1'


def test_a_meter_that_was_lost_in_a_crash_begins_anew(limited: Shop) -> None:
    use_up(limited, 3600)
    ApiKeyMeter.objects.all().delete()

    assert left(limited) == (19, 1)


@pytest.mark.parametrize("when", [datetime(2001, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_the_clock_is_the_databases(limited: Shop, when: datetime) -> None:
    assert limited.get(PATH)["RateLimit"] == '"default";r=19;t=1'

    with time_machine.travel(when):
        response = limited.get(PATH)

    assert response["RateLimit"] == '"default";r=18;t=2'


def test_a_request_that_no_key_answers_for_is_not_counted(shop: Shop) -> None:
    revoke_api_key(key=key_of(shop), now=timezone.now())

    for response in (shop.get(PATH), Client().get(PATH), Client().get("/docs/errors")):
        assert "RateLimit" not in response
        assert "RateLimit-Policy" not in response
    assert not ApiKeyMeter.objects.exists()


def test_last_use_is_noted_to_the_minute(shop: Shop) -> None:
    assert key_of(shop).last_used_at is None
    shop.get(PATH)
    first = key_of(shop).last_used_at
    shop.get(PATH)
    second = key_of(shop).last_used_at
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))

    shop.get(PATH)

    third = key_of(shop).last_used_at
    assert first and second == first
    assert third and third > first


def test_a_request_over_the_limit_is_no_use(limited: Shop) -> None:
    use_up(limited, 3600)

    limited.get(PATH)

    assert key_of(limited).last_used_at is None


def test_the_document_has_the_headers_and_the_answer() -> None:
    for operations in document()["paths"].values():
        # Processors, who need no key, have no limit.
        for operation in (each for each in operations.values() if "security" in each):
            answers = operation["responses"]
            counted = {status for status, answer in answers.items() if "RateLimit" in answer.get("headers", {})}
            assert counted == {status for status in answers if status not in ("401", "411", "414")}
            assert "Retry-After" in answers["429"]["headers"]
