"""What time ends: payments that nobody has paid, and reserves that have lapsed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from procrastinate.contrib.django import app
from pytest_django import Settings

from django.utils import timezone

from payments import tasks
from payments.connectors.base import Submitted
from payments.connectors.sandbox import SandboxConnector
from payments.models import Event, Payment, ProcessorCall
from payments.operations import expiry
from payments.operations.expiry import expire_authorizations, expire_payments
from payments.operations.ledger_check import check_ledger
from payments.operations.unknown_outcomes import ask_again
from tests.shop import Shop, payment_named, uuid_of

SECOND = timedelta(seconds=1)
LIFETIME = SandboxConnector.authorization_lifetime


def moment(payment: dict[str, Any], name: str = "authorization_expires_at") -> datetime:
    """Return a moment of a payment's."""
    return datetime.fromisoformat(payment[name])


def status_of(payment: dict[str, Any]) -> str:
    """Return the status as it is now."""
    return str(payment_named(payment["id"]).status)


def last_event(payment: dict[str, Any]) -> Event:
    """Return what happened last to a payment."""
    return Event.objects.filter(object_id=uuid_of(payment["id"])).latest("sequence")


def at(instant: datetime, shop: Shop, path: str, **body: Any) -> tuple[int, str]:
    """Send a request at a moment; return the status and the detail, if there is one."""
    with time_machine.travel(instant, tick=False):
        response = shop.post(path, body)
    return response.status_code, response.json().get("detail", "")


def test_a_reserve_holds_as_long_as_the_connector_says(shop: Shop) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        now = timezone.now()
        payment = shop.authorize()

    answered_at = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"])).answered_at
    assert answered_at is not None and answered_at - now < timedelta(minutes=1)
    assert moment(payment) == answered_at + LIFETIME
    assert LIFETIME == timedelta(days=7)


def test_a_payment_captured_at_once_has_no_reserve(shop: Shop) -> None:
    assert shop.pay().json()["authorization_expires_at"] is None


def test_a_reserve_lapses_at_its_moment_and_not_before(shop: Shop) -> None:
    payment = shop.authorize()

    early = expire_authorizations(now=moment(payment) - SECOND)
    before = status_of(payment)
    in_time = expire_authorizations(now=moment(payment))

    found = payment_named(payment["id"])
    assert (early, before, in_time) == (0, "requires_capture", 1)
    assert (found.status, found.amount_authorized, found.amount_capturable) == ("expired", 1999, 0)
    assert last_event(payment).type == "payment.expired"
    assert ProcessorCall.objects.filter(payment=found).count() == 1
    assert shop.get("/v1/balance").json()["balances"] == [
        {"currency": "EUR", "pending": 0, "posted": 0, "available": 0}
    ]
    assert check_ledger() == []


def test_a_partly_captured_payment_keeps_what_was_captured(shop: Shop) -> None:
    payment = shop.authorize()
    shop.post(f"/v1/payments/{payment['id']}/capture", {"amount": 500})

    expire_authorizations(now=moment(payment))

    found = payment_named(payment["id"])
    assert (found.status, found.amount_captured, found.amount_capturable) == ("expired", 500, 0)
    assert shop.post("/v1/refunds", {"payment": payment["id"]}).json()["amount"] == 500
    assert check_ledger() == []


def test_a_second_sweep_finds_nothing(shop: Shop) -> None:
    payment = shop.authorize()
    expire_authorizations(now=moment(payment))

    assert expire_authorizations(now=moment(payment) + timedelta(days=1)) == 0


@pytest.mark.parametrize("late", [timedelta(0), SECOND])
def test_a_capture_after_the_moment_is_refused_though_no_sweep_has_come_by(shop: Shop, late: timedelta) -> None:
    payment = shop.authorize()

    status, detail = at(moment(payment) + late, shop, f"/v1/payments/{payment['id']}/capture")

    assert status == 409
    assert "the authorization has expired" in detail
    assert status_of(payment) == "requires_capture"


def test_a_capture_just_before_the_moment_goes_through(shop: Shop) -> None:
    payment = shop.authorize()

    assert at(moment(payment) - SECOND, shop, f"/v1/payments/{payment['id']}/capture") == (200, "")


def test_a_capture_under_way_is_left_to_the_processor(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, real = shop.authorize(), SandboxConnector.capture

    def accept(self: SandboxConnector, request: Any) -> Submitted:
        real(self, request)
        return Submitted("sbc_later")

    monkeypatch.setattr(SandboxConnector, "capture", accept)
    shop.post(f"/v1/payments/{payment['id']}/capture", {"amount": 500})

    swept = expire_authorizations(now=moment(payment) + SECOND)
    between = status_of(payment)
    ask_again(
        call_id=ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).latest("id").pk,
        attempt=0,
        now=moment(payment) + SECOND,
    )
    expire_authorizations(now=moment(payment) + SECOND)

    found = payment_named(payment["id"])
    assert (swept, between) == (0, "processing")
    assert (found.status, found.amount_captured) == ("expired", 500)
    assert check_ledger() == []


def test_a_doubt_that_ends_later_counts_from_the_answer(shop: Shop) -> None:
    payment = shop.pay(capture_method="manual", payment_method="pm_fault_timeout_after").json()
    call = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"]))
    asked_at = timezone.now() + timedelta(hours=1)

    ask_again(call_id=call.pk, attempt=0, now=asked_at)

    assert payment_named(payment["id"]).authorization_expires_at == asked_at + LIFETIME


def test_a_lapsed_reserve_that_no_sweep_has_found_may_be_canceled(shop: Shop) -> None:
    payment = shop.authorize()

    status, _ = at(moment(payment) + SECOND, shop, f"/v1/payments/{payment['id']}/cancel")

    assert (status, status_of(payment)) == (200, "canceled")
    assert expire_authorizations(now=moment(payment) + SECOND) == 0


@pytest.mark.parametrize("card", [None, "pm_card_visa"])
def test_a_payment_that_nobody_pays_expires_after_a_day(shop: Shop, card: str | None) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        now = timezone.now()
        payment = shop.pay(confirm=False, payment_method=card).json()

    early = expire_payments(now=moment(payment, "expires_at") - SECOND)
    in_time = expire_payments(now=moment(payment, "expires_at"))

    assert moment(payment, "expires_at") == now + timedelta(hours=24)
    assert (early, in_time, status_of(payment)) == (0, 1, "expired")
    assert last_event(payment).type == "payment.expired"
    assert last_event(payment).data["status"] == "expired"
    assert check_ledger() == []


def test_how_long_a_payment_may_be_paid_is_a_setting(shop: Shop, settings: Settings) -> None:
    settings.PAYMENTS_PAYMENT_LIFETIME_HOURS = 1

    payment = shop.pay(confirm=False).json()

    assert moment(payment, "expires_at") - moment(payment, "created_at") == timedelta(hours=1)


def test_a_declined_payment_keeps_its_time(shop: Shop) -> None:
    declined = shop.pay(payment_method="pm_card_declined").json()["payment"]
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        again = shop.post(f"/v1/payments/{declined['id']}/confirm", {"payment_method": "pm_card_lost"})

    assert again.json()["payment"]["expires_at"] == declined["expires_at"]
    assert moment(declined, "expires_at") - moment(declined, "created_at") == timedelta(hours=24)
    assert expire_payments(now=moment(declined, "expires_at")) == 1


@pytest.mark.parametrize("late", [timedelta(0), SECOND])
@pytest.mark.parametrize("card", [None, "pm_card_visa"])
def test_an_expired_payment_is_not_confirmed_though_no_sweep_has_come_by(
    shop: Shop, card: str | None, late: timedelta
) -> None:
    payment = shop.pay(confirm=False, payment_method=card).json()
    path = f"/v1/payments/{payment['id']}/confirm"

    status, detail = at(moment(payment, "expires_at") + late, shop, path, payment_method="pm_card_visa")

    assert status == 409
    assert "it has expired" in detail


def test_a_payment_is_confirmed_just_before_its_moment(shop: Shop) -> None:
    payment = shop.pay(confirm=False).json()

    status, _ = at(moment(payment, "expires_at") - SECOND, shop, f"/v1/payments/{payment['id']}/confirm")

    assert (status, status_of(payment)) == (200, "succeeded")


def test_payments_from_before_there_were_moments_never_expire(shop: Shop) -> None:
    unpaid, reserved = shop.pay(confirm=False).json(), shop.authorize()
    Payment.objects.filter(pk__in=[uuid_of(unpaid["id"]), uuid_of(reserved["id"])]).update(
        expires_at=None, authorization_expires_at=None
    )
    far = timezone.now() + timedelta(days=9999)

    swept = expire_payments(now=far) + expire_authorizations(now=far)
    confirmed, _ = at(timezone.now() + timedelta(days=99), shop, f"/v1/payments/{unpaid['id']}/confirm")
    captured, _ = at(timezone.now() + timedelta(days=99), shop, f"/v1/payments/{reserved['id']}/capture")

    assert (swept, confirmed, captured) == (0, 200, 200)


@pytest.mark.parametrize(
    "payment_method", ["pm_card_visa", "pm_card_authentication_required", "pm_fault_timeout_after"]
)
def test_what_is_paid_or_under_way_does_not_expire(shop: Shop, payment_method: str) -> None:
    payment = shop.pay(payment_method=payment_method).json()

    assert expire_payments(now=moment(payment, "expires_at")) == 0
    assert status_of(payment) == payment["status"]


def test_a_sweep_goes_on_until_nothing_is_due(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "BATCH_MAX", 2)
    payments = [shop.pay(confirm=False).json() for _ in range(5)]

    swept = expire_payments(now=moment(payments[-1], "expires_at"))

    assert swept == 5
    assert {status_of(payment) for payment in payments} == {"expired"}


def test_the_worker_sweeps_both_every_minute(shop: Shop) -> None:
    unpaid, reserved = shop.pay(confirm=False).json(), shop.authorize()

    with time_machine.travel(moment(reserved) + SECOND):
        tasks.expire_payments(timestamp=0)
        tasks.expire_authorizations(timestamp=0)

    assert (status_of(unpaid), status_of(reserved)) == ("expired", "expired")
    registry = app.periodic_registry.periodic_tasks
    minutely = {task.task.name for task in registry.values() if task.cron == "* * * * *"}
    assert {"expire_payments", "expire_authorizations"} <= minutely
