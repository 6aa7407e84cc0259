"""Whatever goes wrong is a problem document (RFC 9457), whoever raised it."""

import logging
from typing import Any

import psycopg
import pytest

from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from payments.models import ApiKey
from payments.operations.api_keys import revoke_api_key
from tests.api.answers import MEMBERS, problem_in
from tests.shop import Shop
from tests.snapshot import nothing_written

PATH = "/v1/payments"
SOME_PAYMENT = f"{PATH}/pay_01jv8k3x5rf2dbh0v9q2w8m7ce"
SECRET = "host=db-7.internal password=hunter2"


def test_document_has_every_member(shop: Shop) -> None:
    problem = problem_in(shop.pay(amount=0, currency="eur"), status=400, code="invalid_request", param="amount")

    assert problem.keys() == MEMBERS
    assert problem["type"] == "http://127.0.0.1:8000/docs/errors/invalid_request"
    assert problem["title"] == "The request is not valid"
    assert problem["instance"] == PATH
    assert [(fault["param"], bool(fault["detail"])) for fault in problem["errors"]] == [
        ("amount", True),
        ("currency", True),
    ]
    assert "Write EUR." in problem["errors"][1]["detail"]


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "sk_test_x",
        "Basic c2tfdGVzdDo=",
        "Bearer sk_test_unknown",
        "Bearer sk_test_x more",
        "Bearer \x00",
        "Bearer schlüssel",
        f"Bearer {'x' * 5000}",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", PATH), ("GET", SOME_PAYMENT)])
def test_missing_or_wrong_key_is_401(shop: Shop, method: str, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    with nothing_written():
        response = shop.client.generic(method, path, "{}", content_type="application/json", headers=headers)

    problem_in(response, status=401, code="authentication_failed")
    assert response["WWW-Authenticate"] == "Bearer"


def test_revoked_key_is_401_at_once(shop: Shop) -> None:
    assert shop.get(PATH).status_code == 200
    revoke_api_key(key=ApiKey.objects.get(merchant=shop.merchant), now=timezone.now())

    with nothing_written():
        responses = [shop.get(PATH), shop.pay()]

    for response in responses:
        problem_in(response, status=401, code="authentication_failed")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_scheme_is_read_in_any_case(shop: Shop, scheme: str) -> None:
    response = shop.client.get(PATH, headers={"Authorization": f"{scheme} {shop.key}"})

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/payments/", "/v1/nothing", "/v2/payments", "/v1/%00%FF"])
def test_unknown_address_is_404(shop: Shop, path: str) -> None:
    problem = problem_in(shop.get(path), status=404, code="not_found")

    assert problem["instance"] in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PATH, {"GET", "POST"}),
        ("PUT", PATH, {"GET", "POST"}),
        ("PATCH", SOME_PAYMENT, {"GET"}),
        ("DELETE", SOME_PAYMENT, {"GET"}),
        ("POST", SOME_PAYMENT, {"GET"}),
        ("GET", f"{SOME_PAYMENT}/capture", {"POST"}),
        ("DELETE", "/v1/balance", {"GET"}),
        ("POST", "/v1/events", {"GET"}),
    ],
)
def test_wrong_method_is_405(shop: Shop, method: str, path: str, allowed: set[str]) -> None:
    response = shop.client.generic(method, path, headers={"Authorization": f"Bearer {shop.key}"})

    problem_in(response, status=405, code="method_not_allowed")
    assert set(response["Allow"].split(", ")) - {"OPTIONS", "HEAD"} == allowed


def test_other_format_is_406(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "Accept": "text/html"}

    problem_in(shop.client.get(PATH, headers=headers), status=406, code="not_acceptable")


@pytest.mark.parametrize("size", [65_537, 10_000_000])
def test_large_body_is_413(shop: Shop, size: int) -> None:
    body = b'{"description": "%s"}' % (b"x" * size)

    with nothing_written():
        response = shop.post(PATH, body)

    problem_in(response, status=413, code="body_too_large")


def test_large_body_that_calls_itself_small_is_read_no_further(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "Idempotency-Key": "key-1", "Content-Length": "30"}
    body = b'{"description": "%s"}' % (b"x" * 10_000_000)

    with nothing_written():
        response = shop.client.post(PATH, body, content_type="application/json", headers=headers, CONTENT_LENGTH="30")

    problem_in(response, status=400, code="malformed_body")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "json"]
)
def test_other_content_type_is_415(shop: Shop, content_type: str) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "Idempotency-Key": "key-1"}

    with nothing_written():
        response = shop.client.generic("POST", PATH, '{"amount": 1}', content_type=content_type, headers=headers)

    problem_in(response, status=415, code="unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_content_type_may_have_parameters_and_capitals(shop: Shop, content_type: str) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "Idempotency-Key": "key-1"}
    body = '{"amount": 1, "currency": "EUR", "confirm": false}'

    response = shop.client.generic("POST", PATH, body, content_type=content_type, headers=headers)

    assert response.status_code == 201


def broken(*_: Any, **__: Any) -> None:
    """Stand for a mistake of ours."""
    raise RuntimeError(SECRET)


def unreachable(*_: Any, **__: Any) -> None:
    """Stand for a database that is away."""
    raise OperationalError(f"connection failed: {SECRET}")


@pytest.mark.parametrize("function", ["list_payments", "get_payment"])
def test_mistake_of_ours_is_500_that_tells_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, function: str
) -> None:
    monkeypatch.setattr(f"payments.api.payments.payments.{function}", broken)

    response = shop.get(PATH if function == "list_payments" else SOME_PAYMENT)

    problem_in(response, status=500, code="internal_error")
    assert "hunter2" not in response.content.decode()
    assert "RuntimeError" not in response.content.decode()
    assert SECRET in caplog.text


def test_mistake_outside_the_views_is_500_that_tells_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_site.health._checks", broken)

    response = Client(raise_request_exception=False).get("/health")

    problem_in(response, status=500, code="internal_error")
    assert "hunter2" not in response.content.decode()


@pytest.mark.parametrize(
    "where", ["payments.api.authentication.key_uses.use_api_key", "payments.api.payments.payments.create_payment"]
)
def test_database_that_is_away_is_503(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    monkeypatch.setattr(where, unreachable)

    response = shop.pay()

    problem_in(response, status=503, code="service_unavailable")
    assert int(response["Retry-After"]) >= 1
    assert "hunter2" not in response.content.decode()
    assert SECRET in caplog.text


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.AdminShutdown])
def test_transaction_that_was_given_up_is_503_and_leaves_the_key_free(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def give_up(*_: Any, **__: Any) -> None:
        raise OperationalError from error()

    with monkeypatch.context() as patched, nothing_written():
        patched.setattr("payments.operations.payments.open_call", give_up)
        response = shop.pay_under("key-1")

    problem_in(response, status=503, code="service_unavailable")
    assert shop.pay_under("key-1").status_code == 201


@pytest.mark.parametrize("offered", ["abc-123", "a.b:c_d", "x" * 128])
def test_request_id_of_the_client_is_taken_over(shop: Shop, offered: str) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "X-Request-Id": offered}

    response = shop.client.get(SOME_PAYMENT, headers=headers)

    assert problem_in(response, status=404, code="not_found")["request_id"] == offered


@pytest.mark.parametrize("offered", ["", "x" * 129, "two words", "<script>", "line\nbreak", "ü", "\x00"])
def test_unsafe_request_id_is_replaced(shop: Shop, offered: str) -> None:
    headers = {"Authorization": f"Bearer {shop.key}", "X-Request-Id": offered}

    response = shop.client.get(SOME_PAYMENT, headers=headers)

    assert problem_in(response, status=404, code="not_found")["request_id"].startswith("req_")


def test_every_answer_has_a_request_id_of_its_own(shop: Shop) -> None:
    ids = {shop.get(path)["X-Request-Id"] for path in (PATH, PATH, "/health/live", "/nowhere", "/docs")}

    assert len(ids) == 5


def test_foreign_host_is_refused(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "django.security.DisallowedHost")

    response = shop.client.get(PATH, headers={"Host": "evil.example"})

    problem_in(response, status=400, code="invalid_request")
    assert "evil" not in response.content.decode()


@pytest.mark.parametrize(
    ("length", "status", "code"), [(4096, 400, "invalid_request"), (4097, 414, "address_too_long")]
)
def test_an_address_may_have_a_length(shop: Shop, length: int, status: int, code: str) -> None:
    unknown = "a" * (length - len(f"{PATH}?="))

    response = shop.get(PATH, **{unknown: ""})

    problem_in(response, status=status, code=code, param=unknown if status == 400 else None)


def test_the_longest_filters_together_are_short_enough(shop: Shop) -> None:
    payment = shop.authorize()["id"]
    filters = {"merchant_reference": "\U0001f4b6" * 255, "status": "requires_payment_method", "currency": "EUR"}
    moments = dict.fromkeys(["created_at_gte", "created_at_lt"], "2026-01-31T12:00:00.000000+00:00")

    response = shop.get(PATH, limit=100, starting_after=payment, **filters, **moments)

    assert response.status_code == 200
