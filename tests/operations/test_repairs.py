"""Repairs: two people end a doubt that the processor cannot, and what they say takes effect as its word would."""

from typing import Any

import pytest

from django.utils import timezone

from payments.lifecycles import DiscrepancyStatus, RepairStatus
from payments.models import Discrepancy, JournalEntry, Payment, ProcessorCall, Refund, Repair
from payments.models.reconciliation import DiscrepancyKind, RepairAction
from payments.operations.discrepancies import open_discrepancy
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_calls import DELAYS
from payments.operations.repairs import approve_repair, propose_answer, propose_write_off, reject_repair
from payments.operations.unknown_outcomes import ask_again
from payments.staff_errors import RepairRefused
from tests.shop import Shop, payment_named

IN_DOUBT = "pm_fault_timeout_after"


@pytest.fixture
def call(shop: Shop) -> ProcessorCall:
    """Return a call in doubt: an authorization of 19.99 EUR that captures at once."""
    shop.pay(payment_method=IN_DOUBT)
    return ProcessorCall.objects.get()


def propose(call: ProcessorCall, action: str = "succeeded", by: str = "ann", **changes: Any) -> Repair:
    """Propose a repair, as Ann."""
    values = {"processor_reference": "sbx_told_by_phone", "reason": "Their support said so, ticket 7."} | changes
    return propose_answer(call_id=call.pk, action=RepairAction(action), by=by, now=timezone.now(), **values)


def approve(repair: Repair, by: str = "bob") -> Repair:
    """Approve it, as Bob."""
    return approve_repair(repair_id=repair.pk, by=by, now=timezone.now())


def missing(shop: Shop, kind: DiscrepancyKind = DiscrepancyKind.WRONG_AMOUNT, amount: int = -99) -> Discrepancy:
    """Return a discrepancy about one of the shop's payments, which was settled with less than it captured."""
    payment = payment_named(shop.pay().json()["id"])
    owner = {"merchant_id": shop.merchant.id, "mode": shop.mode, "currency": "EUR", "payment": payment}
    open_discrepancy(kind, str(payment.pk), detail="99 short", amount=amount, now=timezone.now(), **owner)
    return Discrepancy.objects.get(payment=payment)


def write_off(discrepancy: Discrepancy, by: str = "ann") -> Repair:
    """Propose to write it off, as Ann."""
    return propose_write_off(discrepancy_id=discrepancy.pk, reason="They never pay that.", by=by, now=timezone.now())


def test_an_approved_success_counts_as_the_processors_word(call: ProcessorCall) -> None:
    repair = approve(propose(call))

    call.refresh_from_db()
    payment = Payment.objects.get()
    assert (repair.status, repair.proposed_by, repair.decided_by) == (RepairStatus.APPROVED, "ann", "bob")
    assert (call.status, payment.status, payment.amount_captured) == ("succeeded", "succeeded", 1999)
    assert payment.processor_reference == "sbx_told_by_phone"
    assert JournalEntry.objects.get().processor_call == call
    assert check_ledger() == []


def test_an_approved_decline_frees_the_payment(shop: Shop, call: ProcessorCall) -> None:
    approve(propose(call, "declined", processor_reference=None))

    call.refresh_from_db()
    assert call.payment is not None
    again = shop.post(f"/v1/payments/{call.payment.public_id}/confirm", {"payment_method": "pm_card_visa"})
    assert (call.status, call.decline_code, again.json()["status"]) == ("declined", "repaired", "succeeded")
    assert check_ledger() == []


@pytest.mark.parametrize(("action", "status", "refunded"), [("succeeded", "succeeded", 500), ("declined", "failed", 0)])
def test_refunds_are_repaired_too(shop: Shop, call: ProcessorCall, action: str, status: str, refunded: int) -> None:
    ask_again(call_id=call.pk, attempt=0, now=timezone.now())
    assert call.payment is not None
    shop.post("/v1/refunds", {"payment": call.payment.public_id, "amount": 500})

    approve(propose(ProcessorCall.objects.get(kind="refund"), action))

    assert Refund.objects.get().status == status
    assert payment_named(call.payment.public_id).amount_refunded == refunded
    assert check_ledger() == []


def test_nothing_changes_before_somebody_approves(call: ProcessorCall) -> None:
    propose(call)

    call.refresh_from_db()
    assert call.status == "unknown"
    assert not JournalEntry.objects.exists()


def test_nobody_approves_what_they_proposed(call: ProcessorCall) -> None:
    repair = propose(call)

    with pytest.raises(RepairRefused, match="another person"):
        approve(repair, by="ann")

    call.refresh_from_db()
    repair.refresh_from_db()
    assert (call.status, repair.status) == ("unknown", "proposed")


def test_a_repair_is_decided_once(call: ProcessorCall) -> None:
    repair = approve(propose(call))

    for decide in (approve_repair, reject_repair):
        with pytest.raises(RepairRefused, match="approved already, by bob"):
            decide(repair_id=repair.pk, by="cid", now=timezone.now())


def test_a_rejected_repair_changes_nothing_and_makes_room_for_another(call: ProcessorCall) -> None:
    first = reject_repair(repair_id=propose(call).pk, by="bob", now=timezone.now())

    second = propose(call, "declined")

    call.refresh_from_db()
    assert (first.status, second.status, call.status) == ("rejected", "proposed", "unknown")


def test_one_may_take_ones_own_proposal_back(call: ProcessorCall) -> None:
    repair = reject_repair(repair_id=propose(call).pk, by="ann", now=timezone.now())

    assert (repair.status, repair.decided_by) == ("rejected", "ann")


def test_two_proposals_at_a_time_are_one_too_many(call: ProcessorCall) -> None:
    propose(call)

    with pytest.raises(RepairRefused, match="proposed already"):
        propose(call, "declined", by="cid")


def test_what_the_processor_answered_meanwhile_is_not_overruled(call: ProcessorCall) -> None:
    repair = propose(call, "declined")
    ask_again(call_id=call.pk, attempt=0, now=timezone.now())

    with pytest.raises(RepairRefused, match="is succeeded: it is not in doubt"):
        approve(repair)

    call.refresh_from_db()
    assert call.status == "succeeded"
    assert check_ledger() == []


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_repair_needs_a_reason(call: ProcessorCall, reason: str) -> None:
    with pytest.raises(RepairRefused, match="Say why"):
        propose(call, reason=reason)


@pytest.mark.parametrize("reference", [None, " "])
def test_a_success_needs_the_processors_reference(call: ProcessorCall, reference: str | None) -> None:
    with pytest.raises(RepairRefused, match="reference"):
        propose(call, processor_reference=reference)


def test_a_call_that_is_settled_cannot_be_repaired(shop: Shop) -> None:
    shop.pay()

    with pytest.raises(RepairRefused, match="is succeeded: it is not in doubt"):
        propose(ProcessorCall.objects.get())


def test_a_call_that_may_be_on_its_way_cannot_be_repaired(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.operations.steps.send_call", lambda call, **_: 1 / 0)
    shop.client.raise_request_exception = False
    shop.pay()

    with pytest.raises(RepairRefused, match="is created: it is not in doubt"):
        propose(ProcessorCall.objects.get())


def test_the_discrepancy_of_a_doubt_is_resolved_with_it(call: ProcessorCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.connectors.sandbox.connector.answer_to", lambda key: 1 / 0)
    ask_again(call_id=call.pk, attempt=len(DELAYS) - 1, now=timezone.now())
    before = Discrepancy.objects.get().status

    approve(propose(call))

    discrepancy = Discrepancy.objects.get()
    assert (before, discrepancy.status) == (DiscrepancyStatus.OPEN, DiscrepancyStatus.RESOLVED)
    assert discrepancy.resolution == "The call is succeeded."


def test_an_approved_write_off_takes_the_amount_out_of_the_receivable(shop: Shop) -> None:
    discrepancy = missing(shop)

    approve(write_off(discrepancy))

    discrepancy.refresh_from_db()
    lines = JournalEntry.objects.get(discrepancy=discrepancy).lines.order_by("id")
    assert [(line.account.code, line.direction, line.amount) for line in lines] == [
        ("psp_fee_expense", "debit", 99),
        ("psp_receivable", "credit", 99),
    ]
    assert discrepancy.status == DiscrepancyStatus.RESOLVED
    assert discrepancy.resolution == "Written off, proposed by ann, approved by bob: They never pay that."


def test_what_was_paid_too_much_is_written_off_the_other_way(shop: Shop) -> None:
    discrepancy = missing(shop, amount=50)

    approve(write_off(discrepancy))

    lines = JournalEntry.objects.get(discrepancy=discrepancy).lines.order_by("id")
    assert [(line.account.code, line.direction, line.amount) for line in lines] == [
        ("psp_fee_expense", "credit", 50),
        ("psp_receivable", "debit", 50),
    ]


def test_a_discrepancy_is_written_off_once(shop: Shop) -> None:
    discrepancy = missing(shop)
    approve(write_off(discrepancy))

    with pytest.raises(RepairRefused, match="is resolved"):
        write_off(discrepancy)


def test_only_what_stands_in_the_receivable_is_written_off(shop: Shop) -> None:
    discrepancy = missing(shop, kind=DiscrepancyKind.UNKNOWN_MOVEMENT)

    with pytest.raises(RepairRefused, match="nothing of it can be written off"):
        write_off(discrepancy)
