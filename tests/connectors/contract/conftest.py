"""Every connector under test, by name; and where each promise can be tested."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.connectors.contract.localstripe import running_localstripe
from tests.connectors.contract.subjects import LocalStripeSubject, SandboxSubject, StripeSubject, Subject
from tests.stripe_server import StripeServer


@pytest.fixture
def subject(request: pytest.FixtureRequest, db: None) -> Subject:
    """Return the connector that the test is parametrized with, and its processor."""
    found: Subject = request.getfixturevalue(f"{request.param}_subject")
    return found


@pytest.fixture
def sandbox_subject() -> SandboxSubject:
    """Return the sandbox."""
    return SandboxSubject()


@pytest.fixture
def stripe_subject(stripe_server: StripeServer, settings: Settings) -> StripeSubject:
    """Return Stripe, on our own server."""
    return StripeSubject(stripe_server, settings)


@pytest.fixture(scope="session")
def localstripe() -> Iterator[str]:
    """Return the address of localstripe: one process for each of pytest-xdist's workers."""
    with running_localstripe() as address:
        yield address


@pytest.fixture
def localstripe_subject(localstripe: str, settings: Settings) -> LocalStripeSubject:
    """Return Stripe, on localstripe."""
    return LocalStripeSubject(localstripe, settings)
