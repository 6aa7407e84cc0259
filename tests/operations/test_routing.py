"""What the choice is fed with: one statement over the merchant's rules, accounts and circuit breakers."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from django.utils import timezone

from payments.errors import NoProcessorAvailable, ProcessorUnreachable
from payments.lifecycles import Mode
from payments.models import CircuitBreaker, Payment, RoutingRule
from payments.operations.processor_accounts import (
    change_credentials,
    connectors_to_route_to,
    credentials_needed,
    enable_account,
    open_account,
)
from payments.operations.routing import first_connector, next_connector, payout_connector
from tests.processors import SECRETS, Processor, account_at, set_up
from tests.shop import Shop, open_shop

NOW = timezone.now()


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> list[Processor]:
    """Return two processors."""
    return set_up(monkeypatch, "alpha", "beta")


def payment_of(shop: Shop, **changes: Any) -> Payment:
    """Return a payment that is not written down."""
    values = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"} | changes
    return Payment(merchant=shop.merchant, mode=shop.mode, **values)


def test_a_choice_takes_one_statement(
    shop: Shop, processors: list[Processor], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for processor in processors:
        account_at(shop, processor)
    RoutingRule.objects.create(merchant=shop.merchant, mode=shop.mode, position=1, connectors=["beta"])

    with django_assert_num_queries(1):
        chosen = first_connector(payment_of(shop), now=NOW)

    assert chosen == "beta"


def test_rules_are_tried_by_their_position(shop: Shop, processors: list[Processor]) -> None:
    for processor in processors:
        account_at(shop, processor)
    for position, name in ((20, "alpha"), (10, "beta")):
        RoutingRule.objects.create(merchant=shop.merchant, mode=shop.mode, position=position, connectors=[name])

    assert first_connector(payment_of(shop), now=NOW) == "beta"


def test_rule_that_is_not_in_force_and_those_of_others_have_no_say(shop: Shop, processors: list[Processor]) -> None:
    for processor in processors:
        account_at(shop, processor)
    other = open_shop()
    RoutingRule.objects.create(
        merchant=shop.merchant, mode=shop.mode, position=1, connectors=["beta"], is_enabled=False
    )
    RoutingRule.objects.create(merchant=shop.merchant, mode=Mode.LIVE, position=1, connectors=["beta"])
    RoutingRule.objects.create(merchant=other.merchant, mode=shop.mode, position=1, connectors=["beta"])

    assert first_connector(payment_of(shop), now=NOW) == "alpha"


def test_next_is_none_of_those_that_were_tried(shop: Shop, processors: list[Processor]) -> None:
    for processor in processors:
        account_at(shop, processor)
    payment = payment_of(shop)

    assert next_connector(payment, tried=["alpha"], now=NOW) == "beta"
    assert next_connector(payment, tried=["alpha", "beta"], now=NOW) is None
    assert next_connector(payment, tried=["x", "y", "z"], now=NOW) is None


def test_a_payout_is_refused_while_its_processor_does_not_answer(shop: Shop, processors: list[Processor]) -> None:
    alpha, _ = (account_at(shop, processor) for processor in processors)
    breaker = CircuitBreaker.objects.create(account=alpha, status="closed")
    CircuitBreaker.objects.filter(pk=breaker.pk).update(status="open", retry_at=NOW)

    with pytest.raises(ProcessorUnreachable):
        payout_connector(caller=shop.caller, now=NOW - timedelta(seconds=1))
    assert payout_connector(caller=shop.caller, now=NOW) == "alpha"


def test_live_payouts_need_an_account(db: None) -> None:
    with pytest.raises(NoProcessorAvailable, match="No live processor is set up"):
        payout_connector(caller=open_shop(mode=Mode.LIVE).caller, now=NOW)


def test_connectors_to_route_to_are_enabled_accounts_and_in_test_mode_the_sandbox(
    shop: Shop, processors: list[Processor]
) -> None:
    first, second = (account_at(shop, processor) for processor in reversed(processors))
    ways = {"merchant_id": shop.merchant.pk}

    both = connectors_to_route_to(**ways, mode="test")
    enable_account(account=first, is_enabled=False, now=NOW)

    assert second.connector == "alpha"
    assert both == ["beta", "alpha", "sandbox"]
    assert connectors_to_route_to(**ways, mode="test") == ["alpha", "sandbox"]
    assert connectors_to_route_to(**ways, mode="live") == []


@pytest.mark.parametrize(
    ("credentials", "refusal"),
    [
        ({}, "alpha needs secret_key and webhook_secret."),
        ({"secret_key": "sk-1", "webhook_secret": ""}, "alpha needs secret_key and webhook_secret."),
        (SECRETS | {"password": "p"}, "alpha needs secret_key and webhook_secret."),
        (SECRETS | {"secret_key": "pk-1"}, "A secret key of alpha begins with sk-."),
    ],
)
def test_credentials_that_cannot_be_right_open_no_account(
    shop: Shop, processors: list[Processor], credentials: dict[str, str], refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        open_account(merchant=shop.merchant, mode=shop.mode, connector="alpha", credentials=credentials, now=NOW)

    assert not shop.merchant.processor_accounts.exists()


def test_changed_credentials_leave_the_others_as_they_are(shop: Shop, processors: list[Processor]) -> None:
    account = account_at(shop, processors[0])

    change_credentials(account=account, changed={"secret_key": "sk-new"}, now=NOW)

    account.refresh_from_db()
    assert account.credentials == {"secret_key": "sk-new", "webhook_secret": SECRETS["webhook_secret"]}
    assert account.updated_at == NOW


def test_what_an_account_needs_its_connector_says(processors: list[Processor]) -> None:
    assert credentials_needed()["alpha"] == {
        "secret_key": "From the dashboard.",
        "webhook_secret": "Of the endpoint.",
    }
