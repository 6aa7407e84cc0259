"""Staff see the doubts, oldest first, and two of them end one."""

from http import HTTPStatus

import pytest

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from payments.models import Discrepancy, ProcessorCall, Repair
from payments.operations.ledger_check import check_ledger
from tests.shop import Shop, new_client

DOUBTS = "/admin/payments/callindoubt/"
REPAIRS = "/admin/payments/repair/"
TWO = (("ann", "propose_repair"), ("bob", "approve_repair"))
ANSWER = {"action": "succeeded", "reference": "sbx_by_phone", "reason": "Ticket 7."}


@pytest.fixture
def call(shop: Shop) -> ProcessorCall:
    """Return a call in doubt."""
    shop.pay(payment_method="pm_fault_timeout_after")
    return ProcessorCall.objects.get(status="unknown")


def member(name: str, *permissions: str) -> Client:
    """Return a client that a member of staff with these permissions is logged in with."""
    user = get_user_model().objects.create(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_callindoubt", "view_repair", *permissions)))
    client = new_client()
    client.force_login(user)
    return client


def propose(client: Client, call: ProcessorCall, **changes: str) -> int:
    """Fill in the form, and return the status of the answer."""
    return client.post(f"{DOUBTS}{call.pk}/propose/", ANSWER | changes).status_code


def test_the_queue_shows_doubts_with_their_age_and_nothing_else(staff: Client, shop: Shop, call: ProcessorCall) -> None:
    settled = ProcessorCall.objects.exclude(pk=call.pk).first()

    content = staff.get(DOUBTS).content.decode()

    assert call.public_id in content
    assert settled is None or settled.public_id not in content
    assert " s</" in content or " min</" in content


def test_a_doubt_says_when_the_processor_is_asked_next(staff: Client, call: ProcessorCall) -> None:
    content = staff.get(f"{DOUBTS}{call.pk}/change/").content.decode()

    assert "Next question (UTC)" in content
    assert "Propose a repair" in content


def test_one_proposes_and_another_approves(call: ProcessorCall) -> None:
    ann, bob = member("ann", "propose_repair"), member("bob", "approve_repair")
    proposed = propose(ann, call)
    repair = Repair.objects.get()

    asked = bob.get(f"{REPAIRS}{repair.pk}/approve/")
    unchanged = Repair.objects.get().status
    answer = bob.post(f"{REPAIRS}{repair.pk}/approve/")

    call.refresh_from_db()
    repair.refresh_from_db()
    assert (proposed, asked.status_code, unchanged) == (HTTPStatus.FOUND, HTTPStatus.OK, "proposed")
    assert answer["Location"] == f"{REPAIRS}{repair.pk}/change/"
    assert (call.status, repair.status, repair.decided_by) == ("succeeded", "approved", "bob")
    assert LogEntry.objects.filter(user__username="bob").count() == 1


def test_approving_ones_own_repair_is_refused_in_words(call: ProcessorCall) -> None:
    ann = member("ann", "propose_repair", "approve_repair")
    propose(ann, call)

    answer = ann.post(f"{REPAIRS}{Repair.objects.get().pk}/approve/")

    call.refresh_from_db()
    assert answer.status_code == HTTPStatus.OK
    assert "another person has to approve it" in answer.content.decode()
    assert call.status == "unknown"


def test_a_rejected_repair_changes_nothing(call: ProcessorCall) -> None:
    propose(member("ann", "propose_repair"), call)

    member("bob", "approve_repair").post(f"{REPAIRS}{Repair.objects.get().pk}/reject/")

    call.refresh_from_db()
    assert (Repair.objects.get().status, call.status) == ("rejected", "unknown")


@pytest.mark.parametrize(
    ("changes", "said"), [({"reason": ""}, "required"), ({"reference": ""}, "later steps need it")]
)
def test_what_is_missing_is_said_at_its_field(call: ProcessorCall, changes: dict[str, str], said: str) -> None:
    answer = member("ann", "propose_repair").post(f"{DOUBTS}{call.pk}/propose/", ANSWER | changes)

    assert said in answer.content.decode()
    assert not Repair.objects.exists()


def test_without_the_permission_nothing_is_proposed_or_decided(call: ProcessorCall) -> None:
    looker = member("eve")
    proposed = propose(looker, call)
    propose(member("ann", "propose_repair"), call)
    repair = Repair.objects.get()

    decided = [looker.post(f"{REPAIRS}{repair.pk}/{verb}/").status_code for verb in ("approve", "reject")]

    repair.refresh_from_db()
    assert [proposed, *decided] == [HTTPStatus.FORBIDDEN] * 3
    assert repair.status == "proposed"
    assert "Propose a repair" not in looker.get(f"{DOUBTS}{call.pk}/change/").content.decode()


def test_a_form_needs_its_token(call: ProcessorCall) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(get_user_model().objects.create(username="ann", is_staff=True, is_superuser=True))

    assert propose(strict, call) == HTTPStatus.FORBIDDEN
    assert not Repair.objects.exists()


def test_a_doubt_that_is_settled_is_in_the_queue_no_more(staff: Client, call: ProcessorCall) -> None:
    propose(member("ann", "propose_repair"), call)
    member("bob", "approve_repair").post(f"{REPAIRS}{Repair.objects.get().pk}/approve/")

    assert call.public_id not in staff.get(DOUBTS).content.decode()
    assert propose(staff, call) == HTTPStatus.NOT_FOUND


def test_two_people_write_off_what_the_processor_will_never_pay(shop: Shop) -> None:
    discrepancy = Discrepancy.objects.get(kind="wrong_amount")
    ann, bob = (member(name, permission, "view_discrepancy") for name, permission in TWO)
    ann.post(f"/admin/payments/discrepancy/{discrepancy.pk}/write_off/", {"reason": "Too small to argue about."})

    bob.post(f"{REPAIRS}{Repair.objects.get().pk}/approve/")

    discrepancy.refresh_from_db()
    assert (discrepancy.status, discrepancy.resolved_by) == ("resolved", "bob")
    assert discrepancy.journal_entries.get().kind == "write_off"
    assert check_ledger() == []
