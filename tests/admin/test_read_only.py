"""Every page about payments can be looked at by those who may, and nothing can be changed by anybody."""

import re
from http import HTTPStatus

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments.models import ApiKey, IdempotencyRecord, Merchant, Payment
from tests.admin.conftest import PAGES
from tests.shop import Shop

pytestmark = pytest.mark.usefixtures("shop")
every_page = pytest.mark.parametrize("name", PAGES)
# The session, the user and the list itself.
LIST_STATEMENTS = 3


def list_of(name: str) -> str:
    return f"/admin/payments/{name}/"


def page_of(name: str) -> str:
    row = PAGES[name].objects.order_by("-pk")[0]  # type: ignore[attr-defined]
    return f"/admin/payments/{name}/{row.pk}/change/"


@every_page
def test_list_and_page_are_shown_to_staff(staff: Client, name: str) -> None:
    assert staff.get(list_of(name)).status_code == HTTPStatus.OK
    assert staff.get(page_of(name)).status_code == HTTPStatus.OK


@every_page
def test_nothing_is_added(staff: Client, name: str) -> None:
    address = f"/admin/payments/{name}/add/"

    assert staff.get(address).status_code == HTTPStatus.FORBIDDEN
    assert staff.post(address).status_code == HTTPStatus.FORBIDDEN


@every_page
def test_nothing_is_changed(staff: Client, name: str) -> None:
    address = page_of(name)

    assert staff.post(address, {"status": "canceled", "name": "other"}).status_code == HTTPStatus.FORBIDDEN
    assert b'name="_save"' not in staff.get(address).content


@every_page
def test_nothing_is_deleted(staff: Client, name: str) -> None:
    address = page_of(name).replace("/change/", "/delete/")
    chosen = str(PAGES[name].objects.all()[0].pk)  # type: ignore[attr-defined]
    before = PAGES[name].objects.count()  # type: ignore[attr-defined]

    assert staff.get(address).status_code == HTTPStatus.FORBIDDEN
    assert staff.post(address, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
    staff.post(list_of(name), {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
    assert PAGES[name].objects.count() == before  # type: ignore[attr-defined]


@every_page
def test_anonymous_visitors_are_sent_to_the_login(client: Client, name: str) -> None:
    for address in (list_of(name), page_of(name)):
        answer = client.get(address)

        assert answer.status_code == HTTPStatus.FOUND
        assert answer["Location"].startswith("/admin/login/")


@every_page
def test_staff_without_permissions_see_nothing(client: Client, name: str) -> None:
    client.force_login(get_user_model().objects.create(username="new", is_staff=True))

    assert client.get(list_of(name)).status_code == HTTPStatus.FORBIDDEN
    assert client.get(page_of(name)).status_code == HTTPStatus.FORBIDDEN
    assert list_of(name) not in client.get("/admin/").content.decode()


def test_a_table_on_a_page_needs_the_permission_of_what_it_shows(support: Client) -> None:
    content = support.get(page_of("payment")).content.decode()

    assert "Amount" in content
    assert "Processor calls" not in content
    assert "evt_" not in content


def test_no_page_shows_the_secret_of_a_key_nor_its_hash(staff: Client, shop: Shop) -> None:
    key = ApiKey.objects.get()

    for name in PAGES:
        for address in (list_of(name), page_of(name)):
            content = staff.get(address).content.decode()
            assert shop.key not in content
            assert key.key_hash not in content


def test_a_key_is_recognized_by_its_hint(staff: Client) -> None:
    key = ApiKey.objects.get()

    for address in (list_of("apikey"), page_of("apikey"), f"/admin/payments/merchant/{key.merchant_id}/change/"):
        assert key.hint in staff.get(address).content.decode()


def test_the_hash_of_a_key_cannot_be_guessed_by_filters(staff: Client) -> None:
    for lookup in ("key_hash__startswith", "key_hash", "merchant__api_keys__key_hash__startswith"):
        assert staff.get(list_of("apikey"), {lookup: "a"}).status_code == HTTPStatus.BAD_REQUEST
        assert staff.get(list_of("payment"), {lookup: "a"}).status_code == HTTPStatus.BAD_REQUEST


def test_what_a_merchant_was_answered_is_neither_shown_nor_read(staff: Client) -> None:
    record = IdempotencyRecord.objects.order_by("-pk")[0]
    address = page_of("idempotencyrecord")

    with CaptureQueriesContext(
        connection,
    ) as statements:
        content = staff.get(address).content.decode()

    assert record.key in content
    assert record.fingerprint not in content
    assert not any("response_body" in statement["sql"] for statement in statements)


@every_page
def test_no_list_is_ever_counted(staff: Client, name: str) -> None:
    with CaptureQueriesContext(connection) as statements:
        for asked in ("", "?q=pay", "?_facets=True", "?all=", "?p=1"):
            assert staff.get(list_of(name) + asked).status_code == HTTPStatus.OK

    assert not [sql for sql in (statement["sql"] for statement in statements) if re.search(r"count\s*\(", sql, re.I)]


@every_page
def test_list_takes_few_statements(staff: Client, name: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(LIST_STATEMENTS):
        staff.get(list_of(name))


def test_lists_are_paged_to_the_last_row_without_counting(staff: Client, demo: Merchant) -> None:
    total = Payment.objects.count()
    seen = []

    for number in (1, 2, 3):
        content = staff.get(list_of("payment"), {"p": number}).content.decode()
        seen += re.findall(r">(?:<span[^>]*>)?(pay_\w{26})<", content)
        assert (f"?p={number + 1}" in content) == (number * 50 < total)

    assert sorted(seen) == sorted(payment.public_id for payment in Payment.objects.all())
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("number", ["0", "-1", "201", "9" * 30])
def test_a_page_that_cannot_be_leads_back_to_the_list(staff: Client, number: str) -> None:
    answer = staff.get(list_of("payment"), {"p": number}, follow=True)

    assert answer.status_code == HTTPStatus.OK


def test_a_merchant_is_found_for_the_filter_without_counting(staff: Client, demo: Merchant) -> None:
    asked = {"app_label": "payments", "model_name": "payment", "field_name": "merchant", "term": "demo"}

    with CaptureQueriesContext(connection) as statements:
        found = staff.get("/admin/autocomplete/", asked).json()

    assert found == {"results": [{"id": str(demo.pk), "text": "Demo Store"}], "pagination": {"more": False}}
    assert not any("COUNT(" in statement["sql"] for statement in statements)


def test_users_and_groups_are_managed_here(staff: Client) -> None:
    staff.post("/admin/auth/group/add/", {"name": "Support"})

    for address in ("user/", "user/add/", "group/", "group/add/", f"user/{get_user_model().objects.get().pk}/change/"):
        assert staff.get(f"/admin/auth/{address}").status_code == HTTPStatus.OK
    assert "Support" in staff.get("/admin/auth/group/").content.decode()


def test_every_page_names_the_environment(staff: Client, settings: Settings) -> None:
    assert settings.ENVIRONMENT.capitalize() in staff.get("/admin/").content.decode()
