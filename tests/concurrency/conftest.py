"""Fixtures of this folder: tests commit, each in an empty database, and leave a clean ledger."""

from collections.abc import Iterator

import pytest

from payments.operations.ledger_check import check_ledger
from tests.shop import Shop, open_shop


@pytest.fixture
def shop(committed_db: None) -> Iterator[Shop]:
    """Return a merchant in test mode; the ledger has to add up when the test is over."""
    yield open_shop()
    assert check_ledger() == []
