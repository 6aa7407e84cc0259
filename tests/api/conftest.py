"""Fixtures of this folder: every test is rolled back, and every answer is checked against the documentation."""

import pytest

from payments.lifecycles import Mode
from tests.api.schema import CheckedClient
from tests.shop import Shop, new_client, open_shop


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant in test mode."""
    return checked(open_shop())


@pytest.fixture
def other_shop(db: None) -> Shop:
    """Return another merchant in test mode."""
    return checked(open_shop())


@pytest.fixture
def live_shop(shop: Shop) -> Shop:
    """Return the shop's merchant in live mode."""
    return checked(open_shop(mode=Mode.LIVE, merchant=shop.merchant))


def checked(shop: Shop) -> Shop:
    """Give the shop a client that knows the documentation."""
    shop.client = new_client(CheckedClient)
    return shop
