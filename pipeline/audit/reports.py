"""The reports of the gate: JSON for people and programs, SARIF for the forge's page of security findings."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.audit.findings import Finding, Pins


def write_json(
    path: Path, *, databases: list[str], packages: int, findings: list[Finding], ignored: list[Finding]
) -> None:
    """Write which databases were asked about how many packages, and what they said."""
    report = {
        "databases": databases,
        "packages": packages,
        "findings": [asdict(finding) for finding in findings],
        "ignored": [asdict(finding) for finding in ignored],
    }
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def write_sarif(path: Path, *, findings: list[Finding], pins: Pins) -> None:
    """Write the findings as SARIF 2.1.0, each at the line of the lock that pins the package."""
    rules = {
        finding.ids[0]: {"id": finding.ids[0], "shortDescription": {"text": finding.summary}} for finding in findings
    }
    run = {
        "tool": {"driver": {"name": "audit", "rules": list(rules.values())}},
        "results": [_result(finding, pins) for finding in findings],
    }
    sarif = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    path.write_text(json.dumps(sarif, indent=2) + "\n", encoding="utf-8")


def _result(finding: Finding, pins: Pins) -> dict[str, Any]:
    lock, line = pins[finding.package, finding.version].place
    location = {"artifactLocation": {"uri": lock.as_posix()}, "region": {"startLine": line}}
    return {
        "ruleId": finding.ids[0],
        "level": "error",
        "message": {"text": f"{finding.package} {finding.version}: {finding.summary} ({finding.scanner})"},
        "locations": [{"physicalLocation": location}],
    }
