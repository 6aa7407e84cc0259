"""Accounts at processors: opened and changed by those who may, with credentials that no page ever shows."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from payments.models import CircuitBreaker, NewsReplay, ProcessorAccount, ProcessorEvent
from payments.operations.processor_accounts import webhook_address
from tests.news import tell
from tests.processors import SECRETS, Processor, account_at, set_up
from tests.shop import Shop

ACCOUNTS = "/admin/payments/processoraccount/"
BREAKERS = "/admin/payments/circuitbreaker/"
NEW = {"alpha__secret_key": "sk-new", "alpha__webhook_secret": "whsec-new"}


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> list[Processor]:
    """Return two processors."""
    return set_up(monkeypatch, "alpha", "beta")


@pytest.fixture
def account(shop: Shop, processors: list[Processor]) -> ProcessorAccount:
    """Return the shop's account at the first."""
    return account_at(shop, processors[0])


def page_of(account: ProcessorAccount) -> str:
    """Return the address of an account's page."""
    return f"{ACCOUNTS}{account.pk}/change/"


def parties(shop: Shop, connector: str = "alpha") -> dict[str, Any]:
    """Return the form's fields that say whose account it is where."""
    return {"merchant": shop.merchant.pk, "mode": "test", "connector": connector, "is_enabled": "on"}


def opened(account: ProcessorAccount) -> CircuitBreaker:
    """Have the account's breaker open."""
    breaker = CircuitBreaker.objects.create(account=account, status="closed", failures=5, failing_since=timezone.now())
    CircuitBreaker.objects.filter(pk=breaker.pk).update(status="open", retry_at=timezone.now() + timedelta(seconds=30))
    return breaker


def test_account_is_opened(staff: Client, shop: Shop, processors: list[Processor]) -> None:
    response = staff.post(f"{ACCOUNTS}add/", parties(shop) | NEW)

    account = ProcessorAccount.objects.get()
    assert response.status_code == HTTPStatus.FOUND
    assert (account.merchant, account.mode, account.connector, account.is_enabled) == (
        *(shop.merchant, "test", "alpha"),
        True,
    )
    assert account.credentials == {"secret_key": "sk-new", "webhook_secret": "whsec-new"}
    assert (LogEntry.objects.get().object_id, LogEntry.objects.get().get_change_message()) == (
        str(account.pk),
        "Added.",
    )
    assert shop.pay().json()["connector"] == "alpha"


def test_page_shows_where_webhooks_go_and_a_field_for_each_credential(staff: Client, account: ProcessorAccount) -> None:
    content = staff.get(page_of(account)).content.decode()

    assert webhook_address(account) in content
    for name in NEW:
        assert f'name="{name}"' in content
    assert 'name="beta__secret_key"' not in content
    assert content.count('type="password"') == 2
    assert "From the dashboard. Empty: it stays as it is." in content


def test_no_page_shows_a_credential(staff: Client, account: ProcessorAccount) -> None:
    wrong = {"alpha__secret_key": "pk-wrong", "alpha__webhook_secret": "whsec-typed", "is_enabled": "on"}
    pages = [
        staff.get(page_of(account)),
        staff.post(page_of(account), wrong),
        staff.post(page_of(account), NEW | {"is_enabled": "on"}, follow=True),
        staff.get(page_of(account).replace("change", "history")),
        staff.get(ACCOUNTS),
    ]

    for page in pages:
        content = page.content.decode()
        for secret in (*SECRETS.values(), *NEW.values(), *wrong.values()):
            assert secret == "on" or f'value="{secret}"' not in content and f">{secret}<" not in content
    said = [entry.get_change_message() for entry in LogEntry.objects.all()]
    assert said == ["Changed Secret key and Webhook secret."]


def test_credentials_are_no_plain_text_in_the_database(account: ProcessorAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT encrypted_credentials, row::text FROM payments_processoraccount AS row")
        stored, row = cursor.fetchone() or ("", "")

    assert stored.startswith("gAAAA")
    assert not [secret for secret in (*SECRETS, *SECRETS.values()) if secret in row]


def test_what_is_left_empty_stays(staff: Client, account: ProcessorAccount) -> None:
    staff.post(page_of(account), {"alpha__secret_key": "sk-new", "alpha__webhook_secret": "", "is_enabled": "on"})

    account.refresh_from_db()
    assert account.credentials == {"secret_key": "sk-new", "webhook_secret": SECRETS["webhook_secret"]}


def test_account_is_switched_off_with_a_history(staff: Client, account: ProcessorAccount) -> None:
    response = staff.post(page_of(account), {"alpha__secret_key": "", "alpha__webhook_secret": ""})

    account.refresh_from_db()
    assert response.status_code == HTTPStatus.FOUND
    assert (account.is_enabled, account.credentials) == (False, SECRETS)
    assert LogEntry.objects.get().get_change_message() == "Changed Takes new payments."


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"alpha__webhook_secret": ""}, "alpha needs secret_key and webhook_secret."),
        ({"alpha__secret_key": "pk-new"}, "A secret key of alpha begins with sk-."),
        ({"connector": "beta"}, "beta needs secret_key and webhook_secret."),
        ({"connector": "gamma"}, "is not one of the available choices"),
        ({"connector": "sandbox"}, "is not one of the available choices"),
        ({"mode": "demo"}, "is not one of the available choices"),
    ],
)
def test_account_that_cannot_be_right_is_refused_in_words(
    staff: Client, shop: Shop, processors: list[Processor], changes: dict[str, str], refusal: str
) -> None:
    response = staff.post(f"{ACCOUNTS}add/", parties(shop) | NEW | changes)

    assert (response.status_code, ProcessorAccount.objects.exists()) == (HTTPStatus.OK, False)
    assert refusal in response.content.decode()


def test_second_account_at_one_processor_is_refused_in_words(
    staff: Client, shop: Shop, account: ProcessorAccount
) -> None:
    response = staff.post(f"{ACCOUNTS}add/", parties(shop) | NEW)

    assert "with this Merchant, Mode and Connector already exists" in response.content.decode()
    assert ProcessorAccount.objects.count() == 1


def test_whose_account_it_is_never_changes(staff: Client, account: ProcessorAccount) -> None:
    staff.post(page_of(account), {"mode": "live", "connector": "beta", "is_enabled": "on"})

    account.refresh_from_db()
    assert (account.mode, account.connector) == ("test", "alpha")


def test_account_at_a_processor_that_this_version_does_not_know_is_shown(
    staff: Client, account: ProcessorAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    response = staff.post(page_of(account), {})

    account.refresh_from_db()
    assert staff.get(page_of(account)).status_code == HTTPStatus.OK
    assert (response.status_code, account.is_enabled) == (HTTPStatus.FOUND, False)


@pytest.mark.parametrize("permission", ["view_processoraccount", "change_processoraccount"])
def test_account_is_changed_only_with_the_permission(
    client: Client, account: ProcessorAccount, permission: str
) -> None:
    user = get_user_model().objects.create(username="support", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(user)
    allowed = permission == "change_processoraccount"

    page = client.get(page_of(account))
    changed = client.post(page_of(account), {})
    closed = client.post(f"{ACCOUNTS}{account.pk}/close_breaker/", {"reason": "They are back."})

    account.refresh_from_db()
    assert page.status_code == HTTPStatus.OK
    assert (b'type="password"' in page.content) == allowed
    assert changed.status_code == (HTTPStatus.FOUND if allowed else HTTPStatus.FORBIDDEN)
    assert closed.status_code == (HTTPStatus.FOUND if allowed else HTTPStatus.FORBIDDEN)
    assert account.is_enabled is not allowed


def test_account_is_not_deleted(staff: Client, account: ProcessorAccount) -> None:
    response = staff.post(page_of(account).replace("change", "delete"), {"post": "yes"})

    assert response.status_code == HTTPStatus.FORBIDDEN
    assert ProcessorAccount.objects.exists()


def test_open_breaker_is_shown_and_closed_by_hand_with_a_history(staff: Client, account: ProcessorAccount) -> None:
    opened(account)
    before = staff.get(page_of(account)).content.decode()

    asked = staff.get(f"{ACCOUNTS}{account.pk}/close_breaker/")
    closed = staff.post(f"{ACCOUNTS}{account.pk}/close_breaker/", {"reason": "They are back."}, follow=True)

    assert "Circuit breaker" in before and ">open<" in before.replace("\n", "").replace(" ", "")
    assert asked.status_code == HTTPStatus.OK
    assert "Closed: They are back." in closed.content.decode()
    assert CircuitBreaker.objects.get().status == "closed"
    assert LogEntry.objects.get().get_change_message() == "Closed: They are back."


def test_breaker_that_is_closed_already_is_no_error(staff: Client, account: ProcessorAccount) -> None:
    closed = staff.post(f"{ACCOUNTS}{account.pk}/close_breaker/", {"reason": "To be sure."}, follow=True)

    assert "It was closed already: To be sure." in closed.content.decode()


def test_breakers_are_listed_and_changed_by_nobody(
    staff: Client, shop: Shop, account: ProcessorAccount, django_assert_num_queries: Any
) -> None:
    breaker = opened(account)
    staff.get(BREAKERS)

    with django_assert_num_queries(3):
        content = staff.get(BREAKERS).content.decode()

    assert account.public_id in content
    for term, found in ((shop.merchant.public_id, True), ("alpha", True), ("beta", False)):
        assert (account.public_id in staff.get(BREAKERS, {"q": term}).content.decode()) == found
    assert staff.get(f"{BREAKERS}{breaker.pk}/change/").status_code == HTTPStatus.OK
    assert staff.post(f"{BREAKERS}{breaker.pk}/change/", {}).status_code == HTTPStatus.FORBIDDEN
    assert staff.get(f"{BREAKERS}add/").status_code == HTTPStatus.FORBIDDEN


def test_accounts_take_few_statements_and_are_found_by_id_and_merchant(
    staff: Client, shop: Shop, account: ProcessorAccount, django_assert_num_queries: Any
) -> None:
    for term in (account.public_id, shop.merchant.public_id):
        with django_assert_num_queries(3):
            content = staff.get(ACCOUNTS, {"q": term}).content.decode()
        assert page_of(account) in content
    assert page_of(account) in staff.get(f"/admin/payments/merchant/{shop.merchant.pk}/change/").content.decode()


def test_payment_page_says_whom_each_call_was_for(
    staff: Client, shop: Shop, account: ProcessorAccount, processors: list[Processor]
) -> None:
    account_at(shop, processors[1])
    processors[0].is_unreachable()
    payment = shop.pay().json()

    content = staff.get("/admin/payments/payment/", {"q": payment["id"]}).content.decode()
    page = content.split("/admin/payments/payment/")[1:]
    shown = next(part.split('"')[0] for part in page if "/change/" in part[:60])
    rows = staff.get(f"/admin/payments/payment/{shown}").content.decode()

    assert rows.index("alpha") < rows.index("not sent") < rows.rindex("beta")
    assert "payment.rerouted" in rows


def test_news_is_applied_again_from_its_page(staff: Client, shop: Shop) -> None:
    event = tell("coffee.ready", "cup_1", {})
    address = f"/admin/payments/processorevent/{event.pk}/apply_again/"

    asked = staff.get(address)
    done = staff.post(address, {"reason": "They serve tea now."}, follow=True)

    replay = NewsReplay.objects.get()
    assert asked.status_code == HTTPStatus.OK
    assert (replay.by, replay.reason, replay.event) == ("root", "They serve tea now.", event)
    assert "Applied again; it is ignored now" in done.content.decode()
    assert "They serve tea now." in done.content.decode()
    for name in ("", f"{replay.pk}/change/"):
        assert staff.get(f"/admin/payments/newsreplay/{name}").status_code == HTTPStatus.OK


def test_news_that_is_applied_is_not_applied_again(staff: Client, shop: Shop) -> None:
    event = ProcessorEvent.objects.filter(status="applied").first()
    assert event is not None

    refused = staff.post(f"/admin/payments/processorevent/{event.pk}/apply_again/", {"reason": "Why not."})

    assert f"{event.public_id} is applied already." in refused.content.decode()
    assert not NewsReplay.objects.exists()


def test_news_is_applied_again_only_with_the_permission(client: Client, shop: Shop) -> None:
    event = tell("coffee.ready", "cup_1", {})
    user = get_user_model().objects.create(username="support", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_processorevent"))
    client.force_login(user)

    refused = client.post(f"/admin/payments/processorevent/{event.pk}/apply_again/", {"reason": "Why not."})

    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert not NewsReplay.objects.exists()
