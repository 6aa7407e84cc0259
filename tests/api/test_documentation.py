"""/v1/openapi.json, /docs and /docs/errors."""

import re
from io import StringIO

import pytest

from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver

from payments.errors import published_errors
from payments.event_types import EVENT_TYPES
from tests.api.schema import document
from tests.shop import Shop


def test_document_is_valid_and_leaves_nothing_to_guess() -> None:
    written = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=written)

    assert '"openapi": "3.0' in written.getvalue()


def test_document_is_open_to_everyone(client: Client, db: None) -> None:
    response = client.get("/v1/openapi.json")

    assert response.status_code == 200
    assert response.json()["paths"].keys() == document()["paths"].keys()


def test_every_address_of_the_api_is_documented() -> None:
    routes = {str(pattern.pattern) for pattern in get_resolver("payments.api.urls").url_patterns}

    paths = {"/" + re.sub(r"<str:(\w+)>", r"{\1}", route) for route in routes if route.startswith("v1/")}

    assert paths - {"/v1/openapi.json"} == set(document()["paths"])


def test_every_operation_asks_for_a_key_and_moving_money_for_an_idempotency_key() -> None:
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            headers = {each["name"] for each in operation.get("parameters", []) if each["in"] == "header"}
            # Processors sign what they send instead.
            keyless = operation["tags"] == ["processors"]
            assert operation.get("security") == (None if keyless else [{"apiKey": []}]), path
            moves_money = method == "post" and not keyless and not path.startswith("/v1/webhook_endpoints")
            assert headers == ({"Idempotency-Key"} if moves_money else set()), path


def test_reference_needs_nobody_else(client: Client, db: None) -> None:
    page = client.get("/docs").content.decode()

    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) >= 3
    assert all(asset.startswith("/static/") for asset in assets)
    assert "//" not in re.sub(r"(?m)^\s*//.*$", "", page).replace("/*", "").replace("*/", "")
    for asset in assets:
        served = client.get(asset)
        assert served.status_code == 200
        assert b"".join(served)


def test_page_of_events_lists_every_type(client: Client, db: None) -> None:
    page = client.get("/docs/events").content.decode()

    types = re.findall(r"<li><code>([\w.]+)</code>", page)
    assert types == sorted(EVENT_TYPES)
    assert {"payment.succeeded", "payment.refunded", "payout.failed", "webhook_endpoint.disabled"} <= set(types)


def test_error_pages_list_every_code(client: Client, db: None) -> None:
    page = client.get("/docs/errors").content.decode()

    codes = re.findall(r'<section id="(\w+)">', page)
    assert sorted(codes) == sorted(published_errors())
    assert len(codes) > 15


@pytest.mark.parametrize("code", sorted(published_errors()))
def test_each_error_has_a_page_with_advice(client: Client, db: None, code: str) -> None:
    error = published_errors()[code]

    response = client.get(f"/docs/errors/{code}")

    page = response.content.decode()
    assert response.status_code == 200
    assert code in page and str(error.status) in page
    assert error.title() and error.advice()
    assert "http" not in page.replace("HTTP", "")


def test_unknown_error_has_no_page(client: Client, db: None) -> None:
    assert client.get("/docs/errors/nothing").status_code == 404


def test_type_of_a_problem_leads_to_its_page(shop: Shop) -> None:
    problems = [shop.get("/v1/nothing"), shop.pay(amount=0), shop.pay(payment_method="pm_card_lost")]

    for response in problems:
        address = response.json()["type"].removeprefix("http://127.0.0.1:8000")
        assert shop.client.get(address).status_code == 200
