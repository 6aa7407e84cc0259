"""Servers for webhooks, and a sender that keeps no connection from one test to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from payments.webhook_sender import close_connections, sending
from tests.certificates import Authority
from tests.receivers import Receiver


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Refuse to make a database, which would make the gate `unit` slow and want a server."""
    pytest.fail("a test in tests/unit asks for a database: move it to another folder of tests/")


@pytest.fixture
def fresh_connections() -> Iterator[None]:
    close_connections()
    yield
    close_connections()


@pytest.fixture
def receiver(fresh_connections: None) -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def authority(fresh_connections: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Return an authority that the sender trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    return authority


@pytest.fixture
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.4)
