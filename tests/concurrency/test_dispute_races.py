"""Disputes at the same moment as refunds, answers and decisions: one of them comes first, and the rest follows."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine

from django.db import connection
from django.utils import timezone

from payments.models import Dispute, Payment, ProcessorCall, ProcessorEvent, SandboxCharge
from payments.operations.news import Applied, Contradicted, Ignored
from payments.operations.processor_events import apply_event, collect_news
from tests.concurrency.collisions import at_once, clone, in_own_thread
from tests.concurrency.test_slow_processor import PATIENCE_SECONDS, HeldUp
from tests.disputes import disputed, kinds_of, open_news, tell_closed, tell_opened, unapplied
from tests.probes import probe
from tests.shop import Shop, payment_named

ROUNDS = 5
EVIDENCE = {"evidence": {"text": "winning_evidence"}}


def path(dispute: Dispute, step: str) -> str:
    """Return the address of a step."""
    return f"/v1/disputes/{dispute.public_id}/{step}"


def answer(shop: Shop, dispute: Dispute, step: str, *, key: str | None = None) -> Any:
    """Send evidence or accept, from a thread."""
    return clone(shop).post(path(dispute, step), EVIDENCE if step == "evidence" else {}, key=key)


def refund(shop: Shop, payment_id: str) -> int | str:
    """Give half of a payment back from a thread, and return the HTTP status."""
    return clone(shop).post("/v1/refunds", {"payment": payment_id, "amount": 1000}).status_code


def apply_and_report(event: ProcessorEvent, now: datetime) -> int | str:
    """Apply a piece of news, and return what came of it."""
    apply_event(event_id=event.pk, attempt=0, now=now)
    event.refresh_from_db()
    return str(event.status)


def test_refunds_and_a_dispute_of_one_payment_together_never_exceed_what_was_captured(shop: Shop) -> None:
    for _ in range(ROUNDS):
        payment_id = shop.pay(payment_method="pm_card_disputed").json()["id"]
        now = timezone.now() + timedelta(seconds=1)
        collect_news(now=now)
        (event,) = unapplied(shop)
        tell = partial(apply_and_report, event, now)

        statuses = at_once([partial(refund, shop, payment_id), partial(refund, shop, payment_id), tell])

        payment = payment_named(payment_id)
        # Ours came too early and was declined by the processor, or too late and was refused by us.
        assert set(statuses[:2]) <= {402, 409, 422} and statuses[2] == "applied"
        assert payment.amount_disputed == 1999
        assert payment.amount_refunded + payment.amount_disputed <= payment.amount_captured
        assert payment.amount_refund_pending == 0
        assert SandboxCharge.objects.get(reference=payment.processor_reference).amount_refunded == 0


def test_disputes_of_parts_never_exceed_the_whole(shop: Shop) -> None:
    payment = payment_named(shop.pay(amount=1000).json()["id"])

    results = at_once(
        [
            partial(tell_opened, open_news(payment, amount=300, reference=f"dsp_{payment.pk}_{number}"))
            for number in range(10)
        ]
    )

    assert Counter(type(result) for result in results) == {Applied: 3, Contradicted: 7}
    assert payment_named(payment.public_id).amount_disputed == 900


def test_one_opening_told_many_times_opens_one_dispute(shop: Shop) -> None:
    payment = payment_named(shop.pay(amount=1000).json()["id"])

    results = at_once(
        [partial(tell_opened, open_news(payment, amount=100, reference=f"dsp_{payment.pk}")) for _ in range(10)]
    )

    assert Counter(type(result) for result in results) == {Applied: 1, Ignored: 9}
    assert Dispute.objects.filter(payment=payment).count() == 1


def test_evidence_and_acceptance_at_once_are_one_answer(shop: Shop) -> None:
    for _ in range(ROUNDS):
        dispute = disputed(shop)

        responses = at_once([partial(answer, shop, dispute, step) for step in ("evidence", "accept") * 3])

        dispute.refresh_from_db()
        assert Counter(response.status_code for response in responses) == {200: 1, 409: 5}
        assert dispute.status in ("under_review", "accepted")
        assert ProcessorCall.objects.filter(dispute=dispute).count() == 1
        assert kinds_of(dispute)[1:] == (["dispute_lost"] if dispute.status == "accepted" else [])


@pytest.mark.parametrize("step", ["evidence", "accept"])
def test_one_answer_under_one_key_many_times_is_given_once(shop: Shop, step: str) -> None:
    dispute, key = disputed(shop), shop.fresh_key()

    responses = at_once([partial(answer, shop, dispute, step, key=key) for _ in range(10)])

    bodies = {response.content for response in responses if response.status_code == 200}
    assert {response.status_code for response in responses} <= {200, 409}
    assert len(bodies) == 1
    assert ProcessorCall.objects.filter(dispute=dispute).count() == 1


@pytest.mark.parametrize("won", [True, False])
@pytest.mark.parametrize("step", ["evidence", "accept"])
def test_decision_at_the_same_moment_as_an_answer_counts_once(shop: Shop, step: str, won: bool) -> None:
    for _ in range(ROUNDS):
        dispute = disputed(shop)

        response, result = at_once([partial(answer, shop, dispute, step), partial(tell_closed, dispute, won=won)])

        dispute.refresh_from_db()
        status = dispute.status
        assert response.status_code in (200, 409)
        if step == "accept" and status == "accepted":
            assert isinstance(result, Contradicted if won else Ignored)
            assert kinds_of(dispute) == ["dispute_opened", "dispute_lost"]
        else:
            assert (result, status) == (Applied(), "won" if won else "lost")
            assert kinds_of(dispute) == ["dispute_opened", f"dispute_{status}"]
        left = 0 if status == "won" else dispute.amount
        assert Payment.objects.get(pk=dispute.payment_id).amount_disputed == left


@pytest.mark.parametrize("acted", [False, True], ids=["before it acts", "after it acted"])
def test_decision_while_the_processor_takes_its_time_with_evidence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, acted: bool
) -> None:
    dispute, held_up = disputed(shop), HeldUp(acted=acted)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: answer(shop, dispute, "evidence"))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        others = [answer(shop, dispute, step) for step in ("evidence", "accept")]
        result = tell_closed(dispute, won=False)
        held_up.released.set()
        response = running.result(PATIENCE_SECONDS)

    assert [(each.status_code, each.json()["code"]) for each in others] == [(409, "dispute_state_conflict")] * 2
    assert result == Applied()
    assert (response.status_code, response.json()["status"]) == (200, "lost")
    assert kinds_of(dispute) == ["dispute_opened", "dispute_lost"]


@pytest.mark.parametrize("step", ["evidence", "accept"])
def test_no_transaction_is_open_while_the_processor_is_asked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    dispute, seen = disputed(shop), []

    @contextmanager
    def look() -> Iterator[None]:
        seen.append(connection.in_atomic_block)
        yield

    probe(monkeypatch, look)

    response = shop.post(path(dispute, step), EVIDENCE if step == "evidence" else {})

    assert response.status_code == 200
    assert seen == [False]


@pytest.mark.parametrize("acted", [False, True], ids=["before it acts", "after it acted"])
@pytest.mark.parametrize(("step", "status"), [("evidence", "under_review"), ("accept", "accepted")])
def test_retry_takes_over_from_an_answer_that_was_only_slow(
    *, shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str, status: str, acted: bool
) -> None:
    dispute, key, held_up = disputed(shop), shop.fresh_key(), HeldUp(acted=acted)
    probe(monkeypatch, held_up)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(in_own_thread, lambda: answer(shop, dispute, step, key=key))
        assert held_up.arrived.wait(PATIENCE_SECONDS)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            retried = answer(shop, dispute, step, key=key)
        held_up.released.set()
        slow = running.result(PATIENCE_SECONDS)

    assert (retried.status_code, retried.json()["status"]) == (200, status)
    assert (slow.status_code, slow.content) == (retried.status_code, retried.content)
    assert ProcessorCall.objects.filter(dispute=dispute).count() == 1
