"""The payer and the merchant at the same moment: approved or canceled, never both."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.sandbox import SandboxConnector
from payments.models import Discrepancy, JournalEntry, ProcessorCall, ProcessorEvent, SandboxAction, SandboxCharge
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_events import apply_event, collect_news
from payments.operations.unknown_outcomes import ask_again
from tests.concurrency.collisions import at_once, clone
from tests.payer import ask_payer, decide
from tests.shop import Shop, payment_named, uuid_of

ROUNDS = 10


def finish(payment: dict[str, Any]) -> None:
    """Do what a worker has to do about a payment: apply its news, and ask about its calls."""
    collect_news(now=timezone.now())
    for event in ProcessorEvent.objects.filter(object_reference=payment["processor_reference"]):
        apply_event(event_id=event.pk, attempt=0, now=timezone.now())
    for call in ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).order_by("id"):
        ask_again(call_id=call.pk, attempt=0, now=timezone.now())


def assert_settled(payment: dict[str, Any], *, captures: bool = True) -> str:
    """Check that the platform and the sandbox agree about a payment; return how it ended."""
    finish(payment)
    found = payment_named(payment["id"])
    decision = SandboxAction.objects.get(reference=payment["processor_reference"]).decision
    statuses = {
        "approved": "succeeded" if captures else "requires_capture",
        "refused": "requires_payment_method",
        "canceled": "canceled",
    }
    booked = JournalEntry.objects.filter(payment=found).count()
    charged = SandboxCharge.objects.filter(reference=found.processor_reference or "").count()
    assert decision is not None
    assert found.status == statuses[decision] or (decision, found.status) == ("refused", "canceled")
    assert (booked, charged) == ((1, 1) if decision == "approved" else (0, 0))
    assert not Discrepancy.objects.filter(payment=found).exists()
    return str(found.status)


@pytest.mark.parametrize("capture_method", ["automatic", "manual"])
def test_approval_and_cancel_at_once_end_in_one_of_them(shop: Shop, capture_method: str) -> None:
    ends = Counter[str]()
    for _ in range(ROUNDS):
        payment = ask_payer(shop, capture_method=capture_method)
        cancel = partial(clone(shop).post, f"/v1/payments/{payment['id']}/cancel")

        page, answer = at_once([partial(decide, payment, "approve"), cancel])

        assert page.status_code in (200, 409)
        assert answer.status_code in (200, 402, 409)
        finish(payment)
        found = payment_named(payment["id"])
        if (found.status, answer.status_code, capture_method) == (
            "canceled",
            200,
            "manual",
        ) and found.amount_authorized:
            # The payer was first, and then what was reserved was given back.
            assert page.status_code == 200
            ends["approved, then canceled"] += 1
            continue
        ends[assert_settled(payment, captures=capture_method == "automatic")] += 1
    assert ends.total() == ROUNDS
    assert check_ledger() == []


def test_cancel_while_the_payer_approves_at_the_processor_leaves_the_payment_paid(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, real = ask_payer(shop), SandboxConnector.void

    def approve_first(self: SandboxConnector, request: Any) -> Any:
        # The void is written down and on its way; the payer decides before it arrives.
        (page,) = at_once([partial(decide, payment, "approve")])
        assert page.status_code == 200
        return real(self, request)

    monkeypatch.setattr(SandboxConnector, "void", approve_first)

    answer = shop.post(f"/v1/payments/{payment['id']}/cancel")

    assert (answer.status_code, answer.json()["payment"]["status"]) == (402, "requires_action")
    assert check_ledger() == []
    assert assert_settled(payment) == "succeeded"


def test_approval_between_the_void_and_its_answer_is_too_late(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, real = ask_payer(shop), SandboxConnector.void
    pages: list[Any] = []

    def approve_after(self: SandboxConnector, request: Any) -> Any:
        outcome = real(self, request)
        pages.extend(at_once([partial(decide, payment, "approve")]))
        return outcome

    monkeypatch.setattr(SandboxConnector, "void", approve_after)

    answer = shop.post(f"/v1/payments/{payment['id']}/cancel")

    assert ([page.status_code for page in pages], answer.status_code) == ([409], 200)
    assert assert_settled(payment) == "canceled"


def test_twenty_decisions_at_once_are_one(shop: Shop) -> None:
    payment = ask_payer(shop)

    pages = at_once([partial(decide, payment, choice) for choice in ("approve", "refuse") * 10])

    assert Counter(page.status_code for page in pages) == {200: 1, 409: 19}
    assert assert_settled(payment) in ("succeeded", "requires_payment_method")


def test_twenty_cancels_and_decisions_at_once_agree(shop: Shop) -> None:
    payment = ask_payer(shop)
    cancel = f"/v1/payments/{payment['id']}/cancel"

    answers = at_once(
        [
            *(partial(decide, payment, choice) for choice in ("approve", "refuse") * 5),
            *(partial(clone(shop).post, cancel) for _ in range(10)),
        ]
    )

    assert all(answer.status_code in (200, 402, 409) for answer in answers)
    assert_settled(payment)
    assert check_ledger() == []


def test_the_page_and_a_worker_that_ask_at_once_settle_it_once(shop: Shop) -> None:
    for _ in range(ROUNDS):
        payment = ask_payer(shop)
        call = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"]))

        works: list[Callable[[], object]] = [
            partial(decide, payment, "approve"),
            partial(ask_again, call_id=call.pk, attempt=0, now=timezone.now()),
            partial(collect_news, now=timezone.now()),
        ]
        at_once(works)

        assert assert_settled(payment) == "succeeded"
    assert check_ledger() == []
