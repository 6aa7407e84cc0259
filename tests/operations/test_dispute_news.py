"""The processor's word about disputes: in any order and any number of times."""

from datetime import timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.connectors.base import DisputeOpened, Notice, Outcome, Unknown
from payments.connectors.sandbox import SandboxConnector
from payments.models import Discrepancy, Dispute, Payment, ProcessorCall, ProcessorEvent
from payments.money import Money
from payments.operations.ledger_check import check_ledger
from payments.operations.news import Applied, Contradicted, Ignored, NotYet, Origin
from payments.operations.processor_events import DELAYS, apply_event, collect_news, store_news
from payments.operations.unknown_outcomes import ask_again
from tests.disputes import (
    LATER,
    accept,
    bring_news,
    disputed,
    kinds_of,
    open_news,
    payment_of,
    status_of,
    tell_closed,
    tell_opened,
    types_of,
    unapplied,
)
from tests.shop import Shop, payment_named, uuid_of

WON, LOST = True, False


def stored(kind: str, data: dict[str, Any]) -> ProcessorEvent:
    """Keep a piece of news about a dispute that the sandbox has never had."""
    now = timezone.now()
    payload = {"id": "sbe_stray", "type": kind, "object": "sbd_stray", "occurred_at": now.isoformat(), "data": data}
    notice = Notice("sbe_stray", kind, "sbd_stray", now, payload)
    assert store_news(Origin("sandbox"), [notice], now=now) == 1
    return ProcessorEvent.objects.get(event_id="sbe_stray")


@pytest.fixture
def captured(shop: Shop) -> Payment:
    """Return a captured payment of 19.99 EUR."""
    return payment_named(shop.pay().json()["id"])


def test_dispute_is_opened_with_its_amount_on_the_payment(shop: Shop) -> None:
    dispute = disputed(shop)

    payment = payment_of(dispute)
    assert (dispute.status, dispute.amount, dispute.fee, dispute.reason) == ("needs_response", 1999, 1500, "fraudulent")
    assert (payment.status, payment.amount_captured, payment.amount_disputed) == ("succeeded", 1999, 1999)
    assert types_of(dispute) == ["dispute.created"]
    assert types_of(payment)[-1] == "payment.disputed"
    assert check_ledger() == []


def test_each_capture_is_disputed_for_itself(shop: Shop) -> None:
    payment_id = shop.authorize(payment_method="pm_card_disputed")["id"]
    for amount in (500, 1499):
        shop.post(f"/v1/payments/{payment_id}/capture", {"amount": amount})

    bring_news(shop)

    disputes = Dispute.objects.filter(payment_id=uuid_of(payment_id)).order_by("id")
    assert [dispute.amount for dispute in disputes] == [500, 1499]
    assert payment_named(payment_id).amount_disputed == 1999
    assert check_ledger() == []


def test_parts_are_disputed_up_to_what_was_captured(captured: Payment) -> None:
    results = [tell_opened(open_news(captured, amount=amount, reference=f"dsp_{amount}")) for amount in (1000, 999, 1)]

    assert results[:2] == [Applied(), Applied()]
    assert isinstance(results[2], Contradicted)
    assert (results[2].amount, results[2].about["payment_id"]) == (-1501, captured.pk)
    assert Payment.objects.get(pk=captured.pk).amount_disputed == 1999
    assert check_ledger() == []


@pytest.mark.parametrize(
    "changes",
    [{"amount": 2000}, {"amount": 0}, {"fee": -1}],
    ids=str,
)
def test_dispute_that_cannot_be_is_a_contradiction(captured: Payment, changes: dict[str, Any]) -> None:
    result = tell_opened(open_news(captured, **changes))

    assert isinstance(result, Contradicted)
    assert not Dispute.objects.filter(payment=captured).exists()


def test_dispute_in_another_currency_is_a_contradiction(captured: Payment) -> None:
    news = DisputeOpened(
        "dsp_1", captured.processor_reference or "", Money(1000, "USD"), 1500, "fraudulent", timezone.now()
    )

    result = tell_opened(news)

    assert isinstance(result, Contradicted)
    assert (result.amount, result.about["currency"]) == (-2500, "USD")


def test_contradiction_opens_a_discrepancy_of_what_was_taken(shop: Shop, captured: Payment) -> None:
    payment = payment_of(disputed(shop))
    data = {"charge": payment.processor_reference, "amount": 1, "currency": "EUR", "fee": 1500, "reason": "fraudulent"}
    wrong = stored("dispute.opened", data | {"evidence_due_at": timezone.now().isoformat()})

    apply_event(event_id=wrong.pk, attempt=0, now=timezone.now())

    found = Discrepancy.objects.get(processor_event=wrong)
    assert (found.kind, found.amount, found.currency, found.payment_id) == (
        "contradictory_news",
        -1501,
        "EUR",
        payment.pk,
    )
    assert "0.01 EUR" in found.detail


def test_what_is_refunded_can_be_disputed_as_well(shop: Shop, captured: Payment) -> None:
    shop.post("/v1/refunds", {"payment": captured.public_id, "amount": 1500})

    result = tell_opened(open_news(captured, amount=1999))

    refused = shop.post("/v1/refunds", {"payment": captured.public_id, "amount": 1})
    assert result == Applied()
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_state_conflict")
    assert check_ledger() == []


@pytest.mark.parametrize(
    ("connector", "charge"), [("sandbox", "sbx_unheard_of"), ("another", None)], ids=["charge", "connector"]
)
def test_dispute_of_a_payment_that_is_not_there_waits(captured: Payment, connector: str, charge: str | None) -> None:
    news = open_news(captured, charge_reference=charge or captured.processor_reference)

    result = tell_opened(news, connector=connector)

    assert isinstance(result, NotYet)


def test_dispute_of_a_payment_that_is_not_captured_yet_waits(shop: Shop) -> None:
    payment = payment_named(shop.authorize()["id"])

    result = tell_opened(open_news(payment))

    assert isinstance(result, NotYet)


def test_dispute_of_a_capture_that_is_in_doubt_waits_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = payment_named(shop.authorize()["id"])
    shop.post(f"/v1/payments/{payment.public_id}/capture", {"amount": 999})
    tell_opened(open_news(payment, amount=999, reference="dsp_first"))
    monkeypatch.setattr(SandboxConnector, "capture", lambda self, request: Unknown("No answer."))
    shop.post(f"/v1/payments/{payment.public_id}/capture", {"amount": 1000})

    result = tell_opened(open_news(payment, amount=1000, reference="dsp_second"))

    assert isinstance(result, NotYet)


def test_opening_told_twice_opens_one_dispute(captured: Payment) -> None:
    first, second = [tell_opened(open_news(captured, amount=500)) for _ in range(2)]

    assert (first, type(second)) == (Applied(), Ignored)
    assert Dispute.objects.filter(payment=captured).count() == 1
    assert Payment.objects.get(pk=captured.pk).amount_disputed == 500


@pytest.mark.parametrize(
    ("won", "status", "kind", "left"), [(WON, "won", "dispute_won", 0), (LOST, "lost", "dispute_lost", 1999)]
)
def test_decision_ends_the_dispute_and_told_again_changes_nothing(
    shop: Shop, won: bool, status: str, kind: str, left: int
) -> None:
    dispute = disputed(shop)

    results = [tell_closed(dispute, won=won) for _ in range(2)]

    assert [type(result) for result in results] == [Applied, Ignored]
    assert (status_of(dispute), payment_of(dispute).amount_disputed) == (status, left)
    assert kinds_of(dispute) == ["dispute_opened", kind]
    assert types_of(dispute) == ["dispute.created", f"dispute.{status}"]
    assert types_of(payment_of(dispute)).count("payment.disputed") == (2 if won else 1)
    assert check_ledger() == []


@pytest.mark.parametrize(("first", "amount"), [(WON, -3499), (LOST, 3499)])
def test_opposite_decision_is_a_contradiction_and_rewrites_nothing(shop: Shop, first: bool, amount: int) -> None:
    dispute = disputed(shop)
    tell_closed(dispute, won=first)
    before = status_of(dispute)

    result = tell_closed(dispute, won=not first)

    assert isinstance(result, Contradicted)
    assert (result.amount, result.about["payment_id"]) == (amount, dispute.payment_id)
    assert status_of(dispute) == before
    assert len(kinds_of(dispute)) == 2


def test_accepted_dispute_is_lost_and_cannot_be_won(shop: Shop) -> None:
    dispute = disputed(shop)
    accept(shop, dispute)

    lost, won = tell_closed(dispute, won=LOST), tell_closed(dispute, won=WON)

    assert isinstance(lost, Ignored)
    assert isinstance(won, Contradicted)
    assert status_of(dispute) == "accepted"


def test_decision_that_comes_before_the_opening_waits_for_it(shop: Shop) -> None:
    response = shop.pay(payment_method="pm_card_disputed")
    end = timezone.now() + LATER
    collect_news(now=end)
    opened, closed = unapplied(shop)

    apply_event(event_id=closed.pk, attempt=0, now=end)
    waits = ProcessorEvent.objects.get(pk=closed.pk).status
    for event in (opened, closed):
        apply_event(event_id=event.pk, attempt=1, now=end)

    dispute = Dispute.objects.get(payment_id=uuid_of(response.json()["id"]))
    assert (waits, status_of(dispute)) == ("received", "lost")
    assert kinds_of(dispute) == ["dispute_opened", "dispute_lost"]
    assert check_ledger() == []


def test_opening_that_comes_before_our_own_capture_waits_for_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    acts = SandboxConnector.authorize
    with monkeypatch.context() as patch:

        def lose(self: SandboxConnector, request: Any) -> Outcome:
            acts(self, request)
            return Unknown("No answer.")

        patch.setattr(SandboxConnector, "authorize", lose)
        payment_id = shop.pay(payment_method="pm_card_disputed").json()["id"]
    now = timezone.now() + timedelta(seconds=1)
    collect_news(now=now)
    event = ProcessorEvent.objects.filter(type="dispute.opened").latest("id")

    apply_event(event_id=event.pk, attempt=0, now=now)
    early = Dispute.objects.filter(payment_id=uuid_of(payment_id)).count()
    ask_again(call_id=ProcessorCall.objects.get(payment_id=uuid_of(payment_id)).pk, attempt=0, now=now)
    apply_event(event_id=event.pk, attempt=1, now=now)

    assert early == 0
    assert payment_named(payment_id).amount_disputed == 1999
    assert check_ledger() == []


def test_news_of_a_dispute_that_is_never_heard_of_again_ends_as_a_discrepancy(shop: Shop) -> None:
    event = stored("dispute.closed", {"won": True})

    apply_event(event_id=event.pk, attempt=len(DELAYS), now=timezone.now())

    assert Discrepancy.objects.get(processor_event=event).kind == "unknown_object"


def test_due_date_passes_without_our_doing(shop: Shop) -> None:
    dispute = disputed(shop)

    late = dispute.evidence_due_at - timedelta(microseconds=1)
    bring_news(shop, now=late)
    before = status_of(dispute)
    bring_news(shop, now=dispute.evidence_due_at)

    assert (before, status_of(dispute)) == ("needs_response", "lost")
