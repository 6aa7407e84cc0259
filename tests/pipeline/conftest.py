"""Copies of the project for tests that break it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.trees import Tree


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[..., Tree]:
    """Return what copies the named parts of the project: `copy_of("payments", "manage.py")`."""
    return lambda *parts: Tree(tmp_path / "project", *parts)
