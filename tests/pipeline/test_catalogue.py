"""What the decorator and the environments do for every gate, tried on gates made up here."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import catalogue
from tests.pipeline.trees import ROOT, Tree

pytestmark = pytest.mark.timeout(600)

NOXFILE = '''"""Gates made up for a test."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from pipeline.catalogue import gate
from pipeline.environments import Environment

SAY = "import iniconfig, sys; print('ran on %d.%d' % sys.version_info[:2], iniconfig.__name__)"


@gate(stage="quality")
def one(session):
    """One."""
    Environment(session, "small").run("python", "-c", SAY)


@gate(stage="quality")
def other(session):
    """The other, in the same environment."""
    Environment(session, "small").run("python", "-c", SAY)


@gate(stage="quality")
def bad(session):
    """One that fails."""
    session.error("as planted")


@gate(stage="test", pythons=("3.11", "3.99"))
def several(session):
    """On a Python that is here, and on one that is not."""
    Environment(session, "small").run("python", "-c", SAY)
'''
MADE = "pip install --quiet --exact"


def locked(package: str) -> str:
    """Return the package's lines of the project's own lock."""
    lock = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==.*?(?=^\S)", lock, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


@pytest.fixture
def tree(copy_of: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Return a project with such gates and no environment."""
    monkeypatch.delenv("CI", raising=False)
    copy = copy_of()
    copy.plant("noxfile.py", NOXFILE)
    copy.plant("requirements/small.txt", locked("iniconfig"))
    return copy


def run(tree: Tree, *options: str, **variables: str) -> tuple[int, str]:
    """Run nox with environments of the test's own."""
    return tree.nox(options, variables, environments=tree.folder / ".nox")


def test_gates_with_one_lock_share_an_environment_until_the_lock_changes(tree: Tree) -> None:
    first, first_said = run(tree, "-s", "one")
    second, second_said = run(tree, "-s", "other")
    tree.plant("requirements/small.txt", locked("iniconfig") + locked("pluggy"))
    third, third_said = run(tree, "-s", "other")
    tree.plant("requirements/small.txt", locked("iniconfig"))
    fourth, fourth_said = run(tree, "-s", "one")

    assert [first, second, third, fourth] == [0, 0, 0, 0], fourth_said
    assert [MADE in said for said in (first_said, second_said, third_said, fourth_said)] == [True, False, True, True]
    assert [path.name for path in (tree.folder / ".nox").glob("small-*")] == ["small-3.11"]
    # What is in the lock no more is gone.
    assert not list((tree.folder / ".nox").glob("small-*/lib/*/site-packages/pluggy"))


def test_gates_that_begin_together_make_their_environment_once(tree: Tree) -> None:
    code, said = run(tree, "-s", "one", "other", "-j", "2")

    assert code == 0, said
    assert said.count(MADE) == 1
    assert said.count("ran on 3.11 iniconfig") == 2


def test_a_stage_is_one_word_and_fails_if_one_of_its_gates_does(tree: Tree) -> None:
    code, said = run(tree, "-t", "quality", "-j", "2")

    assert code == 1
    assert "as planted" in said
    assert said.count("ran on 3.11 iniconfig") == 2


def test_a_python_that_is_not_installed_is_left_out_here_and_fails_in_ci(tree: Tree) -> None:
    all_code, all_said = run(tree, "-s", "several")
    code, said = run(tree, "-s", "several-3.99")
    ci_code, ci_said = run(tree, "-s", "several-3.99", CI="true")

    assert all_code == 0, all_said
    assert "ran on 3.11 iniconfig" in all_said
    assert "3.99" not in all_said
    assert code == 0, said
    assert "Session several-3.99 skipped: there is no Python 3.99 on this machine" in said
    assert ci_code == 1
    assert "there is no Python 3.99 on this machine" in ci_said


def program(path: Path, text: str) -> Path:
    """Write a program that the shell runs."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_a_shim_of_pyenv_that_stands_for_nothing_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = program(tmp_path / "shims" / "python3.99", "echo 'pyenv: python3.99: command not found' >&2; exit 127")
    versions = tmp_path / "versions"
    monkeypatch.setenv("PATH", str(shim.parent), prepend=":")
    monkeypatch.setattr(catalogue, "PYENV_VERSIONS", versions)
    before = catalogue.find_python("3.99")
    installed = program(versions / "3.99.1" / "bin" / "python", "echo 3.99")

    assert before is None
    assert catalogue.find_python("3.99") == installed


def test_a_python_of_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = program(tmp_path / "bin" / "python3.99", "echo 3.98")
    monkeypatch.setenv("PATH", str(wrong.parent), prepend=":")

    assert catalogue.find_python("3.99") is None
