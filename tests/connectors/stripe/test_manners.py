"""How the connector asks: over few connections, by a pinned version, for exact amounts, and so that nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from django.utils import timezone

from payments.connectors.base import (
    Declined,
    PayoutRequest,
    Succeeded,
    Unknown,
)
from payments.connectors.stripe import StripeConnector
from payments.money import Money
from tests.connectors.contract.asking import (
    authorize,
    capture,
    euros,
    fresh_key,
    reference_of,
    void,
)
from tests.stripe_server import StripeServer, routes
from tests.stripe_server.movements import BANK_ACCOUNT


def test_many_threads_share_few_connections(connector: StripeConnector, stripe_server: StripeServer) -> None:
    before = stripe_server.connections
    keys = [fresh_key() for _ in range(10)]

    with ThreadPoolExecutor(max_workers=4) as pool:
        outcomes = list(pool.map(lambda key: authorize(connector, "pm_card_visa", key=key), keys * 4))

    assert {type(outcome) for outcome in outcomes} == {Succeeded}
    assert len(stripe_server.books.all("payment_intent")) == len(keys)
    assert stripe_server.connections - before <= 4


def test_a_connection_that_the_server_has_closed_is_replaced(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_visa")
    stripe_server.close_connections()

    outcome = authorize(connector, "pm_card_visa")

    assert isinstance(outcome, Succeeded)


def test_a_capture_that_is_not_final_is_declined_where_the_rest_would_be_lost(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    reference = reference_of(authorize(connector, "pm_card_credit_disableEnterpriseCardFeatures"))

    outcome = capture(connector, reference, euros(400), final=False)

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "partial_capture_not_supported"
    assert stripe_server.books.get(reference, "payment_intent")["amount_capturable"] == 1000
    assert isinstance(capture(connector, reference, euros(400)), Succeeded)


def test_the_version_is_pinned_and_nothing_is_told_of_the_machine(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    authorize(connector, "pm_card_visa")
    authorize(connector, "pm_card_visa")

    headers = stripe_server.requests[-1].headers
    assert headers["stripe-version"] == "2026-10-28.endive"
    assert "x-stripe-client-telemetry" not in headers
    assert "platform" not in headers["x-stripe-client-user-agent"].replace("payment-platform", "")
    assert "payment-platform/" in headers["user-agent"]


def test_an_amount_that_is_not_exact_there_is_declined_and_not_sent(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    outcome = authorize(connector, "pm_card_visa", amount=Money(10_001, "KWD"))

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "amount_not_supported"
    assert stripe_server.requests == []


def test_a_payout_that_is_not_exact_there_is_declined_and_not_sent(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    request = PayoutRequest(fresh_key(), BANK_ACCOUNT, Money(1999, "HUF"), now=timezone.now())

    outcome = connector.payout(request)

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "amount_not_supported"
    assert stripe_server.requests == []


def test_a_cancellation_after_which_the_reserve_still_stands_is_doubt(
    connector: StripeConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = reference_of(authorize(connector, "pm_card_visa"))
    monkeypatch.setitem(routes.CHANGED, ("payment_intents", "cancel"), (lambda books, intent, params: intent, set()))

    outcome = void(connector, reference)

    assert isinstance(outcome, Unknown)
