"""GET /v1/discrepancies and GET /v1/discrepancies/{discrepancy_id}."""

from typing import Any

import pytest

from django.utils import timezone

from payments.models import Discrepancy
from payments.operations.discrepancies import resolve
from tests.api.answers import pages_forwards, problem_in, rows
from tests.reports import charge_line, refund_line, take_in
from tests.shop import Shop, uuid_of

PATH = "/v1/discrepancies"


def short(shop: Shop) -> dict[str, Any]:
    """Have a payment settled 1.99 EUR short, and return the payment."""
    payment = dict(shop.pay().json())
    take_in([charge_line(payment, gross=1800)])
    return payment


def test_a_discrepancy_says_what_does_not_match(shop: Shop) -> None:
    payment = short(shop)

    (found,) = rows(shop, PATH)

    assert shop.get(f"{PATH}/{found['id']}").json() == found
    assert found["detail"].startswith("sandbox settles the charge sbx_")
    assert {name: found[name] for name in found.keys() - {"id", "detail", "created_at"}} == {
        "object": "discrepancy",
        "mode": "test",
        "kind": "wrong_amount",
        "status": "open",
        "amount": -199,
        "currency": "EUR",
        "payment": payment["id"],
        "payout": None,
        "resolution": None,
        "resolved_at": None,
    }


def test_a_resolved_one_says_why(shop: Shop) -> None:
    short(shop)
    found = Discrepancy.objects.get()

    resolve(discrepancy_id=found.pk, resolution="Agreed.", by="ana", now=timezone.now())

    shown = shop.get(f"{PATH}/{found.public_id}").json()
    assert (shown["status"], shown["resolution"]) == ("resolved", "Agreed.")
    assert shown["resolved_at"] is not None
    assert "ana" not in str(shown)


def test_the_list_is_narrowed(shop: Shop) -> None:
    first, second = short(shop), short(shop)
    refund = shop.post("/v1/refunds", {"payment": first["id"], "amount": 100}).json()
    take_in([refund_line(refund), refund_line(refund)])
    resolve(
        discrepancy_id=Discrepancy.objects.get(payment_id=uuid_of(second["id"])).pk,
        resolution="Agreed.",
        by="ana",
        now=timezone.now(),
    )

    def of(**query: str) -> list[tuple[str, str]]:
        return [(row["kind"], row["payment"]) for row in rows(shop, PATH, **query)]

    assert of() == [("settled_twice", first["id"]), ("wrong_amount", second["id"]), ("wrong_amount", first["id"])]
    assert of(status="resolved") == [("wrong_amount", second["id"])]
    assert of(kind="settled_twice") == [("settled_twice", first["id"])]
    assert of(payment=first["id"]) == [("settled_twice", first["id"]), ("wrong_amount", first["id"])]


def test_the_list_has_pages(shop: Shop) -> None:
    for _ in range(3):
        short(shop)

    pages = list(pages_forwards(shop, PATH, limit=2))

    assert [len(page) for page in pages] == [2, 1]


def test_what_is_nobody_s_or_another_s_is_not_shown(shop: Shop, other_shop: Shop, live_shop: Shop) -> None:
    short(other_shop)
    take_in([charge_line(shop.pay().json(), processor_reference="sbx_unheard_of")])

    assert rows(shop, PATH) == rows(live_shop, PATH) == []


def test_its_events_are_in_the_log(shop: Shop) -> None:
    short(shop)
    found = Discrepancy.objects.get()

    (event,) = rows(shop, "/v1/events", object_id=found.public_id)

    assert event["type"] == "discrepancy.created"
    assert event["data"] == shop.get(f"{PATH}/{found.public_id}").json()


@pytest.mark.parametrize(("name", "value"), [("status", "new"), ("kind", "other"), ("payment", "re_1")])
def test_a_filter_that_cannot_be_is_refused(shop: Shop, name: str, value: str) -> None:
    problem_in(shop.get(PATH, **{name: value}), status=400, code="invalid_request", param=name)
