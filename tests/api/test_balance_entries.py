"""GET /v1/balance/entries."""

from typing import Any

import pytest

from payments.public_ids import encode, new_uuid
from tests.api.answers import pages_backwards, pages_forwards, problem_in, rows
from tests.shop import Shop

PATH = "/v1/balance/entries"


def line(account: str, direction: str, layer: str, amount: int) -> dict[str, Any]:
    """Return one side of an entry as the API shows it."""
    return {"account": account, "direction": direction, "layer": layer, "amount": amount}


def test_entries_tell_the_story_of_a_payment(shop: Shop) -> None:
    payment = shop.authorize(amount=1000)
    shop.post(f"/v1/payments/{payment['id']}/capture", {"amount": 400})
    shop.post(f"/v1/payments/{payment['id']}/cancel")

    canceled, captured, authorized = rows(shop, PATH)

    assert authorized["kind"] == "payment_authorized"
    assert authorized["lines"] == [
        line("psp_receivable", "debit", "pending", 1000),
        line("merchant_payable", "credit", "pending", 1000),
    ]
    assert captured["kind"] == "payment_captured"
    assert captured["lines"] == [
        line("merchant_payable", "debit", "pending", 400),
        line("psp_receivable", "credit", "pending", 400),
        line("psp_receivable", "debit", "posted", 400),
        line("merchant_payable", "credit", "posted", 400),
    ]
    assert canceled["kind"] == "payment_canceled"
    assert canceled["lines"] == [
        line("merchant_payable", "debit", "pending", 600),
        line("psp_receivable", "credit", "pending", 600),
    ]
    assert {entry["payment"] for entry in (canceled, captured, authorized)} == {payment["id"]}


def test_captured_at_once_is_one_entry(shop: Shop) -> None:
    shop.pay(amount=500, currency="JPY")

    (entry,) = rows(shop, PATH)

    assert (entry["object"], entry["mode"], entry["currency"]) == ("balance_entry", "test", "JPY")
    assert entry["lines"] == [
        line("psp_receivable", "debit", "posted", 500),
        line("merchant_payable", "credit", "posted", 500),
    ]


def test_declined_payment_has_no_entry(shop: Shop) -> None:
    shop.pay(payment_method="pm_card_declined")

    assert shop.get(PATH).json() == {"object": "list", "data": [], "has_more": False}


def test_payment_filter(shop: Shop) -> None:
    first, second = shop.pay().json()["id"], shop.authorize()["id"]
    shop.post(f"/v1/payments/{second}/capture")

    assert [entry["payment"] for entry in rows(shop, PATH, payment=first)] == [first]
    assert [entry["payment"] for entry in rows(shop, PATH, payment=second)] == [second, second]
    assert rows(shop, PATH, payment=encode("pay", new_uuid())) == []


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 100])
def test_pages_show_each_entry_once_in_both_directions(shop: Shop, limit: int) -> None:
    for _ in range(5):
        shop.pay()
    ids = [entry["id"] for entry in rows(shop, PATH)]

    forwards = list(pages_forwards(shop, PATH, limit=limit))
    backwards = list(pages_backwards(shop, PATH, limit=limit, ending_before=ids[-1]))

    assert len(ids) == 5
    assert sum(forwards, []) == ids
    assert sum(reversed(backwards), []) == ids[:-1]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"starting_after": "pay_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "starting_after"),
        ({"ending_before": "je_"}, "ending_before"),
        ({"payment": "je_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "payment"),
        ({"payment": "pay_\x00"}, "payment"),
        ({"at": "2026-01-31"}, "at"),
        (
            {"starting_after": "je_01jv8k3x5rf2dbh0v9q2w8m7ce", "ending_before": "je_01jv8k3x5rf2dbh0v9q2w8m7ce"},
            "ending_before",
        ),
    ],
)
def test_bad_parameter_is_named(shop: Shop, query: dict[str, Any], param: str) -> None:
    problem_in(shop.get(PATH, **query), status=400, code="invalid_request", param=param)
