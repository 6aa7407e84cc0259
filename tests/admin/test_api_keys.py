"""Staff issue, restrict, roll and revoke keys; a secret is shown once, and nowhere else."""

import html
import re
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from payments.models import ApiKey
from payments.operations.api_keys import Bounds, RateLimit, bounds_of, restrict_api_key
from tests.shop import Shop, open_shop

ISSUE = {"name": "Web shop", "mode": "live", "scopes": ["payments:read", "payments:write"], "networks": ""}
RESTRICT = {"scopes": ["payments:read"], "networks": "192.0.2.0/24\r\n\r\n2001:db8::/32"}


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant with a key."""
    return open_shop()


@pytest.fixture
def key(shop: Shop) -> ApiKey:
    """Return the shop's key."""
    return ApiKey.objects.get()


def issue_page(shop: Shop) -> str:
    """Return the address of the form for a new key."""
    return f"/admin/payments/merchant/{shop.merchant.pk}/issue_key/"


def page_of(key: ApiKey, act: str = "change") -> str:
    """Return the address of the key's page, or of a form about it."""
    return f"/admin/payments/apikey/{key.pk}/{act}/"


def secret_in(response: Any) -> str:
    """Return the secret that a page shows."""
    assert response.status_code == HTTPStatus.OK
    found = re.search(r'<code id="secret"[^>]*>(\w+)</code>', response.content.decode())
    assert found, response.content.decode()
    return found[1]


def faults(response: Any) -> dict[str, list[str]]:
    """Return what a form says about its fields."""
    assert response.status_code == HTTPStatus.OK
    return {name: list(errors) for name, errors in response.context["form"].errors.items()}


def history(key: ApiKey) -> list[str]:
    """Return what was done to a key, oldest first."""
    return [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=key.pk).order_by("id")]


def test_issued_key_works_and_is_in_the_history(staff: Client, shop: Shop) -> None:
    body = ISSUE | {"networks": "127.0.0.0/8", "rate_limit_per_second": "5", "rate_limit_burst": "10"}
    response = staff.post(issue_page(shop), body)

    secret = secret_in(response)
    key = ApiKey.objects.get(name="Web shop")
    assert (key.merchant, key.mode, key.last_four) == (shop.merchant, "live", secret[-4:])
    assert bounds_of(key) == Bounds(
        scopes=("payments:read", "payments:write"),
        networks=("127.0.0.0/8",),
        rate_limit=RateLimit(per_second=5, burst=10),
    )
    assert Shop(shop.merchant, shop.mode, secret).get("/v1/payments").status_code == HTTPStatus.OK
    assert history(key) == [
        "Issued: scopes payments:read, payments:write; networks 127.0.0.0/8; 5 requests a second, 10 at once."
    ]
    assert LogEntry.objects.get(object_id=shop.merchant.pk).get_change_message() == f"Issued {key} ({key.hint})."


def test_secret_is_shown_once_and_kept_nowhere(staff: Client, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    response = staff.post(issue_page(shop), ISSUE)

    secret = secret_in(response)
    key = ApiKey.objects.get(name="Web shop")
    assert "no-store" in response["Cache-Control"]
    pages = [page_of(key), page_of(key).replace("change", "history"), issue_page(shop), "/admin/", page_of(key, "roll")]
    assert not [page for page in pages if secret in staff.get(page).content.decode()]
    assert secret not in str(staff.cookies) + str([session.get_decoded() for session in Session.objects.all()])
    assert secret not in str(list(LogEntry.objects.values())) + str(list(ApiKey.objects.values()))
    # The statements among them have the hash.
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"mode": "demo"}, "mode", "valid choice"),
        ({"scopes": []}, "scopes", "required"),
        ({"scopes": ["money:print"]}, "scopes", "valid choice"),
        ({"networks": "10.0.0.1/8"}, "networks", "host bits"),
        ({"rate_limit_per_second": "5"}, "rate_limit_burst", "both numbers"),
        ({"rate_limit_per_second": "0", "rate_limit_burst": "1"}, "rate_limit_per_second", "greater than"),
    ],
)
def test_what_makes_no_sense_is_said_at_the_field(
    staff: Client, shop: Shop, changes: dict[str, Any], field: str, said: str
) -> None:
    found = faults(staff.post(issue_page(shop), ISSUE | changes))

    assert said in found[field][0]
    assert ApiKey.objects.count() == 1


def test_rolled_key_is_replaced(staff: Client, shop: Shop, key: ApiKey) -> None:
    response = staff.post(page_of(key, "roll"), {"overlap_days": "2"})

    secret = secret_in(response)
    key.refresh_from_db()
    assert key.replaced_by and key.expires_at
    assert abs(key.expires_at - timezone.now() - timedelta(days=2)) < timedelta(minutes=1)
    assert "no-store" in response["Cache-Control"]
    assert Shop(shop.merchant, shop.mode, secret).get("/v1/payments").status_code == HTTPStatus.OK
    assert history(key) == [
        f"Rolled: {key.replaced_by} takes its place, and it ends {key.expires_at:%Y-%m-%d %H:%M} UTC."
    ]
    assert history(key.replaced_by) == [f"Issued in the place of {key}."]
    page = staff.get(page_of(key)).content.decode()
    assert "rolled" in page and page_of(key.replaced_by) in page


@pytest.mark.parametrize("days", ["-1", "8", "", "soon"])
def test_overlap_out_of_bounds_is_refused(staff: Client, key: ApiKey, days: str) -> None:
    assert faults(staff.post(page_of(key, "roll"), {"overlap_days": days})).keys() == {"overlap_days"}


def test_key_that_has_ended_is_not_rolled(staff: Client, key: ApiKey) -> None:
    staff.post(page_of(key, "revoke"))

    assert faults(staff.post(page_of(key, "roll"), {"overlap_days": "0"})) == {
        "__all__": ["This key has ended: issue another one."]
    }


def test_revoking_is_asked_about_and_counts_at_once(staff: Client, shop: Shop, key: ApiKey) -> None:
    asked = staff.get(page_of(key, "revoke")).content.decode()
    before = shop.get("/v1/payments").status_code

    done = staff.post(page_of(key, "revoke"))

    assert "cannot be taken back" in asked
    assert (before, shop.get("/v1/payments").status_code) == (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
    assert (done.status_code, done["Location"]) == (HTTPStatus.FOUND, page_of(key))
    assert history(key) == ["Revoked."]
    assert "revoked" in staff.get(page_of(key)).content.decode()


def test_restricting_begins_with_what_the_key_has(staff: Client, key: ApiKey) -> None:
    bounds = Bounds(scopes=("events:read", "payments:read"), networks=("10.0.0.0/8",))
    restrict_api_key(key_id=key.pk, bounds=bounds, now=timezone.now())

    page = staff.get(page_of(key, "restrict")).content.decode()

    assert "10.0.0.0/8" in page
    assert re.findall(r'name="scopes"[^>]*value="([^"]+)"', page) == ["payments:read", "events:read"]


def test_restricted_key_is_kept_to_less(staff: Client, shop: Shop, key: ApiKey) -> None:
    done = staff.post(page_of(key, "restrict"), RESTRICT)

    key.refresh_from_db()
    assert done.status_code == HTTPStatus.FOUND
    assert bounds_of(key) == Bounds(scopes=("payments:read",), networks=("192.0.2.0/24", "2001:db8::/32"))
    assert shop.get("/v1/payments").status_code == HTTPStatus.FORBIDDEN
    assert history(key) == ["Restricted: scopes payments:read; networks 192.0.2.0/24, 2001:db8::/32."]


def test_scopes_are_not_added(staff: Client, key: ApiKey) -> None:
    staff.post(page_of(key, "restrict"), RESTRICT)

    found = faults(staff.post(page_of(key, "restrict"), RESTRICT | {"scopes": ["payments:read", "payouts:write"]}))

    assert found.keys() == {"scopes"}
    key.refresh_from_db()
    assert key.scopes == ["payments:read"]


def allow(client: Client, *permissions: str) -> None:
    """Log somebody in who has these permissions."""
    user = get_user_model().objects.create(username="ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


@pytest.mark.parametrize("permission", ["add_apikey", "change_apikey"])
def test_each_act_needs_its_permission(client: Client, shop: Shop, key: ApiKey, permission: str) -> None:
    allow(client, "view_merchant", "view_apikey", permission)
    acts: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "add_apikey": [(issue_page(shop), ISSUE)],
        "change_apikey": [
            (page_of(key, "restrict"), RESTRICT),
            (page_of(key, "roll"), {"overlap_days": "1"}),
            (page_of(key, "revoke"), {}),
        ],
    }

    for needed, forms in acts.items():
        for address, body in forms:
            expected = {HTTPStatus.OK, HTTPStatus.FOUND} if needed == permission else {HTTPStatus.FORBIDDEN}
            assert client.get(address).status_code in expected, address
            assert client.post(address, body).status_code in expected, address


def test_pages_lead_to_the_acts_and_the_history(staff: Client, shop: Shop, key: ApiKey) -> None:
    merchant = staff.get(f"/admin/payments/merchant/{shop.merchant.pk}/change/").content.decode()
    page = staff.get(page_of(key)).content.decode()

    assert issue_page(shop) in merchant and html.escape(key.hint) in merchant
    assert all(page_of(key, act) in page for act in ("roll", "restrict", "revoke"))
    assert page_of(key).replace("change", "history") in page


def test_history_is_as_long_as_it_is(staff: Client, key: ApiKey) -> None:
    staff.post(page_of(key, "revoke"))

    page = staff.get(page_of(key).replace("change", "history")).content.decode()

    assert "Revoked." in page and "1 entry" in page
