"""Look for known vulnerabilities of the locked packages.

Exit codes: 0 none, 1 vulnerabilities or a fault in pipeline/audit.toml, 2 misuse, 3 an advisory database that should
have been asked could not be reached.
"""

import argparse
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pipeline.audit.findings import Finding, NoAnswer, Pins, read_pins, requirement_texts
from pipeline.audit.ignores import apply_ignores, read_ignores
from pipeline.audit.offline import (
    OfflineError,
    advisory_server,
    describe_age,
    newest_entry,
    newest_record,
    read_records,
)
from pipeline.audit.reports import write_json, write_sarif
from pipeline.audit.scanners import run_pip_audit, run_safety
from pipeline.locks import LockError

LOCKS = Path("requirements")
IGNORES = Path("pipeline/audit.toml")
REPORTS = Path("reports")
OSV_URL = "https://api.osv.dev/v1/query"
FOUND, MISUSE, UNREACHABLE = 1, 2, 3


def main() -> int:
    """Return the exit code."""
    options = _parse()
    today = datetime.now(UTC).date()
    json_report, sarif_report = REPORTS / "audit.json", REPORTS / "audit.sarif"
    # What an earlier run found must not stand for this one.
    for report in (json_report, sarif_report):
        report.unlink(missing_ok=True)
    try:
        pins = read_pins(LOCKS)
        ignores = read_ignores(IGNORES)
        found, databases = (
            _ask_offline(pins, options.offline, today) if options.offline else _ask(pins, options.osv_url)
        )
    except NoAnswer as error:
        print(f"audit: no advisory database could be reached, so nothing is known. {error}", file=sys.stderr)
        return UNREACHABLE
    except (OfflineError, LockError, ValueError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return MISUSE
    findings, ignored, problems = apply_ignores(sorted(found), ignores, today=today)
    REPORTS.mkdir(exist_ok=True)
    write_json(json_report, databases=databases, packages=len(pins), findings=findings, ignored=ignored)
    write_sarif(sarif_report, findings=findings, pins=pins)
    for line in (*databases, *(_describe(finding, pins) for finding in findings), *problems):
        print(f"audit: {line}", file=sys.stderr)
    print(f"{len(pins)} locked packages: {len(findings)} known vulnerabilities, {len(ignored)} ignored.")
    return FOUND if findings or problems else 0


def _ask(pins: Pins, osv_url: str) -> tuple[list[Finding], list[str]]:
    """Ask PyPI or OSV by pip-audit; and safetycli.com by safety, where there is a key."""
    found, databases = _ask_pip_audit(pins, osv_url)
    if not os.environ.get("SAFETY_API_KEY"):
        return found, [*databases, "safety was not asked: there is no SAFETY_API_KEY"]
    try:
        found += _ask_about(pins, run_safety, label="safetycli.com", database=(), variables={})
    except NoAnswer as error:
        raise NoAnswer(f"safety: {error}") from error
    return found, [*databases, "safety asked safetycli.com"]


def _ask_pip_audit(pins: Pins, osv_url: str) -> tuple[list[Finding], list[str]]:
    """Ask PyPI, or OSV where PyPI has no answer about every package."""
    reasons: list[str] = []
    for label, service in (("PyPI", ("-s", "pypi")), ("OSV", ("-s", "osv", "--osv-url", osv_url))):
        try:
            found = _ask_about(pins, run_pip_audit, label=label, service=service, variables={})
            return found, [*(f"WARNING: {reason}" for reason in reasons), f"pip-audit asked {label}"]
        except NoAnswer as error:
            reasons.append(f"{label}: {error}")
    raise NoAnswer("; ".join(reasons))


def _ask_offline(pins: Pins, folder: Path, today: date) -> tuple[list[Finding], list[str]]:
    """Ask the folder: `osv/` by pip-audit, and `safety/`, if it is there, by safety."""
    records = read_records(folder / "osv")
    databases = [describe_age(f"{len(records)} OSV records in {folder / 'osv'}", newest_record(records), today)]
    with advisory_server(records) as url:
        service = ("-s", "osv", "--osv-url", f"{url}/v1/query")
        # No proxy leads to this machine.
        variables = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        found = _ask_about(pins, run_pip_audit, label="offline", service=service, variables=variables)
        database = folder / "safety"
        if database.is_dir():
            databases.append(describe_age(f"safety's database in {database}", newest_entry(database), today))
            # With a key it would ask its own server first, and it asks where to log in even without.
            variables |= {"SAFETY_API_KEY": "", "SAFETY_AUTH_SERVER_URL": url, "SAFETY_PLATFORM_API_BASE_URL": url}
            options = ("--db", str(database))
            found += _ask_about(pins, run_safety, label="offline", database=options, variables=variables)
    return found, databases


def _ask_about(pins: Pins, scanner: Callable[..., list[Finding]], **how: Any) -> list[Finding]:
    return [finding for text in requirement_texts(pins) for finding in scanner(text, **how)]


def _describe(finding: Finding, pins: Pins) -> str:
    """Return the line for people: what, where, and the way out."""
    locks = ", ".join(lock.stem for lock in pins[finding.package, finding.version].locks)
    repair = f"fixed in {', '.join(finding.fixed_in)}" if finding.fixed_in else "no fixed version known"
    return (
        f"{finding.package} {finding.version} ({locks}): {', '.join(finding.ids)}: {finding.summary} "
        f"[{repair}; {finding.scanner}]"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s audit --", description=__doc__)
    parser.add_argument(
        "--offline",
        metavar="FOLDER",
        type=Path,
        default=os.environ.get("AUDIT_OFFLINE"),
        help="use the advisories in FOLDER/osv, FOLDER/safety; default: the variable AUDIT_OFFLINE (%(default)s)",
    )
    parser.add_argument("--osv-url", default=OSV_URL, help="the OSV service that is asked second (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
