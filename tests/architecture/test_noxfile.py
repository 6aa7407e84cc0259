"""The catalogue of gates says the truth about the noxfile."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import noxfile

ROOT = Path(__file__).resolve().parents[2]
CHORES = {"serve", "fmt", "lock"}


@pytest.fixture(scope="module")
def default_sessions() -> list[dict[str, Any]]:
    """What a bare `nox` runs."""
    command = [sys.executable, "-m", "nox", "--list", "--json"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    sessions: list[dict[str, Any]] = json.loads(listed.stdout)
    return sessions


def test_a_bare_nox_runs_every_gate(default_sessions: list[dict[str, Any]]) -> None:
    assert {session["session"] for session in default_sessions} == noxfile.GATES.keys() - CHORES


def test_a_chore_is_no_gate() -> None:
    assert {name for name, gate in noxfile.GATES.items() if gate.stage is None} == CHORES


@pytest.mark.parametrize("gate", noxfile.GATES.values(), ids=lambda gate: gate.name)
def test_every_gate_is_described_and_needs_only_gates(gate: noxfile.Gate) -> None:
    assert gate.description.endswith(".")
    assert set(gate.needs) <= noxfile.GATES.keys() - CHORES
    assert set(gate.pythons) <= set(noxfile.PYTHONS)
    assert 0 < gate.timeout_minutes <= 60
