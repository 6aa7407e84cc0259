"""The gate `schema`: docs/openapi.json is what the site serves, and no client is broken without being told.

The document is compared with that of the base branch. What breaks a client (pipeline/breaking_changes.py) is refused
unless docs/breaking-changes.toml has an entry for it that the base branch does not have yet; once merged, an entry is
history, and excuses nothing more.
"""

import argparse
import difflib
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema

import django
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from pipeline.base import BASE_BRANCHES, base_commit, commit_of, file_at
from pipeline.breaking_changes import breaking_changes

DOCUMENT = Path("docs/openapi.json")
MARKS = Path("docs/breaking-changes.toml")
# What an entry of MARKS says: the change as the gate names it, the release that brings it, why, what clients do now.
MARK_KEYS = ("change", "since", "reason", "instead")
DIFF_LINES_MAX = 60


class Misuse(Exception):
    """Something that keeps the gate from its work; the message is one line that says what to do."""


@dataclass(frozen=True)
class Base:
    """What a change is compared with: the document, and the marks that were there."""

    name: str
    document: str | None
    marks: str | None


def main(arguments: Sequence[str]) -> int:
    """Check the document, or write it; return the exit status."""
    parser = argparse.ArgumentParser(prog="nox -s schema --", description="Check docs/openapi.json.")
    parser.add_argument("--fix", action="store_true", help=f"write {DOCUMENT}")
    parser.add_argument("--base", metavar="REV|FILE", help=f"compare with this instead of {' or '.join(BASE_BRANCHES)}")
    options = parser.parse_args(arguments)
    django.setup()
    document = served_document()
    if options.fix:
        DOCUMENT.write_text(document, encoding="utf-8")
    try:
        findings = [*stale(document), *invalid(document), *unmarked(document, find_base(options.base))]
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def served_document() -> str:
    """Return the document as the site serves it, one member a line."""
    found = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def stale(document: str) -> Iterator[str]:
    """Yield the difference between the committed document and the one that is served."""
    committed = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    if committed == document:
        return
    names = str(DOCUMENT), "as the site serves it"
    lines = difflib.unified_diff(committed.splitlines(), document.splitlines(), *names, lineterm="")
    yield from islice(lines, DIFF_LINES_MAX)
    yield f"{DOCUMENT} is stale: write it with `nox -s schema -- --fix`"


def invalid(document: str) -> Iterator[str]:
    """Yield what is wrong with it by the schema of OpenAPI itself."""
    try:
        validate_schema(json.loads(document))  # type: ignore[no-untyped-call]
    except jsonschema.ValidationError as error:
        yield f"{DOCUMENT} is no OpenAPI document: {error.json_path}: {error.message}"


def find_base(named: str | None) -> Base:
    """Return what to compare with: what was named, or the commit at which this left the base branch."""
    if named and Path(named).is_file():
        return Base(named, Path(named).read_text(encoding="utf-8"), None)
    commit = commit_of(named) if named else base_commit()
    if named and not commit:
        raise Misuse(f"--base {named} is neither a commit nor a file: fetch it, or name another")
    if not commit and commit_of("HEAD") and not any(map(commit_of, BASE_BRANCHES)):
        raise Misuse(f"There is neither {' nor '.join(BASE_BRANCHES)}: fetch one, or name a commit or file by --base")
    if not commit:
        return Base("the first commit", None, None)
    return Base(named or commit[:10], file_at(commit, DOCUMENT), file_at(commit, MARKS))


def unmarked(document: str, base: Base) -> Iterator[str]:
    """Yield the breaking changes that no new mark tells of, and the new marks that tell of none."""
    marks = read_marks(MARKS.read_text(encoding="utf-8") if MARKS.exists() else "")
    for mark in marks:
        if missing := [key for key in MARK_KEYS if not str(mark.get(key, "")).strip()]:
            yield f"{MARKS}: an entry has no {' and no '.join(missing)}: {mark}"
    if base.document is None:
        print(f"{base.name} has no {DOCUMENT}: there is nothing to break.")
        return
    history = read_marks(base.marks or "")
    new = {str(mark.get("change")) for mark in marks if mark not in history}
    broken = breaking_changes(json.loads(base.document), json.loads(document))
    for change in broken:
        if change not in new:
            yield f"breaks clients since {base.name}: {change}"
    if not new.issuperset(broken):
        yield f"Keep what clients use, or tell them: an entry in {MARKS} with {', '.join(MARK_KEYS)}"
    for change in sorted(new.difference(broken)):
        yield f"{MARKS}: nothing has changed so since {base.name}: {change}"


def read_marks(text: str) -> list[dict[str, Any]]:
    """Return the entries of a file of marks; raise Misuse if it is none."""
    try:
        entries: list[dict[str, Any]] = tomllib.loads(text).get("breaking", [])
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"{MARKS} is not TOML: {error}") from error
    return entries


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
