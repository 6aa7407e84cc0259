"""The demo data: varied, made once, and only where nobody else is served."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from unittest import mock

import pytest
from pytest_django import Settings

from django.contrib.auth import authenticate as log_in
from django.core.management import call_command
from django.core.management.base import CommandError

from payments.lifecycles import Mode, PaymentStatus
from payments.models import ApiKey, Event, IdempotencyRecord, JournalLine, Merchant, Payment
from payments.models.processor import ProcessorCall
from payments.operations import demo
from payments.operations.api_keys import issue_api_key, revoke_api_key
from payments.operations.key_uses import use_api_key
from payments.operations.merchants import create_merchant

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
ENVIRONMENT = {
    "PAYMENTS_API_KEY": "sk_test_" + "DemoKeyForTests0" * 2,
    "PAYMENTS_ADMIN_USER": "admin",
    "PAYMENTS_ADMIN_PASSWORD": "correct horse battery staple",
}
KEY = ENVIRONMENT["PAYMENTS_API_KEY"]


def rows() -> tuple[int, ...]:
    return tuple(
        model.objects.count()
        for model in (Merchant, ApiKey, Payment, ProcessorCall, Event, JournalLine, IdempotencyRecord)
    )


@pytest.mark.django_db
def test_seeding_twice_changes_nothing() -> None:
    demo.ensure_demo(api_key=KEY, now=NOW)
    first = rows()

    demo.ensure_demo(api_key=KEY, now=NOW + timedelta(days=40))

    assert rows() == first


@pytest.mark.django_db
def test_an_interrupted_seed_carries_on_where_it_was_left() -> None:
    with mock.patch.object(demo, "capture_payment", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        demo.ensure_demo(api_key=KEY, now=NOW)
    left = rows()

    demo.ensure_demo(api_key=KEY, now=NOW + timedelta(minutes=2))

    orders = len(demo.STORIES) + len(demo.SECOND_STORIES) + 2
    assert left < rows()
    assert Payment.objects.count() == orders


@pytest.mark.django_db
def test_every_status_that_can_be_reached_is_there() -> None:
    merchant = demo.ensure_demo(api_key=KEY, now=NOW)

    statuses = Counter(Payment.objects.filter(merchant=merchant).values_list("status", flat=True))

    assert statuses.keys() == {
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.REQUIRES_CONFIRMATION,
        PaymentStatus.REQUIRES_CAPTURE,
        PaymentStatus.SUCCEEDED,
        PaymentStatus.CANCELED,
    }
    assert statuses.total() >= 40


@pytest.mark.django_db
def test_payments_are_varied() -> None:
    merchant = demo.ensure_demo(api_key=KEY, now=NOW)
    payments = Payment.objects.filter(merchant=merchant)
    calls = ProcessorCall.objects.filter(payment__merchant=merchant)

    assert {"EUR", "JPY", "KWD"} <= set(payments.values_list("currency", flat=True))
    assert set(calls.values_list("decline_code", flat=True)) - {None} == {
        *("generic_decline", "insufficient_funds", "lost_card", "stolen_card"),
        *("expired_card", "incorrect_cvc", "processing_error"),
    }
    assert calls.filter(status="not_sent").exists()
    assert calls.filter(kind="void").exists()
    assert any(payment.processor_calls.filter(kind="capture").count() == 3 for payment in payments)
    assert any(0 < payment.amount_captured < payment.amount for payment in payments.filter(status="succeeded"))
    assert Merchant.objects.count() == 2


@pytest.mark.django_db
def test_ids_sort_as_the_moments_do_and_nothing_is_in_the_future() -> None:
    demo.ensure_demo(api_key=KEY, now=NOW)

    moments = list(Event.objects.order_by("id").values_list("created_at", flat=True))

    assert moments == sorted(moments)
    assert NOW - demo.PERIOD <= moments[0]
    assert moments[-1] < NOW


@pytest.mark.django_db
def test_a_key_that_works_keeps_its_merchant() -> None:
    merchant = create_merchant(name="Mine", now=NOW)
    issue_api_key(merchant=merchant, mode=Mode.TEST, name="mine", secret=KEY, now=NOW)

    assert demo.ensure_demo(api_key=KEY, now=NOW) == merchant
    assert Payment.objects.filter(merchant=merchant).count() == len(demo.STORIES) + 1


@pytest.mark.django_db
def test_command_makes_a_key_that_works_and_an_admin_who_may_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    call_command("seed_demo", stdout=StringIO())

    user = log_in(username="admin", password=ENVIRONMENT["PAYMENTS_ADMIN_PASSWORD"])
    assert use_api_key(secret=KEY, address=None).caller.merchant_id == Merchant.objects.get(name="Demo Store").pk
    assert user is not None and user.is_superuser and user.is_staff


@pytest.mark.django_db
def test_command_says_what_to_do_about_a_key_that_was_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    merchant = create_merchant(name="Mine", now=NOW)
    issued = issue_api_key(merchant=merchant, mode=Mode.TEST, name="mine", secret=KEY, now=NOW)
    revoke_api_key(key=issued.key, now=NOW)

    with pytest.raises(CommandError, match="PAYMENTS_API_KEY cannot be used: .* revoked"):
        call_command("seed_demo")


@pytest.mark.django_db
def test_the_admins_password_follows_the_environment() -> None:
    demo.ensure_admin(username="admin", password="the first password")

    demo.ensure_admin(username="admin", password="the second password")

    assert log_in(username="admin", password="the first password") is None
    assert log_in(username="admin", password="the second password") is not None


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_command_refuses_to_run_where_others_are_served(settings: Settings, environment: str) -> None:
    settings.ENVIRONMENT = environment

    with pytest.raises(CommandError, match=environment):
        call_command("seed_demo")


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_command_names_the_variable_that_is_missing(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(missing)

    with pytest.raises(CommandError, match=missing):
        call_command("seed_demo")


@pytest.mark.parametrize("key", ["sk_live_" + "a" * 32, "sk_test_short", "nonsense"])
def test_command_refuses_what_is_no_test_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    for name, value in (ENVIRONMENT | {"PAYMENTS_API_KEY": key}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(CommandError, match="PAYMENTS_API_KEY"):
        call_command("seed_demo")
