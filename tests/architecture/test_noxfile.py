"""The catalogue of gates says the truth about the noxfile."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import noxfile  # noqa: F401  # pylint: disable=unused-import  # It fills the catalogue.
from pipeline.catalogue import GATES, PYTHONS, Gate

ROOT = Path(__file__).resolve().parents[2]
CHORES = {"serve", "tests", "fmt", "lock", "branch_rules"}


@pytest.fixture(scope="module")
def default_sessions() -> list[dict[str, Any]]:
    """What a bare `nox` runs."""
    command = [sys.executable, "-m", "nox", "--list", "--json"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    sessions: list[dict[str, Any]] = json.loads(listed.stdout)
    return sessions


def test_a_bare_nox_runs_every_gate(default_sessions: list[dict[str, Any]]) -> None:
    gates = [gate for gate in GATES.values() if gate.stage]
    assert {session["session"] for session in default_sessions} == {name for gate in gates for name in gate.sessions}


def test_a_chore_is_no_gate() -> None:
    assert {name for name, gate in GATES.items() if gate.stage is None} == CHORES


@pytest.mark.parametrize("gate", GATES.values(), ids=lambda gate: gate.name)
def test_every_gate_is_described_and_needs_only_gates(gate: Gate) -> None:
    assert gate.description.endswith(".")
    assert set(gate.needs) <= GATES.keys() - CHORES
    assert set(gate.pythons) <= set(PYTHONS)
    assert 0 < gate.timeout_minutes <= 60
