"""Payments that send their payer to a page first: what merchants send and see, and the page."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from django.test import Client
from django.utils import timezone

from payments.connectors import registry
from payments.connectors.sandbox import SandboxConnector, actions
from tests.api.answers import payment_in, problem_in
from tests.payer import CARD, ask_payer, decide, page_of
from tests.shop import Shop, new_client
from tests.snapshot import nothing_written

SHOP = "https://shop.example/orders/7?step=paid#top"

# What a page of ours that strangers see has to say to their browser.
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
}


@pytest.fixture
def browser() -> Client:
    """Return a browser, whose form has to carry the page's token."""
    return Client(enforce_csrf_checks=True)


def press(browser: Client, path: str, decision: str) -> Any:
    """Open the page and press a button on it, as a browser without JavaScript does."""
    page = browser.get(path).content.decode()
    form = re.search(r'<form method="post">(.*?)</form>', page, re.S)
    assert form is not None, page
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.group(1))
    button = re.search(rf'<button[^>]* name="decision" value="{decision}"', form.group(1))
    assert token is not None and button is not None
    return browser.post(path, {"csrfmiddlewaretoken": token.group(1), "decision": decision})


def policy_of(response: Any) -> dict[str, str]:
    """Return the Content-Security-Policy by directive."""
    parts = (directive.strip().partition(" ") for directive in response["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def shown(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    """Return the payment as it is now."""
    return payment_in(shop.get(f"/v1/payments/{payment['id']}"))


def test_create_answers_where_to_send_the_payer(shop: Shop) -> None:
    payment = payment_in(shop.pay(payment_method=CARD, return_url=SHOP), status=201)

    assert payment["status"] == "requires_action"
    assert payment["next_action"].keys() == {"type", "url"}
    assert payment["next_action"]["type"] == "redirect"
    assert payment["next_action"]["url"].startswith("http://127.0.0.1:8000/sandbox/actions/sba_")
    assert payment["return_url"] == SHOP
    assert (payment["amount_authorized"], payment["authorization_code"]) == (0, None)


def test_confirm_answers_where_to_send_the_payer(shop: Shop) -> None:
    path = f"/v1/payments/{payment_in(shop.pay(confirm=False, return_url='https://old.example'), status=201)['id']}"

    payment = payment_in(shop.post(f"{path}/confirm", {"payment_method": CARD, "return_url": SHOP}))

    assert (payment["status"], payment["return_url"]) == ("requires_action", SHOP)
    assert payment["next_action"]["url"]


def test_confirm_keeps_the_address_that_the_payment_was_created_with(shop: Shop) -> None:
    path = f"/v1/payments/{payment_in(shop.pay(confirm=False, return_url=SHOP), status=201)['id']}"

    assert payment_in(shop.post(f"{path}/confirm", {"payment_method": CARD}))["return_url"] == SHOP


def test_payment_that_needs_no_payer_has_no_next_action(shop: Shop) -> None:
    payment = payment_in(shop.pay(), status=201)

    assert (payment["next_action"], payment["return_url"]) == (None, None)


@pytest.mark.parametrize(
    "address",
    [
        *("http://localhost:3000/back", "https://127.0.0.1/x", "https://shop.example", "http://[::1]:8000/?a=1#b"),
        f"https://shop.example/{'a' * 1979}",
    ],
)
def test_address_to_come_back_to_is_taken(shop: Shop, address: str) -> None:
    assert payment_in(shop.pay(return_url=address), status=201)["return_url"] == address


@pytest.mark.parametrize(
    "address",
    [
        *("", "shop.example", "/orders/7", "//shop.example", "javascript:alert(1)", "ftp://shop.example"),
        *("myapp://paid", "data:text/html,x", "https://", "https:///x", "https://shop example", "https://a;b/c"),
        *("https://user:secret@shop.example", "https://shop.example@evil.example/", "https://müller.example/x"),
        *(
            "https://shop.example/\r\nSet-Cookie: a=b",
            "https://shop.example/\tx",
            "https://shop.example\\@evil.example",
        ),
        *(f"https://shop.example/{'a' * 1980}", 7, True, ["https://shop.example"]),
    ],
)
@pytest.mark.parametrize("verb", ["create", "confirm"])
def test_bad_address_is_refused(shop: Shop, verb: str, address: Any) -> None:
    path = f"/v1/payments/{payment_in(shop.pay(confirm=False), status=201)['id']}/confirm"

    with nothing_written():
        response = shop.pay(return_url=address) if verb == "create" else shop.post(path, {"return_url": address})

    problem_in(response, status=400, code="invalid_request", param="return_url")


def test_page_shows_the_amount_and_nothing_of_the_merchant(shop: Shop, browser: Client) -> None:
    secrets = {"description": "Walnut desk lamp", "merchant_reference": "order-1001", "metadata": {"vip": "yes"}}
    payment = ask_payer(shop, amount=123450, return_url=SHOP, **secrets)

    response = browser.get(page_of(payment))

    page = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "1,234.50 EUR" in page and "Approve" in page and "Refuse" in page
    assert not any(secret in page for secret in ("lamp", "order-1001", "vip", shop.merchant.name, payment["id"]))


def test_page_needs_nobody_else_and_no_script(shop: Shop, browser: Client) -> None:
    response = browser.get(page_of(ask_payer(shop, return_url=SHOP)))

    page = response.content.decode()
    assert "<script" not in page and "style=" not in page and "<style" not in page
    (style,) = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert b"".join(browser.get(style))
    assert policy_of(response) == {
        "default-src": "'none'",
        "style-src": "'self'",
        # Browsers hold a form's redirect to it as well.
        "form-action": "'self' https://shop.example",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert {name: response[name] for name in HEADERS} == HEADERS


def test_approval_brings_the_payer_back_to_a_paid_payment(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop, return_url=SHOP)

    response = press(browser, page_of(payment), "approve")

    back = urlsplit(response["Location"])
    assert response.status_code == 303
    assert (back.scheme, back.netloc, back.path, back.fragment) == ("https", "shop.example", "/orders/7", "top")
    assert parse_qs(back.query) == {"step": ["paid"], "payment": [payment["id"]]}
    assert "https://shop.example" in policy_of(response)["form-action"]
    paid = shown(shop, payment)
    assert (paid["status"], paid["next_action"], paid["amount_captured"]) == ("succeeded", None, 1999)


def test_approval_of_a_payment_to_be_captured_later_reserves(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop, capture_method="manual")

    response = press(browser, page_of(payment), "approve")

    reserved = shown(shop, payment)
    assert (response.status_code, reserved["status"]) == (200, "requires_capture")
    assert reserved["authorization_expires_at"] is not None
    assert payment_in(shop.post(f"/v1/payments/{payment['id']}/capture"))["status"] == "succeeded"


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_page_without_an_address_says_that_it_is_done(shop: Shop, browser: Client, decision: str) -> None:
    payment = ask_payer(shop)

    response = press(browser, page_of(payment), decision)

    page = response.content.decode()
    assert response.status_code == 200
    assert f"You {decision.removesuffix('e')}ed this payment".replace("approvd", "approved") in page
    assert "You can close this page" in page
    assert policy_of(response)["form-action"] == "'self'"


def test_refusal_brings_the_payer_back_to_try_another_card(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop, return_url="http://localhost:3000")

    response = press(browser, page_of(payment), "refuse")

    assert response["Location"] == f"http://localhost:3000?payment={payment['id']}"
    refused = shown(shop, payment)
    assert refused["status"] == "requires_payment_method"
    assert refused["last_error"]["decline_code"] == "authentication_failed"


def test_form_without_the_page_s_token_decides_nothing(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop)
    browser.get(page_of(payment))

    with nothing_written():
        response = browser.post(page_of(payment), {"decision": "approve"})

    assert response.status_code == 403


@pytest.mark.parametrize(("first", "second"), [("approve", "refuse"), ("refuse", "approve"), ("approve", "approve")])
def test_second_decision_shows_the_first(shop: Shop, first: str, second: str) -> None:
    payment = ask_payer(shop, return_url=SHOP)
    decide(payment, first)
    before = shown(shop, payment)

    response = decide(payment, second)

    page = response.content.decode()
    assert response.status_code == 409
    assert ("You approved this payment" if first == "approve" else "You refused this payment") in page
    assert f"https://shop.example/orders/7?step=paid&amp;payment={payment['id']}#top" in page
    assert "<form" not in page
    assert shown(shop, payment) == before


@pytest.mark.parametrize("decision", ["approve", "refuse"])
def test_decision_after_the_time_is_refused_and_settles_the_payment(shop: Shop, decision: str) -> None:
    payment = ask_payer(shop)

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        response = decide(payment, decision)

    assert response.status_code == 409
    assert "The time to approve is over" in response.content.decode()
    expired = shown(shop, payment)
    assert expired["status"] == "requires_payment_method"
    assert expired["last_error"]["decline_code"] == "authentication_expired"


def test_page_after_the_time_asks_nothing_and_changes_nothing(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop)

    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)), nothing_written():
        response = browser.get(page_of(payment))

    assert response.status_code == 200
    assert "<form" not in response.content.decode()


def test_page_of_a_canceled_payment_says_so(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop)
    canceled = payment_in(shop.post(f"/v1/payments/{payment['id']}/cancel"))

    response = decide(payment, "approve")

    assert (canceled["status"], canceled["next_action"], canceled["last_error"]) == ("canceled", None, None)
    assert response.status_code == 409
    assert "This payment was canceled" in response.content.decode()


@pytest.mark.parametrize("body", [{}, {"decision": ""}, {"decision": "maybe"}, {"decision": "APPROVE"}])
def test_no_decision_is_asked_for_again(shop: Shop, body: dict[str, str]) -> None:
    payment = ask_payer(shop)

    with nothing_written():
        response = new_client().post(page_of(payment), body)

    assert response.status_code == 400
    assert "<form" in response.content.decode()


@pytest.mark.parametrize("reference", ["sba_unheard_of", "sbx_1", "x" * 300, "a%00b"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_page_is_not_found(shop: Shop, reference: str, method: str) -> None:
    with nothing_written():
        response = getattr(new_client(), method)(f"/sandbox/actions/{reference}", {"decision": "approve"})

    assert response.status_code == 404


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_page_takes_no_other_method(shop: Shop, method: str) -> None:
    payment = ask_payer(shop)

    assert getattr(new_client(), method)(page_of(payment)).status_code == 405


@pytest.fixture
def without_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the sandbox out of service."""
    monkeypatch.delitem(registry._CONNECTORS, SandboxConnector.name)  # pylint: disable=protected-access
    yield


def test_page_is_only_where_the_sandbox_is(
    shop: Shop, browser: Client, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = ask_payer(shop)
    request.getfixturevalue("without_sandbox")
    monkeypatch.setattr(actions, "decide", lambda *_, **__: pytest.fail("it was asked"))

    assert browser.get(page_of(payment)).status_code == 404
    assert decide(payment, "approve").status_code == 404


def test_another_card_that_needs_the_payer_pays_after_a_decline(shop: Shop, browser: Client) -> None:
    declined = problem_in(
        shop.pay(payment_method="pm_card_declined"), status=402, code="payment_declined", param="payment_method"
    )["payment"]
    waiting = payment_in(shop.post(f"/v1/payments/{declined['id']}/confirm", {"payment_method": CARD}))

    press(browser, page_of(waiting), "approve")

    paid = shown(shop, declined)
    assert (waiting["status"], paid["status"], paid["last_error"]) == ("requires_action", "succeeded", None)
    assert payment_in(shop.post("/v1/refunds", {"payment": paid["id"]}), status=201)["status"] == "succeeded"


def test_payment_refused_once_is_approved_at_the_second_attempt(shop: Shop, browser: Client) -> None:
    payment = ask_payer(shop)
    press(browser, page_of(payment), "refuse")
    again = payment_in(shop.post(f"/v1/payments/{payment['id']}/confirm", {"payment_method": CARD}))

    press(browser, page_of(again), "approve")

    assert page_of(again) != page_of(payment)
    assert shown(shop, payment)["status"] == "succeeded"
