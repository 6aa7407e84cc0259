"""Routing rules: edited by those who may, in words, with a history, and in force for the next payment."""

from http import HTTPStatus
from typing import Any

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from payments.models import ProcessorAccount, RoutingRule
from payments.operations.processor_accounts import enable_account
from tests.processors import account_at, set_up
from tests.shop import Shop

RULES = "/admin/payments/routingrule/"
TERMS = {
    **{"position": "1", "currency": "", "amount_from": "", "amount_to": "", "payment_method_prefix": ""},
    **{"percentage": "100", "first_choice": "beta", "second_choice": "alpha", "third_choice": "", "is_enabled": "on"},
}


@pytest.fixture(autouse=True)
def accounts(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[ProcessorAccount]:
    """Return the shop's accounts at two of three processors."""
    alpha, beta, _ = set_up(monkeypatch, "alpha", "beta", "gamma")
    return [account_at(shop, alpha), account_at(shop, beta)]


@pytest.fixture
def rule(shop: Shop) -> RoutingRule:
    """Return a rule of the shop's."""
    return RoutingRule.objects.create(
        merchant=shop.merchant,
        mode="test",
        position=1,
        currency="EUR",
        amount_from=1000,
        payment_method_prefix="pm_card_",
        percentage=30,
        connectors=["beta", "alpha"],
    )


def page_of(rule: RoutingRule) -> str:
    """Return the address of a rule's page."""
    return f"{RULES}{rule.pk}/change/"


def parties(shop: Shop) -> dict[str, Any]:
    """Return the form's fields that say whose rule it is."""
    return {"merchant": shop.merchant.pk, "mode": "test"}


def faults(client: Client, address: str, **body: Any) -> dict[str, list[str]]:
    """Send a form that is refused, and return what is said of each field at fault."""
    response = client.post(address, body)
    assert response.status_code == HTTPStatus.OK
    return {name: list(errors) for name, errors in response.context["adminform"].form.errors.items()}


def test_rule_is_written_and_changed_with_a_history(staff: Client, shop: Shop) -> None:
    added = staff.post(f"{RULES}add/", parties(shop) | TERMS)
    rule = RoutingRule.objects.get()
    first = shop.pay().json()["connector"]
    changed = staff.post(page_of(rule), TERMS | {"first_choice": "alpha", "second_choice": "", "percentage": "100"})

    rule.refresh_from_db()
    assert (added.status_code, changed.status_code) == (HTTPStatus.FOUND, HTTPStatus.FOUND)
    assert (rule.merchant, rule.mode, rule.position, rule.connectors) == (shop.merchant, "test", 1, ["alpha"])
    assert (rule.currency, rule.amount_from, rule.payment_method_prefix) == (None, None, None)
    assert (first, shop.pay().json()["connector"]) == ("beta", "alpha")
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("id")] == [
        "Added.",
        "Changed First choice and Second choice.",
    ]
    history = staff.get(page_of(rule).replace("change", "history")).content.decode()
    assert "Changed First choice and Second choice." in history


def test_rule_is_written_with_all_there_is(staff: Client, shop: Shop) -> None:
    terms = {
        **{"currency": "EUR", "amount_from": "100", "amount_to": "5000", "payment_method_prefix": "pm_card_"},
        **{"percentage": "40", "third_choice": "sandbox"},
    }

    staff.post(f"{RULES}add/", parties(shop) | TERMS | terms)

    rule = RoutingRule.objects.get()
    assert (rule.currency, rule.amount_from, rule.amount_to, rule.payment_method_prefix, rule.percentage) == (
        *("EUR", 100, 5000, "pm_card_"),
        40,
    )
    assert rule.connectors == ["beta", "alpha", "sandbox"]


def test_page_shows_the_rule_as_it_is(staff: Client, rule: RoutingRule) -> None:
    form = staff.get(page_of(rule)).context["adminform"].form

    assert [form[name].value() for name in ("first_choice", "second_choice", "third_choice")] == ["beta", "alpha", ""]
    assert (form["currency"].value(), form["percentage"].value()) == ("EUR", 30)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"percentage": "0"}, {"percentage": ["From 1 to 100."]}),
        ({"percentage": "101"}, {"percentage": ["From 1 to 100."]}),
        ({"currency": "XAU"}, {"currency": None}),
        ({"amount_from": "1"}, {"amount_from": ["Of which currency?"]}),
        ({"amount_to": "1"}, {"amount_to": ["Of which currency?"]}),
        ({"currency": "EUR", "amount_from": "0"}, {"amount_from": ["At least one minor unit, or nothing."]}),
        ({"currency": "EUR", "amount_to": "-1"}, {"amount_to": ["At least one minor unit, or nothing."]}),
        (
            {"currency": "EUR", "amount_from": "2", "amount_to": "1"},
            {"amount_to": ["Less than the amount that the rule begins at."]},
        ),
        ({"currency": "EUR", "amount_to": "9" * 30}, {"amount_to": None}),
        ({"first_choice": ""}, {"first_choice": ["This field is required."]}),
        ({"first_choice": "stripe"}, {"first_choice": None}),
        (
            {"first_choice": "gamma"},
            {"first_choice": ["New payments of this merchant cannot go to gamma: it has no enabled account."]},
        ),
        ({"second_choice": "beta"}, {"second_choice": ["beta is tried before already."]}),
        ({"third_choice": "beta"}, {"third_choice": ["beta is tried before already."]}),
        ({"position": ""}, {"position": ["This field is required."]}),
        ({"position": "-1"}, {"position": None}),
    ],
)
def test_rule_that_makes_no_sense_is_refused_in_words(
    staff: Client, shop: Shop, changes: dict[str, str], expected: dict[str, list[str] | None]
) -> None:
    found = faults(staff, f"{RULES}add/", **parties(shop) | TERMS | changes)

    assert {name: said for name, said in found.items() if expected.get(name) is not None} == {
        name: said for name, said in expected.items() if said is not None
    }
    assert found.keys() == expected.keys()
    assert not RoutingRule.objects.exists()


def test_position_that_is_taken_is_refused(staff: Client, shop: Shop, rule: RoutingRule) -> None:
    said = {"position": ["Another rule of this merchant has this position."]}
    other = RoutingRule.objects.create(merchant=shop.merchant, mode="test", position=2, connectors=["alpha"])

    assert faults(staff, f"{RULES}add/", **parties(shop) | TERMS) == said
    assert faults(staff, page_of(other), **TERMS) == said


def test_live_rule_names_no_sandbox(staff: Client, shop: Shop) -> None:
    found = faults(staff, f"{RULES}add/", **parties(shop) | TERMS | {"mode": "live", "first_choice": "sandbox"})

    assert "first_choice" in found


def test_rule_for_an_account_that_is_switched_off_can_be_put_out_of_force_and_not_into(
    staff: Client, rule: RoutingRule, accounts: list[ProcessorAccount]
) -> None:
    enable_account(account=accounts[1], is_enabled=False, now=timezone.now())

    out = staff.post(page_of(rule), {name: value for name, value in TERMS.items() if name != "is_enabled"})
    back = faults(staff, page_of(rule), **TERMS)

    rule.refresh_from_db()
    assert (out.status_code, rule.is_enabled, rule.connectors) == (HTTPStatus.FOUND, False, ["beta", "alpha"])
    assert list(back) == ["first_choice"]


def test_whose_rule_it_is_never_changes(staff: Client, rule: RoutingRule) -> None:
    staff.post(page_of(rule), TERMS | {"mode": "live"})

    rule.refresh_from_db()
    assert (rule.mode, rule.percentage) == ("test", 100)


def test_list_says_in_words_and_in_order_what_is_taken(
    staff: Client, shop: Shop, rule: RoutingRule, django_assert_num_queries: Any
) -> None:
    RoutingRule.objects.create(
        merchant=shop.merchant, mode="test", position=7, currency="JPY", amount_to=500, connectors=["alpha"]
    )
    RoutingRule.objects.create(merchant=shop.merchant, mode="test", position=3, connectors=["alpha"])

    with django_assert_num_queries(3):
        content = staff.get(RULES, {"q": shop.merchant.public_id}).content.decode()

    words = ["30 % of EUR from 10.00 EUR with pm_card_…", "100 % of everything", "100 % of JPY up to 500 JPY"]
    assert "beta → alpha" in content
    assert sorted(words, key=content.index) == words
    assert page_of(rule) in staff.get(f"/admin/payments/merchant/{shop.merchant.pk}/change/").content.decode()


@pytest.mark.parametrize("permission", ["view_routingrule", "change_routingrule"])
def test_rule_is_changed_only_with_the_permission(client: Client, rule: RoutingRule, permission: str) -> None:
    user = get_user_model().objects.create(username="sales", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(user)
    allowed = permission == "change_routingrule"

    page = client.get(page_of(rule))
    changed = client.post(page_of(rule), TERMS)

    rule.refresh_from_db()
    assert page.status_code == HTTPStatus.OK
    assert ("beta → alpha" in page.content.decode()) != allowed
    assert changed.status_code == (HTTPStatus.FOUND if allowed else HTTPStatus.FORBIDDEN)
    assert rule.percentage == (100 if allowed else 30)
    assert client.get(f"{RULES}add/").status_code == HTTPStatus.FORBIDDEN
    assert client.post(page_of(rule).replace("change", "delete"), {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
