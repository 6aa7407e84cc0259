"""What GitLab shows of a SARIF file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.code_quality import issues
from tests.pipeline.trees import ROOT

PROJECT = Path("/builds/payments")


def result(**differences: Any) -> dict[str, Any]:
    """Return a finding of SARIF in line 7 of payments/money.py, but for the differences."""
    place = {"artifactLocation": {"uri": "payments/money.py"}, "region": {"startLine": 7}}
    finding = {"ruleId": "B307", "message": {"text": "eval"}, "locations": [{"physicalLocation": place}]}
    return finding | differences


def sarif(*results: dict[str, Any]) -> dict[str, Any]:
    """Return a SARIF file of one run."""
    return {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "bandit"}}, "results": list(results)}]}


def test_a_finding_keeps_its_place_its_text_and_its_weight() -> None:
    (issue,) = issues(sarif(result(level="error")), PROJECT)
    assert issue.pop("fingerprint")
    assert issue == {
        "description": "eval",
        "check_name": "B307",
        "severity": "critical",
        "location": {"path": "payments/money.py", "lines": {"begin": 7}},
    }


def test_a_path_of_the_machine_becomes_one_of_the_project() -> None:
    place = {"artifactLocation": {"uri": "file:///builds/payments/a%20b.py"}}
    (issue,) = issues(sarif(result(locations=[{"physicalLocation": place}])), PROJECT)
    assert issue["location"] == {"path": "a b.py", "lines": {"begin": 1}}


def test_what_is_suppressed_or_nowhere_is_left_out() -> None:
    assert not list(issues(sarif(result(suppressions=[{"kind": "inSource"}]), result(locations=[])), PROJECT))


def test_a_finding_that_moved_is_the_same_and_a_second_one_is_another() -> None:
    moved = {"artifactLocation": {"uri": "payments/money.py"}, "region": {"startLine": 9}}
    first, second = issues(sarif(result(), result()), PROJECT)
    (after,) = issues(sarif(result(locations=[{"physicalLocation": moved}])), PROJECT)
    assert first["fingerprint"] == after["fingerprint"] != second["fingerprint"]


def test_the_program_needs_nothing_but_python(tmp_path: Path) -> None:
    (tmp_path / "sast.sarif").write_text(json.dumps(sarif(result())), encoding="utf-8")
    command: list[str | Path] = [
        sys.executable,
        "-S",
        "-m",
        "pipeline.code_quality",
        tmp_path / "sast.sarif",
        tmp_path / "report.json",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    assert [issue["severity"] for issue in json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))] == [
        "major"
    ]


def test_a_gate_that_wrote_no_findings_is_told(tmp_path: Path) -> None:
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pipeline.code_quality",
        tmp_path / "sast.sarif",
        tmp_path / "report.json",
    ]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "There are no findings" in ended.stderr
