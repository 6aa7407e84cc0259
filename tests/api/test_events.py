"""GET /v1/events and GET /v1/events/{event_id}."""

from typing import Any

import pytest

from payments.public_ids import encode, new_uuid
from tests.api.answers import pages_backwards, pages_forwards, problem_in, rows
from tests.shop import Shop

PATH = "/v1/events"


def history(shop: Shop, payment_id: str) -> list[dict[str, Any]]:
    """Return the events of one payment in the order they happened."""
    return rows(shop, PATH, object_id=payment_id, limit=100)[::-1]


def types_of(events: list[dict[str, Any]]) -> list[str]:
    """Return what happened."""
    return [event["type"].removeprefix("payment.") for event in events]


def test_each_change_is_one_event(shop: Shop) -> None:
    path = (
        f"/v1/payments/{shop.pay(payment_method='pm_card_declined', capture_method='manual').json()['payment']['id']}"
    )
    shop.post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    shop.post(f"{path}/capture", {"amount": 500})
    shop.post(f"{path}/cancel")

    events = history(shop, path.rpartition("/")[2])

    assert types_of(events) == [
        *("created", "requires_payment_method"),
        *("requires_confirmation", "processing", "requires_capture"),
        *("processing", "requires_capture"),
        *("processing", "canceled"),
    ]
    assert [event["sequence"] for event in events] == list(range(1, 10))


@pytest.mark.parametrize(
    ("changes", "happened"),
    [
        ({}, ["created", "succeeded"]),
        ({"capture_method": "manual"}, ["created", "requires_capture"]),
        ({"confirm": False}, ["created"]),
        ({"payment_method": "pm_card_lost"}, ["created", "requires_payment_method"]),
        ({"payment_method": "pm_fault_unreachable"}, ["created", "requires_payment_method"]),
    ],
)
def test_new_payment_has_its_events(shop: Shop, changes: dict[str, Any], happened: list[str]) -> None:
    shop.pay(**changes)

    assert types_of(rows(shop, PATH)[::-1]) == happened


def test_data_is_the_payment_as_it_was_shown_then(shop: Shop) -> None:
    shown = [shop.authorize(metadata={"b": "1", "a": "2"})]
    path = f"/v1/payments/{shown[0]['id']}"
    for body in ({"amount": 500}, {}):
        shop.post(f"{path}/capture", body)
        shown.append(shop.get(path).json())

    events = [event for event in history(shop, shown[0]["id"]) if event["data"]["status"] != "processing"]

    assert [event["data"] for event in events] == shown
    assert {event["object_id"] for event in events} == {shown[0]["id"]}


def test_refused_request_leaves_no_event(shop: Shop) -> None:
    path = f"/v1/payments/{shop.pay().json()['id']}"
    before = rows(shop, PATH)

    shop.post(f"{path}/cancel")
    shop.post(f"{path}/capture", {"amount": -1})

    assert rows(shop, PATH) == before


def test_sequences_of_different_payments_are_their_own(shop: Shop) -> None:
    ids = [shop.pay().json()["id"] for _ in range(3)]

    assert [[event["sequence"] for event in history(shop, payment_id)] for payment_id in ids] == [[1, 2]] * 3


def test_event_is_shown_alone_as_in_the_list(shop: Shop) -> None:
    shop.pay()

    for event in rows(shop, PATH):
        assert shop.get(f"{PATH}/{event['id']}").json() == event


@pytest.mark.parametrize(
    "event_id", ["evt_01jv8k3x5rf2dbh0v9q2w8m7ce", "evt_1", "pay_01jv8k3x5rf2dbh0v9q2w8m7ce", "evt_%00", "%FF"]
)
def test_unknown_or_malformed_id_is_not_found(shop: Shop, event_id: str) -> None:
    problem_in(shop.get(f"{PATH}/{event_id}"), status=404, code="not_found")


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_pages_show_each_event_once_in_both_directions(shop: Shop, limit: int) -> None:
    for _ in range(3):
        shop.pay()
    ids = [event["id"] for event in rows(shop, PATH, limit=100)]

    forwards = list(pages_forwards(shop, PATH, limit=limit))
    backwards = list(pages_backwards(shop, PATH, limit=limit, ending_before=ids[-1]))

    assert len(ids) == 6
    assert sum(forwards, []) == ids
    assert sum(reversed(backwards), []) == ids[:-1]


def test_type_filter(shop: Shop) -> None:
    shop.pay()
    authorized = shop.authorize()["id"]

    assert [event["object_id"] for event in rows(shop, PATH, type="payment.requires_capture")] == [authorized]
    assert len(rows(shop, PATH, type="payment.created")) == 2
    assert rows(shop, PATH, type="payment.unheard_of") == []


def test_object_filter(shop: Shop) -> None:
    first, second = shop.pay().json()["id"], shop.pay().json()["id"]

    assert {event["object_id"] for event in rows(shop, PATH, object_id=first)} == {first}
    assert len(rows(shop, PATH, object_id=second, type="payment.succeeded")) == 1
    assert rows(shop, PATH, object_id=encode("pay", new_uuid())) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"starting_after": "pay_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "starting_after"),
        ({"ending_before": "evt_"}, "ending_before"),
        ({"type": ""}, "type"),
        ({"type": "x" * 41}, "type"),
        ({"type": "payment.\x00"}, "type"),
        ({"object_id": "evt_01jv8k3x5rf2dbh0v9q2w8m7ce"}, "object_id"),
        ({"object_id": "pay_1"}, "object_id"),
        ({"status": "succeeded"}, "status"),
        (
            {"starting_after": "evt_01jv8k3x5rf2dbh0v9q2w8m7ce", "ending_before": "evt_01jv8k3x5rf2dbh0v9q2w8m7ce"},
            "ending_before",
        ),
    ],
)
def test_bad_parameter_is_named(shop: Shop, query: dict[str, Any], param: str) -> None:
    problem_in(shop.get(PATH, **query), status=400, code="invalid_request", param=param)
