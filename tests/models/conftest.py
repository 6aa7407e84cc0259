"""Rules are broken on rows of every noun."""

import pytest

from tests.books import Books


@pytest.fixture
def books(more_books: Books) -> Books:
    """Return the names of rows of every noun; what the test does to them is rolled back."""
    return more_books
