"""The gate `type`: a type error is refused."""

from collections.abc import Callable

import pytest

from tests.pipeline.skeletons import FILES, plant_skeleton
from tests.pipeline.trees import Tree


@pytest.mark.timeout(600)
def test_a_type_error_is_refused(copy_of: Callable[..., Tree]) -> None:
    tree = plant_skeleton(copy_of())
    code, said = tree.run("type")
    assert code == 0, said

    tree.plant("payments/api/__init__.py", FILES["payments/api/__init__.py"] + "BAD: str = GOOD\n")
    code, said = tree.run("type")

    assert code == 1
    assert "payments/api/__init__.py:6: error: Incompatible types in assignment" in said
    assert "Found 1 error in 1 file" in said
