"""The server as a fixture: one for each of pytest-xdist's workers, empty for each test."""

from collections.abc import Iterator

import pytest

from tests.stripe_server.server import StripeServer


@pytest.fixture(scope="session")
def _stripe_server() -> Iterator[StripeServer]:
    with StripeServer() as server:
        yield server


@pytest.fixture
def stripe_server(_stripe_server: StripeServer) -> StripeServer:
    """Return a Stripe of our own that knows nothing yet."""
    _stripe_server.reset()
    return _stripe_server
