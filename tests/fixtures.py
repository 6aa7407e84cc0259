"""Fixtures for every folder that has none of its own under the same name: a merchant, and books to break."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from django.db import connection

from tests.books import Books, write_books
from tests.more_books import take_away, write_more_books
from tests.shop import Shop, open_shop


@pytest.fixture
def shop(db: None) -> Shop:
    """Return a merchant in test mode; whatever it does is rolled back."""
    return open_shop()


@pytest.fixture(scope="module")
def committed_books(empty_tables: list[str], django_db_blocker: DjangoDbBlocker) -> Books:
    """Write books and commit them: to a rolled-back test they are rows of earlier transactions."""
    with django_db_blocker.unblock():
        try:
            return write_books()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def committed_more_books(committed_books: Books, django_db_blocker: DjangoDbBlocker) -> Iterator[Books]:
    """Write rows of every noun beside those, and take them away after the module: they tell no true story."""
    with django_db_blocker.unblock():
        more = write_more_books(committed_books)
        connection.close()
    yield committed_books | more
    with django_db_blocker.unblock():
        take_away(more)
        connection.close()


@pytest.fixture
def books(committed_books: Books, db: None) -> Books:
    """Return the names of rows that are there already; what the test does to them is rolled back."""
    return committed_books


@pytest.fixture
def more_books(committed_more_books: Books, db: None) -> Books:
    """Return the names of rows of every noun; what the test does to them is rolled back."""
    return committed_more_books
