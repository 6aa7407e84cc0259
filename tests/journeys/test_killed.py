"""A process is killed (SIGKILL) in the middle of a payment; a retry under the same key carries it to its end, once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from django.utils import timezone

from payments.models import Payment, ProcessorCall, SandboxCharge, SandboxRequest
from payments.operations.ledger_check import check_ledger
from tests.shop import Shop, open_shop

ROOT = Path(__file__).resolve().parents[2]
STEPS = "payments.operations.steps"


@dataclass(frozen=True)
class Point:
    """Where the process dies: before or after a function. `recorded` says that transaction A has been committed.

    `{noun}` in the function's name stands for what the request is about: payment or refund.
    """

    function: str
    when: str
    recorded: bool
    answered: bool = False


POINTS = {
    "before A": Point(f"{STEPS}.claim_key", "before", recorded=False),
    "in A, with everything written": Point("payments.operations.{noun}s.open_call", "after", recorded=False),
    "between A and the processor": Point(f"{STEPS}.send_call", "before", recorded=True),
    "after the processor, before B": Point(f"{STEPS}.send_call", "after", recorded=True),
    "in B, with half of it written": Point("payments.operations.{noun}_outcomes.post", "after", recorded=True),
    "in B, with everything written": Point(f"{STEPS}.store_answer", "after", recorded=True),
    "after B, before the answer leaves": Point(
        "payments.api.{noun}s.as_response", "before", recorded=True, answered=True
    ),
}


@dataclass(frozen=True)
class Case:
    """A request, and how the payment and the sandbox's charge have to stand when it is done."""

    path: str
    body: dict[str, Any]
    status_code: int
    status: str
    captured: int
    voided: int
    charges: int
    refunded: int = 0
    noun: str = "payment"


def create(shop: Shop) -> Case:
    """Return a request that creates a payment and captures it."""
    body = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa", "merchant_reference": "order-1"}
    return Case("/v1/payments", body, 201, "succeeded", captured=1999, voided=0, charges=1)


def confirm(shop: Shop) -> Case:
    """Return a request that confirms a prepared payment."""
    path = f"/v1/payments/{shop.pay(confirm=False).json()['id']}/confirm"
    return Case(path, {}, 200, "succeeded", captured=1999, voided=0, charges=1)


def capture(shop: Shop) -> Case:
    """Return a request that captures a part, which a second time would still be possible."""
    path = f"/v1/payments/{shop.authorize()['id']}/capture"
    return Case(path, {"amount": 500}, 200, "requires_capture", captured=500, voided=0, charges=0)


def cancel(shop: Shop) -> Case:
    """Return a request that cancels an authorized payment."""
    return Case(
        f"/v1/payments/{shop.authorize()['id']}/cancel", {}, 200, "canceled", captured=0, voided=1999, charges=0
    )


def refund(shop: Shop) -> Case:
    """Return a request that refunds a part, which a second time would still be possible."""
    body = {"payment": shop.pay().json()["id"], "amount": 500}
    return Case("/v1/refunds", body, 201, "succeeded", captured=1999, voided=0, charges=0, refunded=500, noun="refund")


class Mortal:
    """The process that dies, started with the first order."""

    def __init__(self) -> None:
        """Start nothing yet: the database is made by the first test."""
        self.process: subprocess.Popen[str] | None = None

    def kill(self, database_url: str, **order: Any) -> None:
        """Have it make a request and die on the way."""
        if self.process is None:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [sys.executable, "-m", "tests.journeys.killed_payment"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": database_url},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline() == f"{signal.SIGKILL:d}\n", "it came to its end"

    def close(self) -> None:
        """Let it end by itself, for want of orders."""
        if self.process is not None:
            self.process.communicate()


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    """Return the process that dies; one serves all tests of a worker."""
    started = Mortal()
    yield started
    started.close()


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant in test mode."""
    return open_shop()


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
@pytest.mark.parametrize("verb", [create, confirm, capture, cancel, refund])
def test_retry_carries_a_killed_request_to_its_end_once(
    shop: Shop, mortal: Mortal, database_url: str, verb: Callable[[Shop], Case], point: Point
) -> None:
    case = verb(shop)
    charges, calls = SandboxCharge.objects.count(), ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count()
    mortal.kill(
        database_url,
        function=point.function.format(noun=case.noun),
        when=point.when,
        path=case.path,
        body=case.body,
        api_key=shop.key,
        idempotency_key="the-key",
    )
    assert check_ledger() == []

    at_once = shop.post(case.path, case.body, key="the-key")
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        later = shop.post(case.path, case.body, key="the-key")

    if point.recorded and not point.answered:
        assert (at_once.status_code, at_once.json()["code"]) == (409, "request_in_progress")
        assert int(at_once["Retry-After"]) >= 1
    else:
        assert at_once.content == later.content
        assert ("Idempotent-Replayed" in at_once) == point.answered
    assert later.status_code == case.status_code
    assert shop.get(f"/v1/{case.noun}s/{later.json()['id']}").json() == later.json()

    payment = Payment.objects.get(merchant_id=shop.merchant.id)
    charge = SandboxCharge.objects.get(reference=payment.processor_reference)
    last_call = ProcessorCall.objects.filter(merchant_id=shop.merchant.id).latest("id")
    assert (payment.status, payment.amount_captured, payment.amount_refunded) == (
        case.status,
        case.captured,
        case.refunded,
    )
    assert (charge.amount_captured, charge.amount_voided, charge.amount_refunded) == (
        case.captured,
        case.voided,
        case.refunded,
    )
    assert SandboxCharge.objects.count() - charges == case.charges
    assert ProcessorCall.objects.filter(merchant_id=shop.merchant.id).count() - calls == 1
    assert SandboxRequest.objects.filter(idempotency_key=last_call.public_id).count() == 1
    assert check_ledger() == []
