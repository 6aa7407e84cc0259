"""The processor's word comes on several ways at the same moment: its answer, its news, what the resolver is told.

Whoever is first applies it; the others find it done. Each race is run several times, since who is first is chance.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import time_machine

from django.utils import timezone

from payments.connectors.sandbox import notices
from payments.lifecycles import CallStatus
from payments.models import Event, JournalEntry, Payment, ProcessorCall, ProcessorEvent
from payments.operations import processor_calls, steps
from payments.operations.news import Origin
from payments.operations.processor_events import apply_event, store_news
from payments.operations.unknown_outcomes import LOST_AFTER, ask_again, find_lost_calls
from tests.boundaries import Died
from tests.concurrency.collisions import at_once, clone
from tests.shop import Shop, uuid_of

ROUNDS = 8
LATE = "pm_fault_late_webhook"


def submitted(shop: Shop, number: int) -> tuple[ProcessorCall, UUID]:
    """Take a payment whose answer comes as news, store the news, and return the call and the news."""
    payment = shop.pay(payment_method=LATE, merchant_reference=f"order-{number}").json()
    call = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"]))
    later = timezone.now() + timedelta(days=1)
    mine = [
        notice
        for notice in notices.due_notices(now=later, limit=10_000)
        if notice.payload["data"].get("idempotency_key") == call.public_id
    ]
    store_news(Origin("sandbox"), mine, now=later)
    notices.acknowledge(mine, now=later)
    return call, ProcessorEvent.objects.get(event_id=mine[0].event_id).id


def booked_once(call: ProcessorCall) -> None:
    """Check that a call is settled, booked and told of, and each once."""
    call.refresh_from_db()
    assert call.payment_id is not None and call.status == CallStatus.SUCCEEDED
    assert Payment.objects.get(pk=call.payment_id).amount_captured == 1999
    assert JournalEntry.objects.filter(processor_call=call).count() == 1
    told = Event.objects.filter(object_id=call.payment_id).order_by("sequence").values_list("type", flat=True)
    assert list(told) == ["payment.created", "payment.succeeded"]


def test_resolver_against_news_settles_the_call_once(shop: Shop) -> None:
    for number in range(ROUNDS):
        call, event_id = submitted(shop, number)
        now = timezone.now()

        at_once(
            [
                partial(ask_again, call_id=call.pk, attempt=0, now=now),
                partial(apply_event, event_id=event_id, attempt=0, now=now),
                partial(ask_again, call_id=call.pk, attempt=0, now=now),
            ]
        )

        booked_once(call)
        assert ProcessorEvent.objects.get(pk=event_id).status in ("applied", "ignored")


def test_news_applied_by_several_workers_at_once_is_applied_once(shop: Shop) -> None:
    for number in range(ROUNDS):
        call, event_id = submitted(shop, number)
        now = timezone.now()

        at_once([partial(apply_event, event_id=event_id, attempt=0, now=now) for _ in range(4)])

        booked_once(call)
        assert ProcessorEvent.objects.get(pk=event_id).status == "applied"


def test_news_fetched_by_several_workers_at_once_is_stored_once(shop: Shop) -> None:
    for number in range(ROUNDS):
        payment = shop.pay(payment_method=LATE, merchant_reference=f"order-{number}").json()
        key = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"])).public_id
        later = timezone.now() + timedelta(days=1)
        mine = [each for each in notices.due_notices(now=later, limit=10_000) if key in str(each.payload)]

        new = at_once([partial(store_news, Origin("sandbox"), mine, now=later) for _ in range(4)])
        notices.acknowledge(mine, now=later)

        assert Counter(new) == {1: 1, 0: 3}
        event = ProcessorEvent.objects.get(event_id=mine[0].event_id)
        apply_event(event_id=event.id, attempt=0, now=later)


@pytest.mark.parametrize("acted", [True, False], ids=["after it acted", "before it acted"])
def test_retry_against_resolver_ends_the_call_once(shop: Shop, monkeypatch: pytest.MonkeyPatch, acted: bool) -> None:
    real = processor_calls.send_call

    def die(*args: Any, **kwargs: Any) -> Any:
        if acted:
            real(*args, **kwargs)
        raise Died("on its way")

    for number in range(ROUNDS):
        monkeypatch.setattr(steps, "send_call", die)
        with pytest.raises(Died):
            shop.pay_under(f"key-{number}")
        monkeypatch.setattr(steps, "send_call", real)
        call = ProcessorCall.objects.filter(merchant_id=shop.merchant.id).latest("id")

        with time_machine.travel(call.created_at + LOST_AFTER + timedelta(seconds=1)):
            requests: list[Callable[[], Any]] = [
                partial(clone(shop).pay_under, f"key-{number}"),
                partial(find_lost_calls, now=timezone.now()),
            ]
            retried, _ = at_once(requests)
            with time_machine.travel(timezone.now() + timedelta(minutes=2)):
                told = shop.pay_under(f"key-{number}")

        assert retried.status_code in (201, 402, 409)
        if retried.status_code == 409:
            assert retried.json()["code"] == "request_in_progress"
        else:
            assert told.content == retried.content
        call.refresh_from_db()
        if told.status_code == 201:
            booked_once(call)
        else:
            # The resolver had the call first, and the processor had never seen it.
            assert not acted
            assert (told.status_code, told.json()["decline_code"]) == (402, "never_received")
            assert JournalEntry.objects.filter(processor_call=call).count() == 0


def test_resolver_leaves_a_call_alone_that_a_retry_is_sending(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    real, arrived, released = processor_calls.send_call, Barrier(2, timeout=60), Barrier(2, timeout=60)

    def die(*args: Any, **kwargs: Any) -> Any:
        raise Died("on its way")

    def wait(*args: Any, **kwargs: Any) -> Any:
        arrived.wait()
        released.wait()
        return real(*args, **kwargs)

    def resolve() -> None:
        arrived.wait()
        find_lost_calls(now=timezone.now())
        released.wait()

    monkeypatch.setattr(steps, "send_call", die)
    with pytest.raises(Died):
        shop.pay_under("the-key")
    call = ProcessorCall.objects.get(merchant_id=shop.merchant.id)
    monkeypatch.setattr(steps, "send_call", wait)

    with time_machine.travel(call.created_at + LOST_AFTER + timedelta(seconds=1)):
        requests: list[Callable[[], Any]] = [partial(clone(shop).pay_under, "the-key"), resolve]
        retried, _ = at_once(requests)

    assert retried.status_code == 201
    booked_once(call)
