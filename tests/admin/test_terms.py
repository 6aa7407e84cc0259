"""Platform fees and payout schedules: edited by those who may, within bounds, with a history of who changed what."""

from http import HTTPStatus
from typing import Any

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from payments.models import PayoutSchedule, PlatformFee
from tests.shop import Shop

FEES = "/admin/payments/platformfee/"
SCHEDULES = "/admin/payments/payoutschedule/"
SCHEDULE = {"interval": "daily", "weekday": "", "destination": "ba_sandbox", "minimum_amount": "100"}


@pytest.fixture
def fee(shop: Shop) -> PlatformFee:
    """Return the shop's fee in EUR."""
    return PlatformFee.objects.create(merchant=shop.merchant, currency="EUR", fee_bps=290, fixed_amount=30)


@pytest.fixture
def schedule(shop: Shop) -> PayoutSchedule:
    """Return the shop's schedule in EUR."""
    return PayoutSchedule.objects.create(
        merchant=shop.merchant, mode="test", currency="EUR", interval="daily", destination="ba_sandbox"
    )


def page_of(row: PlatformFee | PayoutSchedule) -> str:
    """Return the address of a row's page."""
    return f"/admin/payments/{row._meta.model_name}/{row.pk}/change/"


def faults(client: Client, address: str, **body: Any) -> list[str]:
    """Send a form that is refused, and return the fields at fault."""
    response = client.post(address, body)
    assert response.status_code == HTTPStatus.OK
    return sorted(response.context["adminform"].form.errors)


def test_fee_is_agreed_on_and_changed_with_a_history(staff: Client, shop: Shop) -> None:
    body = {"merchant": shop.merchant.pk, "currency": "EUR", "fee_bps": "290", "fixed_amount": "30"}
    added = staff.post(f"{FEES}add/", body)
    fee = PlatformFee.objects.get()
    changed = staff.post(page_of(fee), {"fee_bps": "250", "fixed_amount": "30"})

    fee.refresh_from_db()
    assert (added.status_code, changed.status_code) == (HTTPStatus.FOUND, HTTPStatus.FOUND)
    assert (fee.merchant, fee.currency, fee.fee_bps, fee.fixed_amount) == (shop.merchant, "EUR", 250, 30)
    assert [entry.get_change_message() for entry in LogEntry.objects.order_by("id")] == [
        "Added.",
        "Changed Share in basis points.",
    ]
    assert page_of(fee).replace("change", "history") in staff.get(page_of(fee)).content.decode()
    assert "Changed Share in basis points." in staff.get(page_of(fee).replace("change", "history")).content.decode()
    assert shop.pay(amount=10_000).json()["platform_fee"] == 280


def test_schedule_is_agreed_on_and_changed(staff: Client, shop: Shop) -> None:
    parties = {"merchant": shop.merchant.pk, "mode": "test", "currency": "EUR"}
    staff.post(f"{SCHEDULES}add/", parties | SCHEDULE)
    schedule = PayoutSchedule.objects.get()
    added = (schedule.interval, schedule.weekday, schedule.destination, schedule.minimum_amount)

    staff.post(page_of(schedule), SCHEDULE | {"interval": "weekly", "weekday": "4"})

    schedule.refresh_from_db()
    assert added == ("daily", None, "ba_sandbox", 100)
    assert (schedule.interval, schedule.weekday) == ("weekly", 4)
    assert "Friday" in staff.get(SCHEDULES).content.decode()


def test_weekday_is_dropped_where_it_means_nothing(staff: Client, schedule: PayoutSchedule) -> None:
    staff.post(page_of(schedule), SCHEDULE | {"interval": "manual", "weekday": "4"})

    schedule.refresh_from_db()
    assert (schedule.interval, schedule.weekday) == ("manual", None)


def test_whom_terms_are_for_never_changes(staff: Client, fee: PlatformFee, schedule: PayoutSchedule) -> None:
    staff.post(page_of(fee), {"currency": "USD", "fee_bps": "1", "fixed_amount": "0"})
    staff.post(page_of(schedule), SCHEDULE | {"currency": "USD", "mode": "live"})

    fee.refresh_from_db()
    schedule.refresh_from_db()
    assert (fee.currency, fee.fee_bps) == ("EUR", 1)
    assert (schedule.currency, schedule.mode, schedule.minimum_amount) == ("EUR", "test", 100)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"fee_bps": "10001"}, "fee_bps"),
        ({"fee_bps": "-1"}, "fee_bps"),
        ({"fee_bps": "2.9"}, "fee_bps"),
        ({"fixed_amount": "-1"}, "fixed_amount"),
        ({"fixed_amount": "9" * 30}, "fixed_amount"),
    ],
)
def test_fee_out_of_bounds_is_refused(staff: Client, fee: PlatformFee, body: dict[str, str], field: str) -> None:
    assert faults(staff, page_of(fee), **{"fee_bps": "290", "fixed_amount": "30"} | body) == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"interval": "weekly"}, "weekday"),
        ({"interval": "weekly", "weekday": "7"}, "weekday"),
        ({"interval": "hourly"}, "interval"),
        ({"destination": ""}, "destination"),
        ({"minimum_amount": "0"}, "minimum_amount"),
    ],
)
def test_schedule_that_makes_no_sense_is_refused(
    staff: Client, schedule: PayoutSchedule, body: dict[str, str], field: str
) -> None:
    assert faults(staff, page_of(schedule), **SCHEDULE | body) == [field]


def test_second_terms_of_one_merchant_and_currency_are_refused(staff: Client, shop: Shop, fee: PlatformFee) -> None:
    body = {"merchant": shop.merchant.pk, "currency": "EUR", "fee_bps": "1", "fixed_amount": "0"}

    assert faults(staff, f"{FEES}add/", **body) == ["__all__"]


def test_unknown_currency_is_refused(staff: Client, shop: Shop) -> None:
    body = {"merchant": shop.merchant.pk, "currency": "XAU", "fee_bps": "1", "fixed_amount": "0"}

    assert faults(staff, f"{FEES}add/", **body) == ["currency"]


@pytest.mark.parametrize("permission", ["view_platformfee", "change_platformfee"])
def test_terms_are_changed_only_with_the_permission(client: Client, fee: PlatformFee, permission: str) -> None:
    user = get_user_model().objects.create(username="sales", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(user)

    response = client.post(page_of(fee), {"fee_bps": "1", "fixed_amount": "0"})

    fee.refresh_from_db()
    allowed = permission == "change_platformfee"
    assert client.get(page_of(fee)).status_code == HTTPStatus.OK
    assert response.status_code == (HTTPStatus.FOUND if allowed else HTTPStatus.FORBIDDEN)
    assert fee.fee_bps == (1 if allowed else 290)
    assert client.get(f"{FEES}add/").status_code == HTTPStatus.FORBIDDEN


def test_nothing_is_deleted(staff: Client, fee: PlatformFee, schedule: PayoutSchedule) -> None:
    for row in (fee, schedule):
        address = page_of(row).replace("change", "delete")
        assert staff.post(address, {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN

    assert (PlatformFee.objects.count(), PayoutSchedule.objects.count()) == (1, 1)


def test_page_of_a_merchant_leads_to_its_terms(
    staff: Client, shop: Shop, fee: PlatformFee, schedule: PayoutSchedule
) -> None:
    content = staff.get(f"/admin/payments/merchant/{shop.merchant.pk}/change/").content.decode()

    assert page_of(fee) in content
    assert page_of(schedule) in content


def test_lists_take_few_statements_and_are_searched_by_merchant(
    staff: Client, shop: Shop, fee: PlatformFee, schedule: PayoutSchedule, django_assert_num_queries: Any
) -> None:
    for address, row in ((FEES, fee), (SCHEDULES, schedule)):
        with django_assert_num_queries(3):
            content = staff.get(address, {"q": shop.merchant.public_id}).content.decode()
        assert page_of(row) in content
        assert page_of(row) not in staff.get(address, {"q": "mer_01jv8k3x5rf2dbh0v9q2w8m7ce"}).content.decode()


def test_merchant_is_found_for_the_form(staff: Client, shop: Shop) -> None:
    asked = {"app_label": "payments", "model_name": "platformfee", "field_name": "merchant", "term": "test"}

    found = staff.get("/admin/autocomplete/", asked).json()["results"]

    assert found == [{"id": str(shop.merchant.pk), "text": "Test shop"}]


def test_payout_is_found_by_its_id_its_call_and_its_amount(staff: Client, shop: Shop) -> None:
    payout = shop.merchant.payouts.get()
    call = payout.processor_calls.get()

    for term in (payout.public_id, call.public_id, shop.merchant.public_id, "1.00 EUR"):
        assert f"/payout/{payout.pk}/change/" in staff.get("/admin/payments/payout/", {"q": term}).content.decode()
    for name, found in (
        ("event", f"/payout/{payout.pk}/change/"),
        ("processorcall", f"/processorcall/{call.pk}/change/"),
        ("journalentry", "payout created"),
    ):
        assert found in staff.get(f"/admin/payments/{name}/", {"q": payout.public_id}).content.decode()
