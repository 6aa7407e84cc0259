"""The command that measures the gates: a row for each, and no figure for one that fails."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.pipeline.trees import Tree

NOXFILE = '''"""Gates made up for a test."""

from pipeline.catalogue import gate


@gate(stage="quality")
def good(session):
    """It passes."""


@gate(stage="test")
def bad(session):
    """It fails."""
    session.error("as planted")
'''


@pytest.fixture
def tree(copy_of: Callable[..., Tree]) -> Tree:
    """Return a project with such gates."""
    copy = copy_of()
    copy.plant("noxfile.py", NOXFILE)
    return copy


def measure(tree: Tree, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on it."""
    command = [sys.executable, "-m", "pipeline.durations", *arguments]
    return subprocess.run(command, cwd=tree.folder, capture_output=True, text=True, check=False)


def test_each_gate_of_the_stage_has_a_row_and_all_together_one(tree: Tree) -> None:
    ended = measure(tree, "--cold")

    assert ended.returncode == 0, ended.stderr
    facts, _, *table = ended.stdout.splitlines()
    assert re.fullmatch(r"\d+ cores, .+, Python 3\.\d+\.\d+; seconds\.", facts)
    assert table[:2] == ["| gate | cold | warm |", "| --- | ---: | ---: |"]
    figures = r"\| \d+\.\d \| \d+\.\d \|"
    assert re.fullmatch(rf"\| `good` {figures}", table[2])
    assert re.fullmatch(rf"\| all: `nox -t quality -j auto` {figures}", table[3])
    assert len(table) == 4


def test_a_gate_that_fails_has_no_duration(tree: Tree) -> None:
    ended = measure(tree, "bad")

    assert ended.returncode == 1
    assert "| `bad`" not in ended.stdout
    assert "as planted" in ended.stderr
    assert "`nox -s bad` failed: repair that first" in ended.stderr


def test_a_gate_that_is_not_there_is_misuse(tree: Tree) -> None:
    ended = measure(tree, "nothing")

    assert ended.returncode == 2
    assert "no such gate: nothing" in ended.stderr
