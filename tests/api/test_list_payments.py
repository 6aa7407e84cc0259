"""GET /v1/payments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.api.answers import pages_backwards, pages_forwards, payment_in, problem_in, rows
from tests.shop import Shop

PATH = "/v1/payments"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def prepared(shop: Shop) -> list[str]:
    """Return the ids of seven payments, newest first."""
    return [payment_in(shop.pay(confirm=False), status=201)["id"] for _ in range(7)][::-1]


def test_new_merchant_has_an_empty_list(shop: Shop) -> None:
    assert shop.get(PATH).json() == {"object": "list", "data": [], "has_more": False}


def test_list_has_the_newest_first_as_they_are_shown_alone(shop: Shop, prepared: list[str]) -> None:
    found = rows(shop, PATH)

    assert [row["id"] for row in found] == prepared
    assert found[0] == shop.get(f"{PATH}/{prepared[0]}").json()


def test_ten_are_shown_unless_asked_otherwise(shop: Shop, prepared: list[str]) -> None:
    for _ in range(4):
        shop.pay(confirm=False)

    page = shop.get(PATH).json()

    assert (len(page["data"]), page["has_more"]) == (10, True)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 100])
def test_pages_forwards_show_each_row_once(shop: Shop, prepared: list[str], limit: int) -> None:
    pages = list(pages_forwards(shop, PATH, limit=limit))

    assert sum(pages, []) == prepared
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 100])
def test_pages_backwards_show_each_row_once(shop: Shop, prepared: list[str], limit: int) -> None:
    pages = list(pages_backwards(shop, PATH, limit=limit, ending_before=prepared[-1]))

    assert sum(reversed(pages), []) == prepared[:-1]
    assert all(len(page) == limit for page in pages[:-1])


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(shop: Shop, prepared: list[str]) -> None:
    pages = pages_forwards(shop, PATH, limit=3)
    first = next(pages)
    shop.pay(confirm=False)

    assert first + sum(pages, []) == prepared


def test_nothing_is_newer_than_the_newest_nor_older_than_the_oldest(shop: Shop, prepared: list[str]) -> None:
    empty = {"object": "list", "data": [], "has_more": False}

    assert shop.get(PATH, ending_before=prepared[0]).json() == empty
    assert shop.get(PATH, starting_after=prepared[-1]).json() == empty


def test_cursor_of_another_merchant_shows_only_ones_own(shop: Shop, other_shop: Shop, prepared: list[str]) -> None:
    foreign = payment_in(other_shop.pay(confirm=False), status=201)["id"]

    assert [row["id"] for row in rows(shop, PATH, starting_after=foreign)] == prepared
    assert rows(shop, PATH, ending_before=foreign) == []


def test_status_filter(shop: Shop, prepared: list[str]) -> None:
    captured = payment_in(shop.pay(), status=201)["id"]
    authorized = shop.authorize()["id"]

    assert [row["id"] for row in rows(shop, PATH, status="succeeded")] == [captured]
    assert [row["id"] for row in rows(shop, PATH, status="requires_capture")] == [authorized]
    assert [row["id"] for row in rows(shop, PATH, status="requires_confirmation")] == prepared
    assert rows(shop, PATH, status="failed") == []


def test_currency_filter(shop: Shop, prepared: list[str]) -> None:
    in_yen = payment_in(shop.pay(currency="JPY"), status=201)["id"]

    assert [row["id"] for row in rows(shop, PATH, currency="JPY")] == [in_yen]
    assert [row["id"] for row in rows(shop, PATH, currency="EUR")] == prepared


@pytest.mark.parametrize("reference", ["order-1001", "ünï & co=1?#", " blanks "])
def test_merchant_reference_filter(shop: Shop, prepared: list[str], reference: str) -> None:
    ordered = payment_in(shop.pay(merchant_reference=reference), status=201)["id"]

    assert [row["id"] for row in rows(shop, PATH, merchant_reference=reference)] == [ordered]
    assert rows(shop, PATH, merchant_reference="another") == []


def test_date_filter_includes_its_beginning_and_excludes_its_end(shop: Shop) -> None:
    ids = []
    for minutes in range(3):
        with time_machine.travel(NOON + timedelta(minutes=minutes), tick=False):
            ids.append(payment_in(shop.pay(confirm=False), status=201)["id"])

    found = rows(shop, PATH, created_at_gte=NOON.isoformat(), created_at_lt="2026-01-31T14:02:00+02:00")

    assert [row["id"] for row in found] == [ids[1], ids[0]]


def test_filters_apply_together_and_over_pages(shop: Shop, prepared: list[str]) -> None:
    in_yen = [payment_in(shop.pay(confirm=False, currency="JPY"), status=201)["id"] for _ in range(3)][::-1]
    shop.pay(currency="JPY")

    pages = pages_forwards(shop, PATH, limit=2, currency="JPY", status="requires_confirmation")

    assert list(pages) == [in_yen[:2], in_yen[2:]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "1e1"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "9" * 1500}, "limit"),
        ({"starting_after": "pay_1"}, "starting_after"),
        ({"starting_after": ""}, "starting_after"),
        ({"starting_after": "evt_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "starting_after"),
        ({"ending_before": "pay_\x00"}, "ending_before"),
        (
            {"starting_after": "pay_01jv8k3x5rf2dbh0v9q2w8m7ce", "ending_before": "pay_01jv8k3x5rf2dbh0v9q2w8m7ce"},
            "ending_before",
        ),
        ({"status": "paid"}, "status"),
        ({"status": "SUCCEEDED"}, "status"),
        ({"status": ""}, "status"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "EU\x00"}, "currency"),
        ({"merchant_reference": ""}, "merchant_reference"),
        ({"merchant_reference": "x" * 256}, "merchant_reference"),
        ({"merchant_reference": "order\x00"}, "merchant_reference"),
        ({"created_at_gte": "yesterday"}, "created_at_gte"),
        ({"created_at_gte": "2026-02-30T00:00:00Z"}, "created_at_gte"),
        ({"created_at_lt": "1769860800"}, "created_at_lt"),
        ({"created_at_lt": "9999-12-31T23:59:59-14:00"}, "created_at_lt"),
        ({"created_at": "2026-01-31"}, "created_at"),
        ({"page": "2"}, "page"),
        ({"format": "xml"}, "format"),
    ],
)
def test_bad_parameter_is_named(shop: Shop, query: dict[str, Any], param: str) -> None:
    response = shop.get(PATH, **query)

    problem_in(response, status=400, code="invalid_request", param=param)


def test_query_with_a_thousand_parameters_is_refused(shop: Shop) -> None:
    response = shop.get(f"{PATH}?{'&' * 1500}")

    problem_in(response, status=400, code="invalid_request")
