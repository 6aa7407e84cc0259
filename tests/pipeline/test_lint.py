"""The gate `lint`: what it refuses, and that it finds warm what it finds cold."""

from collections.abc import Iterator

import pytest

from tests.pipeline.skeletons import FILES, plant_skeleton
from tests.pipeline.trees import Tree

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Return a small project that the gate is content with, as on a developer's machine."""
    tree = plant_skeleton(Tree(tmp_path_factory.mktemp("lint") / "project", ".flake8"))
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("CI", raising=False)
        code, said = tree.run("lint")
    assert code == 0, said
    return tree


@pytest.fixture
def tree(linted: Tree, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    """Return it to be broken; afterwards it is as before."""
    monkeypatch.delenv("CI", raising=False)
    yield linted
    linted.git("clean", "--quiet", "--force")
    linted.git("checkout", "--quiet", ".")


@pytest.mark.parametrize(
    ("package", "text", "complaints"),
    [
        ("tasks", "\nONE = {'a':1}\n", ("would reformat", "payments/tasks/__init__.py")),
        ("tasks", "\nimport sys\nimport os\n\nUSED = (os, sys)\n", ("Imports are incorrectly sorted",)),
        (
            "api",
            "\nfrom payments.connectors import stripe\n\nASKED = stripe\n",
            ("payments.api is not allowed to import payments.connectors",),
        ),
        (
            "tasks",
            '\n\ndef same(one: object, more: list[int] = []) -> bool:\n    """Tell."""\n    return one == None\n',
            ("E711 comparison to None", "dangerous-default-value"),
        ),
    ],
    ids=["unformatted", "unsorted imports", "broken layer", "flake8 and pylint"],
)
def test_a_defect_is_refused(tree: Tree, package: str, text: str, complaints: tuple[str, ...]) -> None:
    tree.plant(f"payments/{package}/__init__.py", f'"""Planted."""\n{text}')

    code, said = tree.run("lint")

    assert code == 1
    assert all(complaint in said for complaint in complaints), said


def test_fix_repairs_format_and_order(tree: Tree) -> None:
    tree.plant("payments/tasks/__init__.py", '"""Tasks."""\n\nimport sys\nimport os\n\nUSED = (os,sys)\n')

    code, said = tree.run("lint", "--fix")

    assert code == 0, said
    repaired = (tree.folder / "payments/tasks/__init__.py").read_text(encoding="utf-8")
    assert repaired == '"""Tasks."""\n\nimport os\nimport sys\n\nUSED = (os, sys)\n'


def test_what_did_not_change_is_not_checked_again(tree: Tree) -> None:
    code, said = tree.run("lint")

    assert code == 0, said
    assert "flake8: 0 of" in said
    assert "pylint: 0 of" in said


def test_a_base_class_that_breaks_another_module_and_a_copy_of_lines_are_found_until_repaired(tree: Tree) -> None:
    tree.plant("payments/money.py", FILES["payments/money.py"].replace("times: int", "times: int, plus: int"))
    tree.plant("perf/copied.py", (tree.folder / "perf/loads.py").read_text(encoding="utf-8"))

    first, first_said = tree.run("lint")
    second, second_said = tree.run("lint")
    tree.git("checkout", "--quiet", ".")
    (tree.folder / "perf/copied.py").unlink()
    repaired, repaired_said = tree.run("lint")

    assert first == second == 1
    for said in (first_said, second_said):
        assert "payments/operations/payments.py:9:4: W0221" in said
        assert "==perf.copied" in said and "==perf.loads" in said
    assert repaired == 0, repaired_said


def test_a_new_cycle_is_found_until_it_is_broken(tree: Tree) -> None:
    # Outside `payments`, where import-linter would find it first.
    tree.plant("perf/users.py", '"""Users."""\n\nfrom perf import load\n\nUSERS = load\n')
    for _ in range(2):
        code, said = tree.run("lint")

        assert code == 1
        assert "Cyclic import (perf.load -> perf.users)" in said


def test_in_ci_everything_is_checked(tree: Tree) -> None:
    code, said = tree.run("lint", CI="true")

    assert code == 0, said
    assert "/bin/pylint payments perf" in said
    assert "/bin/flake8 payments perf" in said
    assert "files to check" not in said
