"""pip-audit and safety, run on requirements files; an answer counts only if it speaks of every package."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from pipeline.audit.findings import Finding, NoAnswer

TIMEOUT_SECONDS = 15
REASON_CHARACTERS_MAX = 200
# safety's own exit codes: nothing found, vulnerabilities found.
SAFETY_ANSWERS = (0, 64)

# Of the environment.
Variables = Mapping[str, str]


def run_pip_audit(requirements: str, *, label: str, service: Sequence[str], variables: Variables) -> list[Finding]:
    """Return what pip-audit finds with a service, `-s osv --osv-url …`; nothing is resolved or installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(requirements, encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", f"--requirement={path}", "--require-hashes", "--disable-pip"]
        # A cache of its own: yesterday's answer is none.
        options = [f"--cache-dir={folder}/cache", f"--timeout={TIMEOUT_SECONDS}", "--progress-spinner=off"]
        ended = _run([*command, *options, "--format=json", *service], folder, variables)
    try:
        answers = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswer(_last_line(ended.stderr)) from error
    return read_pip_audit(requirements, answers, label=label)


def read_pip_audit(requirements: str, answers: list[dict[str, Any]], *, label: str) -> list[Finding]:
    """Return the findings in pip-audit's answers; NoAnswer where it skipped a package, for which it does not fail."""
    _refuse_gaps(requirements, ((each["name"], each["version"]) for each in answers if "vulns" in each))
    return [
        Finding(
            package=canonicalize_name(each["name"]),
            version=each["version"],
            ids=(vulnerability["id"], *vulnerability["aliases"]),
            scanner=f"pip-audit, {label}",
            summary=vulnerability["description"].strip(),
            fixed_in=tuple(vulnerability["fix_versions"]),
        )
        for each in answers
        for vulnerability in each["vulns"]
    ]


def run_safety(requirements: str, *, label: str, database: Sequence[str], variables: Variables) -> list[Finding]:
    """Return what safety finds; its key is in SAFETY_API_KEY, or `--db FOLDER` names its database."""
    with tempfile.TemporaryDirectory() as folder:
        path, report = Path(folder) / "requirements.txt", Path(folder) / "report.json"
        path.write_text(requirements, encoding="utf-8")
        # `scan` replaces `check`, but reads no database of one's own and wants an account beside the key.
        command = [sys.executable, "-m", "safety", "--disable-optional-telemetry", "check", f"--file={path}"]
        ended = _run([*command, f"--save-json={report}", *database], folder, variables)
        if ended.returncode not in SAFETY_ANSWERS or not report.exists():
            raise NoAnswer(_last_line(ended.stdout + ended.stderr))
        answer = json.loads(report.read_text(encoding="utf-8"))
    _refuse_gaps(requirements, ((each["name"], each["version"]) for each in answer["scanned_packages"].values()))
    return [_safety_finding(each, label) for each in answer["vulnerabilities"]]


def _safety_finding(vulnerability: dict[str, Any], label: str) -> Finding:
    ids = (vulnerability["vulnerability_id"], vulnerability["CVE"])
    return Finding(
        package=canonicalize_name(vulnerability["package_name"]),
        version=vulnerability["analyzed_version"],
        ids=tuple(dict.fromkeys(filter(None, ids))),
        scanner=f"safety, {label}",
        summary=vulnerability["advisory"].strip(),
        fixed_in=tuple(vulnerability["fixed_versions"]),
    )


def _refuse_gaps(requirements: str, answered: Iterable[tuple[str, str]]) -> None:
    """Raise NoAnswer if a package was passed over."""
    known = {f"{canonicalize_name(name)}=={version}" for name, version in answered}
    asked = [line.split()[0] for line in requirements.splitlines()]
    if missing := [pin for pin in asked if pin not in known]:
        raise NoAnswer(f"no answer about {len(missing)} of {len(asked)} packages, {missing[0]} among them")


def _run(command: list[str], home: str, variables: Variables) -> subprocess.CompletedProcess[str]:
    """Run a scanner that knows no settings, cache or login of whoever runs it."""
    environment = os.environ | {"HOME": home, "PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1", **variables}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def _last_line(text: str) -> str:
    """Return the line of a program's output that says why it ended."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:REASON_CHARACTERS_MAX] if lines else "it said nothing"
