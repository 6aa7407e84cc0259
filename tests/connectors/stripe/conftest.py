"""The connector, on a Stripe of our own."""

import pytest
from pytest_django import Settings

from payments.connectors.stripe import StripeConnector
from tests.connectors.contract.subjects import stripe_connector
from tests.stripe_server import StripeServer


@pytest.fixture
def connector(stripe_server: StripeServer, settings: Settings) -> StripeConnector:
    """Return the connector for the server's account."""
    settings.PAYMENTS_STRIPE_API_BASE = stripe_server.address
    return stripe_connector()
