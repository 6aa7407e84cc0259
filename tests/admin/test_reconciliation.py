"""Staff hand reports in, follow a payment to the bank, and look after what does not match."""

from http import HTTPStatus
from typing import Any

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from payments.models import BankLine, Discrepancy, Report, SettlementLine
from tests.reports import charge_line, csv_of, take_in, unique
from tests.shop import Shop, payment_named

UPLOAD = "/admin/payments/report/upload/"
LIST = "/admin/payments/discrepancy/"


def page_of(found: Discrepancy) -> str:
    return f"/admin/payments/discrepancy/{found.pk}/"


def hand_in(staff: Client, content: bytes, name: str = "report.csv") -> Any:
    file = SimpleUploadedFile(name, content)
    return staff.post(UPLOAD, {"file": file, "connector": "sandbox"}, follow=True)


def permit(name: str, codename: str) -> Any:
    user = get_user_model().objects.create(username=name, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="payments", codename__in=[codename, "view_discrepancy"])
    )
    return user


@pytest.fixture
def discrepancy(shop: Shop) -> Discrepancy:
    """Return what does not match: 1.99 EUR are missing."""
    return Discrepancy.objects.get(kind="wrong_amount")


def test_a_report_is_handed_in_and_its_result_shown(staff: Client, shop: Shop) -> None:
    payment = shop.pay().json()

    answer = hand_in(staff, csv_of([charge_line(payment, gross=1000)]))

    content = answer.content.decode()
    assert "1 lines, 1 of them new, 1 matched; 1 discrepancies opened, 0 cleared up." in content
    assert Discrepancy.objects.get(payment=payment_named(payment["id"])).public_id in content
    assert "Reconciled report.csv" in LogEntry.objects.latest("id").change_message


def test_a_report_that_cannot_be_read_is_shown_with_its_line(staff: Client, db: None) -> None:
    before = Report.objects.count()

    answer = hand_in(staff, csv_of([]) + b"wrong\n")

    assert answer.status_code == HTTPStatus.OK
    assert "report.csv, line 2: 9 columns are needed, and here are 1" in answer.content.decode()
    assert Report.objects.count() == before


def test_a_file_that_is_too_large_is_left_to_the_command(
    staff: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.admin.reconciliation.UPLOAD_BYTES_MAX", 10)

    assert "Read it with manage.py reconcile." in hand_in(staff, csv_of([])).content.decode()
    assert not Report.objects.exists()


def test_only_those_who_may_add_reports_hand_them_in(client: Client, db: None) -> None:
    client.force_login(permit("reader", "view_report"))

    assert client.get(UPLOAD).status_code == HTTPStatus.FORBIDDEN
    assert hand_in(client, csv_of([])).status_code == HTTPStatus.FORBIDDEN
    assert UPLOAD not in client.get("/admin/payments/report/").content.decode()
    assert not Report.objects.exists()


def test_a_payment_is_followed_to_the_bank(staff: Client, shop: Shop) -> None:
    line, arrived = SettlementLine.objects.get(batch_reference="BATCH1"), BankLine.objects.get()
    payment = line.payment
    assert payment is not None

    content = staff.get(f"/admin/payments/payment/{payment.pk}/change/").content.decode()

    for address in (
        f"processorcall/{line.processor_call_id}",
        f"settlementline/{line.pk}",
        f"bankline/{arrived.pk}",
        f"discrepancy/{Discrepancy.objects.get(kind='wrong_amount').pk}",
    ):
        assert f'href="/admin/payments/{address}/change/"' in content
    assert "BATCH1" in content


def test_the_open_ones_come_first_the_oldest_on_top(staff: Client, shop: Shop, discrepancy: Discrepancy) -> None:
    take_in([charge_line(shop.pay().json(), gross=2)])
    take_in([charge_line(shop.pay().json(), gross=3)])
    staff.post(f"{page_of(discrepancy)}resolve/", {"resolution": "Agreed."})

    content = staff.get(LIST).content.decode()

    oldest, newest = Discrepancy.objects.filter(status="open").order_by("id")
    places = [content.index(found.public_id) for found in (oldest, newest, discrepancy)]
    assert places == sorted(places)


@pytest.mark.parametrize("query", ["status__exact=open", "kind__exact=wrong_amount", "owner=nobody"])
def test_the_list_is_narrowed(staff: Client, discrepancy: Discrepancy, query: str) -> None:
    other = {"status__exact=open": "resolved", "kind__exact=wrong_amount": "not_settled", "owner=nobody": "mine"}

    found = staff.get(f"{LIST}?{query}").content.decode()
    nothing = staff.get(f"{LIST}?{query.partition('=')[0]}={other[query]}").content.decode()

    assert discrepancy.public_id in found
    assert discrepancy.public_id not in nothing


def test_a_discrepancy_is_assigned(staff: Client, discrepancy: Discrepancy) -> None:
    address = f"{page_of(discrepancy)}assign/"

    proposed = staff.get(address).content.decode()
    staff.post(address, {"owner": "ana"})

    discrepancy.refresh_from_db()
    assert 'value="root"' in proposed
    assert discrepancy.owner == "ana"
    assert LogEntry.objects.latest("id").change_message == "Assigned to ana."


def test_a_discrepancy_is_resolved_with_a_reason(staff: Client, discrepancy: Discrepancy) -> None:
    address = f"{page_of(discrepancy)}resolve/"

    without = staff.post(address, {"resolution": " "})
    staff.post(address, {"resolution": "Agreed."})
    again = staff.post(address, {"resolution": "Otherwise."}, follow=True)

    discrepancy.refresh_from_db()
    assert "This field is required." in without.content.decode()
    assert (discrepancy.status, discrepancy.resolution, discrepancy.resolved_by) == ("resolved", "Agreed.", "root")
    assert "is resolved already: Agreed." in again.content.decode()
    assert list(LogEntry.objects.values_list("change_message", flat=True)) == ["Resolved: Agreed."]


@pytest.mark.parametrize(("step", "body"), [("assign", {"owner": "me"}), ("resolve", {"resolution": "So."})])
def test_only_those_who_may_change_discrepancies_do(
    client: Client, discrepancy: Discrepancy, step: str, body: dict[str, str]
) -> None:
    address = f"{page_of(discrepancy)}{step}/"
    client.force_login(permit("reader", "view_discrepancy"))
    refused = client.post(address, body).status_code
    shown = client.get(f"{page_of(discrepancy)}change/").content.decode()

    client.force_login(permit("keeper", "change_discrepancy"))
    allowed = client.post(address, body).status_code

    assert (refused, allowed) == (HTTPStatus.FORBIDDEN, HTTPStatus.FOUND)
    assert address not in shown


def test_lines_are_found_by_batch_and_reference(staff: Client, shop: Shop) -> None:
    name = unique("BATCH")
    take_in([charge_line(shop.pay().json(), batch_reference=name)])
    line = SettlementLine.objects.get(batch_reference=name)

    for term in (name, line.processor_reference, line.public_id):
        assert line.public_id in staff.get("/admin/payments/settlementline/", {"q": term}).content.decode()
    assert BankLine.objects.get().public_id in staff.get("/admin/payments/bankline/", {"q": "BATCH1"}).content.decode()
