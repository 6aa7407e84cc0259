"""Reconciling settlement reports: each line counts once, and what does not match is a discrepancy."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest

from django.utils import timezone

from payments.models import Discrepancy, Dispute, JournalEntry, ProcessorEvent, Report, SettlementLine
from payments.operations import reconciliation, settlements
from payments.operations.ledger_check import check_ledger
from payments.operations.missing import find_missing
from payments.operations.processor_events import apply_event, collect_news
from payments.staff_errors import BadReport
from tests.reports import (
    charge_line,
    csv_of,
    discrepancies,
    receivable,
    refund_line,
    settle_sandbox,
    take_in,
    unique,
)
from tests.shop import Shop, payment_named


def counts(summary: reconciliation.Summary) -> tuple[int, int, int, int]:
    return summary.lines, summary.new, summary.matched, summary.opened


def refund_of(shop: Shop, payment: dict[str, Any], amount: int) -> dict[str, Any]:
    return dict(shop.post("/v1/refunds", {"payment": payment["id"], "amount": amount}).json())


def test_everything_that_is_settled_is_owed_by_nobody(shop: Shop) -> None:
    payment = shop.pay().json()
    refund_of(shop, payment, 500)
    shop.pay(currency="JPY", amount=500)
    shop.pay(currency="KWD", amount=1234)

    summary = settle_sandbox()

    assert counts(summary) == (4, 4, 4, 0)
    assert receivable(shop) == {"EUR": 0, "JPY": 0, "KWD": 0}
    assert discrepancies() == []
    assert check_ledger() == []


def test_the_same_file_a_second_time_changes_nothing(shop: Shop) -> None:
    lines = [charge_line(shop.pay().json()) for _ in range(3)]
    first = take_in(lines)
    entries = JournalEntry.objects.count()

    again = take_in(lines, name="another-name.csv")

    assert counts(first) == (3, 3, 3, 0)
    assert counts(again) == (3, 0, 0, 0)
    assert again.report == first.report
    assert (JournalEntry.objects.count(), Report.objects.count()) == (entries, 1)


def test_files_that_overlap_count_each_line_once(shop: Shop) -> None:
    one, two, three = (charge_line(shop.pay().json()) for _ in range(3))
    take_in([one, two])

    summary = take_in([two, three, two])

    assert counts(summary) == (3, 1, 1, 0)
    assert SettlementLine.objects.count() == 3
    assert receivable(shop) == {"EUR": 0}


def test_a_file_whose_reading_died_goes_on_behind_the_last_chunk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "CHUNK_LINES", 2)
    lines = [charge_line(shop.pay().json()) for _ in range(5)]
    take = settlements.take_in_settlement
    seen: list[int] = []

    def die_in_the_third(*arguments: Any, **named: Any) -> Any:
        seen.append(len(arguments[2]))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return take(*arguments, **named)

    monkeypatch.setattr(reconciliation, "take_in_settlement", die_in_the_third)

    with pytest.raises(KeyboardInterrupt):
        take_in(lines)
    died_at = Report.objects.get()
    summary = take_in(lines)

    assert (died_at.lines_read, died_at.finished_at) == (4, None)
    assert counts(summary) == (5, 1, 1, 0)
    assert seen == [2, 2, 1, 1]
    assert receivable(shop) == {"EUR": 0}
    assert Report.objects.get().finished_at is not None


def test_what_stands_before_a_wrong_line_in_earlier_chunks_is_taken_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "CHUNK_LINES", 2)
    lines = [charge_line(shop.pay().json()) for _ in range(4)]
    content = csv_of(lines).replace(b"\n" + str(lines[3]).encode(), b"\nwrong")

    with pytest.raises(BadReport, match="line 5: 9 columns are needed"):
        take_in(content)

    assert SettlementLine.objects.count() == 2
    assert counts(take_in(lines)) == (4, 2, 2, 0)


def test_a_file_that_is_wrong_from_the_start_leaves_nothing(db: None) -> None:
    with pytest.raises(BadReport):
        take_in(b"line_reference,nothing else\n")

    assert not Report.objects.exists()


def test_a_line_that_settles_nothing_of_ours_is_not_booked(shop: Shop) -> None:
    line = charge_line(shop.pay().json(), processor_reference="sbx_unheard_of", fee=10)

    summary = take_in([line])

    assert counts(summary) == (1, 1, 0, 1)
    assert discrepancies() == [("unknown_movement", "open", 1989)]
    assert receivable(shop) == {"EUR": 1999}


@pytest.mark.parametrize("changes", [{"currency": "USD"}, {"kind": "refund"}, {"kind": "dispute"}])
def test_a_line_of_another_kind_or_currency_settles_nothing(shop: Shop, changes: dict[str, str]) -> None:
    take_in([charge_line(shop.pay().json(), **changes)])

    assert [kind for kind, _, _ in discrepancies()] == ["unknown_movement"]
    assert receivable(shop) == {"EUR": 1999}


def test_an_authorization_is_not_settled_before_it_is_captured(shop: Shop) -> None:
    payment = shop.authorize()

    take_in([charge_line(payment)])

    assert [kind for kind, _, _ in discrepancies()] == ["unknown_movement"]


@pytest.mark.parametrize(("gross", "difference"), [(1799, -200), (2099, 100), (0, -1999)])
def test_another_amount_is_booked_as_it_was_paid_and_told(shop: Shop, gross: int, difference: int) -> None:
    payment = shop.pay().json()

    take_in([charge_line(payment, gross=gross)])

    assert discrepancies(merchant=shop.merchant) == [("wrong_amount", "open", difference)]
    assert receivable(shop) == {"EUR": -difference}
    found = Discrepancy.objects.get()
    assert (found.payment, found.currency, found.mode) == (payment_named(payment["id"]), "EUR", "test")


def test_a_movement_that_was_settled_before_is_not_booked_again(shop: Shop) -> None:
    line = charge_line(shop.pay().json())
    take_in([line])

    summary = take_in([line.but(line_reference=unique("line"), batch_reference="BATCH-2")])

    assert counts(summary) == (1, 1, 0, 1)
    assert discrepancies() == [("settled_twice", "open", 1999)]
    assert receivable(shop) == {"EUR": 0}


def test_a_movement_that_stands_twice_in_one_file_is_booked_once(shop: Shop) -> None:
    line = charge_line(shop.pay().json())

    take_in([line, line.but(line_reference=unique("line"))])

    assert discrepancies() == [("settled_twice", "open", 1999)]
    assert receivable(shop) == {"EUR": 0}


def test_a_line_that_says_something_else_the_second_time_is_told(shop: Shop) -> None:
    line = charge_line(shop.pay().json())
    take_in([line])

    take_in([line.but(gross=2500)])

    assert discrepancies() == [("wrong_amount", "open", 501)]
    assert receivable(shop) == {"EUR": 0}


def test_charges_and_refunds_that_come_to_nothing_are_booked_all_the_same(shop: Shop) -> None:
    payment = shop.pay().json()
    refund = refund_of(shop, payment, 1999)

    take_in([charge_line(payment), refund_line(refund)])

    booked = SettlementLine.objects.filter(journal_entry__isnull=False)
    assert sorted(booked.values_list("kind", flat=True)) == ["charge", "refund"]
    assert receivable(shop) == {"EUR": 0}
    assert check_ledger() == []


def test_a_dispute_s_lines_settle_what_is_held(shop: Shop) -> None:
    payment = payment_named(shop.pay().json()["id"])
    dispute = open_dispute(payment, status="needs_response")
    line = charge_line(shop.pay().json()).but(kind="dispute", processor_reference=dispute.processor_reference)
    taken = line.but(line_reference=unique("line"), gross=-3499)
    given_back = line.but(line_reference=unique("line"), gross=3499, kind="dispute_won")

    take_in([taken, given_back])
    before = discrepancies()
    Dispute.objects.filter(pk=dispute.pk).update(status="won")
    find_missing(now=timezone.now())

    assert before == [("unknown_movement", "open", 3499)]
    assert discrepancies() == [("unknown_movement", "resolved", 3499)]
    settled = SettlementLine.objects.filter(dispute=dispute, journal_entry__isnull=False)
    assert sorted(settled.values_list("gross", flat=True)) == [-3499, 3499]


def open_dispute(payment: Any, *, status: str) -> Dispute:
    now = timezone.now()
    return Dispute.objects.create(
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        currency=payment.currency,
        status=status,
        amount=1999,
        fee=1500,
        reason="fraudulent",
        connector="sandbox",
        processor_reference=unique("sbd"),
        evidence_due_at=now + timedelta(days=7),
        created_at=now,
        updated_at=now,
    )


def test_what_became_known_later_is_booked_then(shop: Shop) -> None:
    payment = shop.pay(payment_method="pm_fault_late_webhook").json()
    early = settle_sandbox()
    before = discrepancies()

    settle_news()
    taken = find_missing(now=timezone.now())

    assert (payment["status"], early.opened) == ("processing", 1)
    assert before == [("unknown_movement", "open", 1971)]
    assert discrepancies() == [("unknown_movement", "resolved", 1971)]
    assert (taken.booked, taken.cleared) == (1, 1)
    assert receivable(shop) == {"EUR": 0}
    found = Discrepancy.objects.get()
    assert (found.resolution, found.resolved_by) == ("What it settles became known to us later.", None)


def settle_news() -> None:
    """Have the processor's late news arrive and be applied."""
    later = timezone.now() + timedelta(days=1)
    collect_news(now=later)
    for event in ProcessorEvent.objects.filter(status="received"):
        apply_event(event_id=event.pk, attempt=0, now=later)


def test_a_file_without_lines_is_a_report_too(db: None) -> None:
    assert counts(take_in([])) == (0, 0, 0, 0)
    assert Report.objects.get().finished_at is not None


def test_a_file_on_disk_is_read_from_its_beginning(shop: Shop) -> None:
    file = BytesIO(csv_of([charge_line(shop.pay().json())]))
    file.seek(40)

    summary = reconciliation.reconcile(name="a", file=file, connector="sandbox", now=timezone.now())

    assert summary.new == 1
