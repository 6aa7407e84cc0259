"""The gates `unit` and `integration`, and `tests`: what fails them."""

from collections.abc import Callable

import pytest

from tests.pipeline.skeletons import FILES, plant_skeleton
from tests.pipeline.trees import ROOT, Tree

pytestmark = pytest.mark.timeout(600)

UNIT = "unit-3.11"
INTEGRATION = "integration-3.11"
# One process, and no plugin that is slow to start and of no use to these tests.
QUICK = {"PYTEST_XDIST_AUTO_NUM_WORKERS": "0", "PYTEST_ADDOPTS": "-p no:schemathesis -p no:hypothesispytest"}
# With options nobody asks for the floor under the coverage, which is of the project and not of what is planted.
A_SELECTION = ("--verbosity=0",)
TEST = '"""Planted."""\n\n\ndef test_planted() -> None:\n    assert {verdict}\n'
COUNTS = '''"""Planted."""

import pytest

from django.contrib.contenttypes.models import ContentType


@pytest.mark.django_db
def test_count() -> None:
    assert ContentType.objects.filter(model="none").count() == {count}
'''


@pytest.fixture
def real(copy_of: Callable[..., Tree]) -> Tree:
    """Return the project with its own fixtures, and hardly a test."""
    helpers = sorted(str(file.relative_to(ROOT)) for file in (ROOT / "tests").glob("*.py"))
    own = ("tests/unit/__init__.py", "tests/unit/conftest.py", "tests/unit/sending.py", "tests/stripe_server")
    return copy_of("payments", "platform_site", *helpers, *own)


@pytest.fixture
def small(copy_of: Callable[..., Tree]) -> Tree:
    """Return a project with next to nothing in it, all of which is tested."""
    return plant_skeleton(copy_of())


def test_a_failing_unit_test_fails_unit(small: Tree) -> None:
    code, said = small.run(UNIT, **QUICK)
    assert code == 0, said

    small.plant("tests/unit/test_planted.py", TEST.format(verdict="1 + 1 == 3"))
    code, said = small.run(UNIT, **QUICK)

    assert code == 1
    assert "assert (1 + 1) == 3" in said
    assert "1 failed, 1 passed" in said


def test_a_unit_test_that_reaches_for_the_database_fails_unit(real: Tree) -> None:
    real.plant("tests/unit/test_planted.py", COUNTS.format(count=0))
    real.plant("tests/unit/test_sneaky.py", COUNTS.format(count=0).replace("@pytest.mark.django_db\n", ""))
    real.plant("tests/unit/test_good.py", TEST.format(verdict="True"))

    code, said = real.run(UNIT, **QUICK)

    assert code == 1
    assert "a test in tests/unit asks for a database: move it to another folder of tests/" in said
    assert "Database access not allowed" in said
    assert "1 failed, 1 passed, 1 error" in said


def test_a_failing_integration_test_fails_integration(small: Tree) -> None:
    small.plant("tests/models/test_good.py", COUNTS.format(count=0))
    code, said = small.run(INTEGRATION, *A_SELECTION, **QUICK)
    assert code == 0, said
    assert "1 passed" in said

    small.plant("tests/models/test_planted.py", COUNTS.format(count=7))
    code, said = small.run(INTEGRATION, *A_SELECTION, **QUICK)

    assert code == 1
    assert "assert 0 == 7" in said
    assert "1 failed, 1 passed" in said


def test_code_that_no_test_reaches_fails_tests(small: Tree) -> None:
    code, said = small.run("tests", **QUICK)
    assert code == 0, said

    lines = "".join(f"    amount += {number}\n" for number in range(30))
    planted = f"\n\ndef never(amount: int) -> int:\n{lines}    return amount\n"
    small.plant("payments/money.py", FILES["payments/money.py"] + planted)
    code, said = small.run("tests", **QUICK)

    assert code == 1
    assert "is less than fail-under=90" in said
    assert "1 passed" in said
