"""What should have come and has not."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payments.models import Discrepancy, Sweep
from payments.operations.missing import find_missing
from tests.reports import camt, charge_line, discrepancies, entry, settle_sandbox, take_in, unique
from tests.shop import Shop

DAYS = timedelta(days=1)


def test_what_no_report_settles_within_five_days_is_told(shop: Shop) -> None:
    payment = shop.pay().json()
    shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})
    shop.authorize()
    shop.pay(payment_method="pm_card_declined")
    now = timezone.now()

    find_missing(now=now + 4.9 * DAYS)
    early = discrepancies()
    find_missing(now=now + 5.1 * DAYS)

    assert early == []
    assert sorted(discrepancies(merchant=shop.merchant)) == [
        ("not_settled", "open", -1999),
        ("not_settled", "open", 500),
    ]


def test_it_is_told_once(shop: Shop) -> None:
    shop.pay()
    now = timezone.now()

    first = find_missing(now=now + 6 * DAYS)
    again = find_missing(now=now + 7 * DAYS)

    assert (first.opened, again.opened) == (1, 0)


def test_a_report_that_comes_late_clears_it_up(shop: Shop) -> None:
    shop.pay()
    find_missing(now=timezone.now() + 6 * DAYS)

    summary = settle_sandbox()

    found = Discrepancy.objects.get()
    assert (found.status, summary.cleared) == ("resolved", 1)
    assert str(found.resolution).startswith("Settled by stl_")


def test_what_was_settled_in_time_is_not_missing(shop: Shop) -> None:
    shop.pay()
    settle_sandbox()

    taken = find_missing(now=timezone.now() + 4.9 * DAYS)

    assert taken.opened == 0


def test_a_batch_that_no_bank_names_is_told_and_cleared_up_when_it_comes(shop: Shop) -> None:
    name = unique("BATCH")
    take_in([charge_line(shop.pay().json(), batch_reference=name)])

    find_missing(now=timezone.now() + 5.1 * DAYS)
    before = discrepancies()
    take_in(camt(entry("19.99", name)))

    assert before == [("batch_not_received", "open", -1999)]
    assert discrepancies() == [("batch_not_received", "resolved", -1999)]
    assert Discrepancy.objects.get().resolution == "The bank has received it."


def test_a_batch_that_the_bank_named_is_not_missing(shop: Shop) -> None:
    name = unique("BATCH")
    take_in([charge_line(shop.pay().json(), batch_reference=name)])
    take_in(camt(entry("19.99", name)))

    find_missing(now=timezone.now() + 6 * DAYS)

    assert discrepancies() == []


def test_a_batch_that_comes_to_nothing_is_not_waited_for(shop: Shop) -> None:
    take_in([charge_line(shop.pay().json(), fee=1999)])

    find_missing(now=timezone.now() + 6 * DAYS)

    assert discrepancies() == []


def test_a_search_begins_where_the_last_one_ended(shop: Shop) -> None:
    now = timezone.now()
    find_missing(now=now)

    with CaptureQueriesContext(connection) as captured:
        find_missing(now=now)

    assert {sweep.through for sweep in Sweep.objects.all()} == {now - 5 * DAYS}
    assert not any("answered_at" in query["sql"] for query in captured)
