"""The reviewed ignores of pipeline/audit.toml: each with a reason and an end."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.audit.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Ignore:
    """An advisory that does not concern us, up to and including a day."""

    id: str
    reason: str
    until: date


def read_ignores(path: Path) -> list[Ignore]:
    """Return the ignores; ValueError where one lacks its id, its reason or its day."""
    try:
        ignores = [Ignore(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("ignore", [])]
    except (TypeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is not as its first lines describe: {error}") from error
    for ignore in ignores:
        if not ignore.reason.strip() or not isinstance(ignore.until, date):
            raise ValueError(f"{path}: {ignore.id} needs a reason, and a date without quotes as until")
    return ignores


def apply_ignores(
    findings: list[Finding], ignores: list[Ignore], *, today: date
) -> tuple[list[Finding], list[Finding], list[str]]:
    """Return the findings that stay, those that are ignored, and what is wrong with the ignores."""
    problems = []
    valid: set[str] = set()
    for ignore in ignores:
        if ignore.until < today:
            problems.append(f"pipeline/audit.toml: {ignore.id} was to be reviewed again by {ignore.until}")
        elif not any(ignore.id in finding.ids for finding in findings):
            problems.append(f"pipeline/audit.toml: {ignore.id} matches nothing: remove it")
        else:
            valid.add(ignore.id)
    ignored = [finding for finding in findings if valid.intersection(finding.ids)]
    return [finding for finding in findings if finding not in ignored], ignored, problems
