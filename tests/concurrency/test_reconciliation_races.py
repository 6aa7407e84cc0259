"""Reports that are read at the same moment: each line is booked once."""

from functools import partial

import pytest

from payments.models import JournalEntry, Report, SettlementLine
from payments.operations import reconciliation
from tests.concurrency.collisions import at_once
from tests.reports import cash, charge_line, discrepancies, receivable, take_in, unique
from tests.shop import Shop


def test_the_same_file_read_by_four_is_booked_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "CHUNK_LINES", 3)
    lines = [charge_line(shop.pay().json()) for _ in range(10)]

    summaries = at_once([partial(take_in, lines) for _ in range(4)])

    assert sum(summary.new for summary in summaries) == 10
    assert {summary.lines for summary in summaries} == {10}
    assert len({summary.report.pk for summary in summaries}) == 1
    report = Report.objects.get(pk=summaries[0].report.pk)
    assert (report.lines_read, report.finished_at is not None) == (10, True)
    assert JournalEntry.objects.filter(report=report).count() == 4
    assert receivable(shop) == {"EUR": 0}


def test_files_that_overlap_are_booked_once(shop: Shop) -> None:
    lines = [charge_line(shop.pay().json()) for _ in range(6)]

    at_once([partial(take_in, lines[:4]), partial(take_in, lines[2:]), partial(take_in, lines[1:5])])

    assert SettlementLine.objects.filter(payment__merchant=shop.merchant).count() == 6
    assert cash(shop) == {"EUR": 6 * 1999}


def test_two_lines_for_one_movement_are_booked_once(shop: Shop) -> None:
    line = charge_line(shop.pay().json())

    at_once([partial(take_in, [line.but(line_reference=unique("line"))]) for _ in range(4)])

    assert [kind for kind, _, _ in discrepancies(merchant=shop.merchant)] == ["settled_twice"] * 3
    assert receivable(shop) == {"EUR": 0}
