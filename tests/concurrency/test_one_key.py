"""Many requests at the same moment under one idempotency key do the work once."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from payments.models import IdempotencyRecord, JournalEntry, Payment, ProcessorCall, SandboxCharge, SandboxRequest
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop

THREADS = 50


def charges_of(shop: Shop) -> int:
    """Return how many charges the sandbox has made for the shop, by its own books."""
    calls = ProcessorCall.objects.filter(merchant_id=shop.merchant.id, kind="authorize")
    asked = SandboxRequest.objects.filter(idempotency_key__in=[call.public_id for call in calls])
    references = [request.answer["processor_reference"] for request in asked]
    return SandboxCharge.objects.filter(reference__in=references).count()


def assert_one_answer(responses: list[Any], *, status: int) -> bytes:
    """Check that all got the one answer or were told to wait for it; return its body."""
    counted = Counter(response.status_code for response in responses)
    assert set(counted) <= {status, 409}, counted
    bodies: set[bytes] = {response.content for response in responses if response.status_code == status}
    assert len(bodies) == 1
    for response in responses:
        if response.status_code == 409:
            assert response.json()["code"] == "request_in_progress"
            assert int(response["Retry-After"]) >= 1
    originals = [each for each in responses if each.status_code == status and "Idempotent-Replayed" not in each]
    assert len(originals) == 1
    return bodies.pop()


def test_fifty_creations_make_one_payment(shop: Shop) -> None:
    charges_before = SandboxCharge.objects.count()

    responses = at_once([partial(clone(shop).pay_under, "the-key") for _ in range(THREADS)])

    body = assert_one_answer(responses, status=201)
    payment = Payment.objects.get(merchant_id=shop.merchant.id)
    assert payment.public_id.encode() in body
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count() == 1
    assert JournalEntry.objects.filter(merchant_id=shop.merchant.id).count() == 1
    assert IdempotencyRecord.objects.filter(merchant_id=shop.merchant.id).count() == 1
    assert (charges_of(shop), SandboxCharge.objects.count() - charges_before) == (1, 1)
    assert shop.pay_under("the-key").content == body


@pytest.mark.parametrize("step", ["capture", "cancel"])
def test_one_step_asked_for_many_times_is_made_once(shop: Shop, step: str) -> None:
    path = f"/v1/payments/{shop.authorize()['id']}/{step}"

    responses = at_once([partial(clone(shop).post, path, key="the-key") for _ in range(10)])

    assert_one_answer(responses, status=200)
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count() == 2


def test_one_key_for_two_different_payments_makes_one_of_them(shop: Shop) -> None:
    responses = at_once([partial(clone(shop).pay_under, "the-key", amount=amount) for amount in (1, 2)])

    assert sorted(response.status_code for response in responses) == [201, 422]
    assert Payment.objects.filter(merchant_id=shop.merchant.id).count() == 1
