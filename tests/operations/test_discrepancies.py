"""Discrepancies: looked after by somebody, resolved once, with a reason."""

from datetime import timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.ledger.balances import balances
from payments.models import Discrepancy, Event
from payments.models.reconciliation import DiscrepancyKind
from payments.operations.discrepancies import assign, open_discrepancy, resolve
from payments.operations.figures import read_figures
from payments.staff_errors import DiscrepancyResolved
from tests.reports import charge_line, take_in
from tests.shop import Shop


@pytest.fixture
def discrepancy(shop: Shop) -> Discrepancy:
    """Return a charge that was settled 1.99 EUR short."""
    take_in([charge_line(shop.pay().json(), gross=1800)])
    return Discrepancy.objects.get()


def close(discrepancy: Discrepancy, **changes: Any) -> Discrepancy:
    usual: dict[str, Any] = {"resolution": "A fee that we had agreed to.", "by": "ana", "now": timezone.now()}
    return resolve(discrepancy_id=discrepancy.pk, **usual | changes)


def test_it_is_assigned_and_taken_back(discrepancy: Discrepancy) -> None:
    assigned = assign(discrepancy_id=discrepancy.pk, owner="ana")
    taken_back = assign(discrepancy_id=discrepancy.pk, owner=None)

    assert (assigned.owner, taken_back.owner) == ("ana", None)


def test_it_is_resolved_with_a_reason_by_somebody(discrepancy: Discrepancy) -> None:
    now = timezone.now()

    close(discrepancy, now=now)

    discrepancy.refresh_from_db()
    assert (discrepancy.status, discrepancy.resolution) == ("resolved", "A fee that we had agreed to.")
    assert (discrepancy.resolved_by, discrepancy.resolved_at) == ("ana", now)


def test_resolving_moves_no_money(discrepancy: Discrepancy, shop: Shop) -> None:
    before = balances(merchant_id=shop.merchant.id, mode=shop.mode)

    close(discrepancy)

    assert balances(merchant_id=shop.merchant.id, mode=shop.mode) == before


def test_what_is_resolved_does_not_change_any_more(discrepancy: Discrepancy) -> None:
    close(discrepancy)

    with pytest.raises(DiscrepancyResolved, match="is resolved already: A fee that we had agreed to."):
        close(discrepancy, by="ben", resolution="Another reason.")
    with pytest.raises(DiscrepancyResolved):
        assign(discrepancy_id=discrepancy.pk, owner="ben")


def test_each_change_of_it_is_an_event(discrepancy: Discrepancy) -> None:
    close(discrepancy)

    events = Event.objects.filter(object_id=discrepancy.pk).order_by("sequence")
    assert [(event.sequence, event.type) for event in events] == [
        (1, "discrepancy.created"),
        (2, "discrepancy.resolved"),
    ]
    assert [event.data["status"] for event in events] == ["open", "resolved"]


def test_the_same_one_opens_once(shop: Shop) -> None:
    for detail in ("first", "second"):
        open_discrepancy(DiscrepancyKind.UNKNOWN_OBJECT, "news-1", detail=detail, now=timezone.now())

    assert [found.detail for found in Discrepancy.objects.all()] == ["first"]


def test_one_that_is_nobody_s_has_no_event(db: None) -> None:
    open_discrepancy(DiscrepancyKind.UNKNOWN_OBJECT, "news-1", detail="x" * 2000, now=timezone.now())

    assert len(Discrepancy.objects.get().detail) == 1000
    assert not Event.objects.exists()


def test_the_open_ones_are_counted(discrepancy: Discrepancy) -> None:
    later = discrepancy.created_at + timedelta(hours=2)

    before = read_figures(now=later)
    close(discrepancy)
    after = read_figures(now=later)

    assert (before.open_discrepancies, before.oldest_discrepancy_seconds) == (1, 7200.0)
    assert (after.open_discrepancies, after.oldest_discrepancy_seconds) == (0, 0.0)
