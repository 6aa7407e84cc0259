"""A key does what its scopes allow, and nothing else; each method of each view says which scope it needs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from django.urls import URLPattern, get_resolver

from payments.api.authentication import HasScope, scope_of
from payments.operations.api_keys import Bounds
from payments.operations.callers import Caller
from payments.operations.key_uses import Allowance, KeyUse
from payments.scopes import ALL, MEANINGS, Scope
from tests.api.answers import problem_in
from tests.api.conftest import checked
from tests.api.schema import document
from tests.shop import Shop, open_shop
from tests.snapshot import nothing_written

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What needs no key, with the reason.
OPEN_TO_ALL = {
    "/v1/openapi.json": "the documentation",
    "/v1/processor_webhooks/<str:connector>/<str:account_id>": "processors sign what they send",
}


def addresses() -> Iterator[tuple[str, Any]]:
    """Yield every address below v1, with its view."""
    for pattern in get_resolver("payments.api.urls").url_patterns:
        assert isinstance(pattern, URLPattern), "a nested urlconf: walk it as well"
        if str(pattern.pattern).startswith("v1/"):
            yield f"/{pattern.pattern}", getattr(pattern.callback, "cls", pattern.callback)


def views() -> Iterator[tuple[str, type[APIView]]]:
    """Yield every view that a key opens, with its address."""
    for address, view in addresses():
        if HasScope in getattr(view, "permission_classes", ()):
            yield address, view


OPERATIONS = [
    (method, address, scope)
    for address, view in views()
    for method in METHODS
    if (scope := scope_of(view, method)) is not None
]
every_operation = pytest.mark.parametrize(("method", "address", "scope"), OPERATIONS)


def shop_with(*scopes: str) -> Shop:
    """Return a shop whose key has these scopes."""
    return checked(open_shop(bounds=Bounds(scopes=scopes)))


def send(shop: Shop, method: str, address: str) -> Any:
    """Send a request about an object that does not exist."""
    path = address.replace("<str:", "").replace(">", "")
    if method in ("GET", "POST"):
        return shop.get(path) if method == "GET" else shop.post(path)
    headers = {"Authorization": f"Bearer {shop.key}"}
    return getattr(shop.client, method.lower())(path, {}, content_type="application/json", headers=headers)


def test_every_method_of_every_view_says_which_scope_it_needs() -> None:
    silent = [
        f"{view.__module__}.{view.__name__}.{method.lower()}"
        for _, view in views()
        for method in METHODS
        if hasattr(view, method.lower()) and scope_of(view, method) is None
    ]

    assert not silent, (
        f"No key may do this, for no scope is declared: {', '.join(silent)}. Give each of these views a line such as"
        ' `scopes = {"GET": Scope.PAYMENTS_READ, "POST": Scope.PAYMENTS_WRITE}`, with `from payments.scopes import'
        " Scope`; a new scope goes into Scope and MEANINGS of payments/scopes.py and the table of docs/api_keys.md."
    )


def test_what_needs_no_key_is_known() -> None:
    found = {address for address, _ in addresses()} - {address for address, _ in views()}

    assert found == set(OPEN_TO_ALL), "Should no key be needed there, enter it in OPEN_TO_ALL with the reason."


def test_every_scope_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Scope)


def test_the_docs_have_every_scope_with_its_meaning() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "api_keys.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `([a-z]+:[a-z]+)` \| (.+) \|$", page, re.MULTILINE) == list(MEANINGS.items())


def test_there_is_something_to_test() -> None:
    assert len(OPERATIONS) > 15
    assert {scope for _, _, scope in OPERATIONS} >= set(Scope) - {Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE}


@every_operation
def test_a_key_with_every_other_scope_is_refused(db: None, method: str, address: str, scope: Scope) -> None:
    shop = shop_with(*(set(Scope) - {scope}))

    with nothing_written():
        response = send(shop, method, address)

    assert problem_in(response, status=403, code="permission_denied")["required_scope"] == scope


@every_operation
def test_a_key_with_that_scope_alone_is_let_in(db: None, method: str, address: str, scope: Scope) -> None:
    shop = shop_with(scope)

    response = send(shop, method, address)

    assert response.status_code in (200, 400, 404), response.content


def test_a_refusal_names_what_is_needed_and_what_the_key_has(db: None) -> None:
    shop = shop_with(Scope.REFUNDS_READ, Scope.PAYMENTS_READ)

    problem = problem_in(shop.post("/v1/refunds"), status=403, code="permission_denied")

    assert problem["detail"] == "This needs the scope refunds:write; this key has payments:read, refunds:read."


def test_writing_does_not_include_reading(db: None) -> None:
    shop = shop_with(Scope.PAYMENTS_WRITE)

    paid = shop.pay()

    assert paid.status_code == 201
    assert shop.get(f"/v1/payments/{paid.json()['id']}").status_code == 403


def test_a_key_with_every_scope_may_do_everything(db: None) -> None:
    shop = shop_with(ALL)

    assert shop.pay().status_code == 201
    assert shop.get("/v1/payments").status_code == 200


def test_head_needs_what_get_needs(db: None) -> None:
    for scope, status in ((Scope.PAYMENTS_READ, 200), (Scope.PAYMENTS_WRITE, 403)):
        shop = shop_with(scope)

        response = shop.client.head("/v1/payments", headers={"Authorization": f"Bearer {shop.key}"})

        assert response.status_code == status


def test_a_method_that_a_view_has_not_is_told_whatever_the_scopes(db: None) -> None:
    shop = shop_with(Scope.EVENTS_READ)

    response = shop.client.delete("/v1/payments", headers={"Authorization": f"Bearer {shop.key}"})

    problem_in(response, status=405, code="method_not_allowed")


def test_a_method_without_a_scope_is_refused_even_to_a_key_with_all(shop: Shop) -> None:
    class Forgotten(APIView):
        """A view whose author has not thought of scopes."""

        def get(self) -> None:
            """Never come here."""

    allowance = Allowance(burst=1, window_seconds=1, remaining=1, full_in_seconds=0, retry_after_seconds=None)
    request: Any = APIRequestFactory().get("/")
    request.auth = KeyUse(shop.merchant.id, Caller(shop.merchant.id, shop.mode), {ALL}, allowance)

    assert not HasScope().has_permission(request, Forgotten())


@every_operation
def test_the_document_says_which_scope_an_operation_needs(method: str, address: str, scope: Scope) -> None:
    operation = document()["paths"][address.replace("<str:", "{").replace(">", "}")][method.lower()]

    assert operation["x-required-scope"] == scope
    assert f"Needs the scope `{scope}`." in operation["description"]
