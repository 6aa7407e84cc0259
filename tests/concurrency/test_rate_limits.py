"""However many ask at the same moment, one key is let through as often as its limit says."""

import math
import re
import time
from functools import partial

import pytest

from payments.models import ApiKey
from payments.operations.api_keys import Bounds, RateLimit, revoke_api_key
from payments.operations.key_uses import use_api_key
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop, open_shop

THREADS = 16


def limited(shop: Shop, *, per_second: int, burst: int) -> Shop:
    """Return the shop with a key that has this limit."""
    return open_shop(merchant=shop.merchant, bounds=Bounds(rate_limit=RateLimit(per_second=per_second, burst=burst)))


def let_through(shop: Shop, requests: int) -> int:
    """Use the key so many times, one after the other, and return how many of these are let through."""
    uses = [use_api_key(secret=shop.key, address=None) for _ in range(requests)]
    return sum(use.allowance.retry_after_seconds is None for use in uses)


@pytest.mark.parametrize(("per_second", "burst"), [(1, 1), (1, 40), (50, 10)])
def test_the_limit_is_one_for_all_who_ask(shop: Shop, per_second: int, burst: int) -> None:
    key = limited(shop, per_second=per_second, burst=burst)
    begun = time.monotonic()

    passed = sum(at_once([partial(let_through, key, 20) for _ in range(THREADS)]))

    elapsed = time.monotonic() - begun
    assert burst <= passed <= burst + math.ceil(per_second * elapsed)


def test_answers_agree_with_the_limit(shop: Shop) -> None:
    key = limited(shop, per_second=1, burst=10)
    begun = time.monotonic()

    responses = at_once([partial(clone(key).get, "/v1/events") for _ in range(30)])

    statuses = [response.status_code for response in responses]
    assert 10 <= statuses.count(200) <= 10 + math.ceil(time.monotonic() - begun)
    assert set(statuses) == {200, 429}
    told = " ".join(response["RateLimit"] for response in responses if response.status_code == 200)
    assert {int(number) for number in re.findall(r"r=(\d+)", told)} <= {*range(10)}


def test_the_first_requests_of_a_key_do_not_get_in_each_others_way(shop: Shop) -> None:
    key = limited(shop, per_second=1, burst=THREADS)

    responses = at_once([partial(clone(key).get, "/v1/events") for _ in range(THREADS)])

    assert {response.status_code for response in responses} == {200}
    assert ApiKey.objects.get(merchant=shop.merchant, rate_limit_burst=THREADS).last_used_at is not None


def test_a_revocation_counts_at_once_for_everybody(shop: Shop) -> None:
    key = limited(shop, per_second=1000, burst=1000)
    clones = [clone(key) for _ in range(4)]
    assert {response.status_code for response in at_once([partial(each.get, "/v1/events") for each in clones])} == {200}

    revoke_api_key(key=ApiKey.objects.get(merchant=shop.merchant, rate_limit_burst=1000), now=shop.merchant.created_at)

    responses = at_once([partial(each.get, "/v1/events") for each in clones])
    assert {response.status_code for response in responses} == {401}
