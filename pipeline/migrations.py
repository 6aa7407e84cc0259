"""The gate `migrations`: nothing missing, and nothing that locks a big table or breaks the running version.

A deploy migrates while the old release serves (docs/pipeline.md), so a migration may only add. What it does is read
from its SQL by squawk, without a database. A table that the same migration creates is empty; any other is taken to be
big. What takes something away says in the module why nobody misses it: `CONTRACT = "0.3.0 is the last to read it"`.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import django
from django.apps import apps
from django.db.migrations import Migration, RunPython
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from pipeline.base import commit_of, git
from pipeline.migration_sql import POSTGRES_MAJOR, Step, Unwritable, Written, write_migrations

APP = "payments"
FOLDER = Path("payments/migrations")
# The last migration of the first release, which is installed on an empty database: up to here there is nothing to lock
# and nobody to break. It moves no more once that release has its tag, and then the gate holds it there.
BASELINE = "0019_news_replays"
RELEASE_TAGS = "v*"
HEADING = "-- operation: "
REASON_WORDS_MIN = 3
CREATES_TABLE = re.compile(r'^CREATE TABLE "?(\w+)"?', re.IGNORECASE)
CHANGES_ROWS = re.compile(r"^\s*(UPDATE|DELETE|INSERT)\b", re.IGNORECASE)
# PostgreSQL reads the whole table for it; squawk says nothing.
COLUMN_WITH_CHECK = re.compile(r'^ALTER TABLE "?(\w+)"? ADD COLUMN .*\bCHECK\b', re.IGNORECASE)
# Without a default the new column is null in every row, and PostgreSQL reads none of them.
NULL_REFERENCE = re.compile(r"^ALTER TABLE \S+ ADD COLUMN (?!.*\bDEFAULT\b).*\bREFERENCES\b", re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """What to do instead; and whether a contract migration may do it all the same."""

    instead: str
    contract: bool = False


_LATER = "stop using it in this release and take it away in a later one, by a migration that says CONTRACT"
_CONCURRENTLY = "in a migration of its own with `atomic = False`"
_NOT_VALID = "add it by AddConstraintNotValid, and run ValidateConstraint in the migration after it"
RULES = {
    "ban-drop-table": Rule(_LATER, contract=True),
    "ban-drop-column": Rule(_LATER, contract=True),
    "renaming-table": Rule(f"add the new one, and write both; {_LATER}", contract=True),
    "renaming-column": Rule(f"add the new one, and write both; {_LATER}", contract=True),
    "changing-column-type": Rule(f"add a column of the new type, and write both; {_LATER}", contract=True),
    "adding-not-nullable-field": Rule(
        "hold new rows by a check constraint (AddConstraintNotValid, then ValidateConstraint); SET NOT NULL comes in"
        " a later release, by a migration that says CONTRACT",
        contract=True,
    ),
    "adding-required-field": Rule("the running version does not write it: give it `db_default`, or allow null"),
    "ban-drop-default": Rule(
        "the running version does not write it, and the database forgets a `default`: give it `db_default`"
    ),
    "adding-field-with-default": Rule("it is computed for every row: allow null, and fill it in batches"),
    "column-with-check": Rule(f"add the column without the check; {_NOT_VALID}"),
    "require-concurrent-index-creation": Rule(
        f"AddIndexConcurrently {_CONCURRENTLY}; a ForeignKey makes its index unless it says `db_index=False`"
    ),
    "require-concurrent-index-deletion": Rule(f"RemoveIndexConcurrently {_CONCURRENTLY}"),
    "ban-concurrent-index-creation-in-transaction": Rule(f"put it {_CONCURRENTLY}"),
    "constraint-missing-not-valid": Rule(_NOT_VALID),
    "adding-foreign-key-constraint": Rule("add it NOT VALID by RunSQL, and validate it in the migration after it"),
    "disallowed-unique-constraint": Rule(
        f"make a unique index CONCURRENTLY {_CONCURRENTLY}, then the constraint USING INDEX"
    ),
}
# What is excluded, and why.
NOT_OURS = {
    # Matters of taste, and of statements that are run again by hand: Django knows what it has applied.
    **dict.fromkeys(("prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity"), "taste"),
    **dict.fromkeys(("prefer-text-field", "prefer-timestamptz", "prefer-robust-stmts", "ban-char-field"), "taste"),
    # The deploy sets them for all migrations.
    **dict.fromkeys(("require-lock-timeout", "require-statement-timeout"), "set by the deploy"),
    # What is taken off refuses nothing any more: the running version goes on as before.
    **dict.fromkeys(("ban-drop-constraint", "ban-drop-not-null"), "widens"),
}


class CannotJudge(Exception):
    """Something is wrong with the gate itself; the message says what."""


@dataclass(frozen=True)
class Finding:
    """Something that a migration must not do."""

    migration: str
    operation: str
    rule: str
    says: str

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{_path(self.migration)}: {self.operation}: {self.rule}: {self.says}"


def main(arguments: Sequence[str]) -> int:
    """Check all migrations; return the exit status."""
    parser = argparse.ArgumentParser(prog="nox -s migrations --", description=__doc__)
    parser.parse_args(arguments)
    django.setup()
    loader = MigrationLoader(None)
    try:
        findings = [str(each) for each in (*forgotten(loader), *misplaced_baseline(), *judged(loader))]
    except (Unwritable, CannotJudge) as error:
        findings = [str(error)]
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        print(f"{len(findings)} found; docs/pipeline.md says what each rule is for.", file=sys.stderr)
    return 1 if findings else 0


def forgotten(loader: MigrationLoader) -> Iterator[str]:
    """Yield what the models have and no migration brings, and migrations that nobody put in an order."""
    for app, names in loader.detect_conflicts().items():
        yield f"{app}: {' and '.join(sorted(names))} do not know of each other: makemigrations --merge"
    detector = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps))
    for app, migrations in detector.changes(graph=loader.graph, trim_to_apps={APP}, convert_apps={APP}).items():
        for operation in (operation for migration in migrations for operation in migration.operations):
            yield f"{app}: no migration for: {operation.describe()}: manage.py makemigrations {app}"


def misplaced_baseline() -> Iterator[str]:
    """Yield a complaint if the first release did not have the baseline."""
    tags = (git("tag", "--list", RELEASE_TAGS, "--sort=version:refname") or "").split()
    if tags and not git("ls-tree", f"{commit_of(tags[0])}", f"{FOLDER}/{BASELINE}.py"):
        yield f"pipeline/migrations.py: BASELINE is {BASELINE}, which {tags[0]} does not have: put it back to its last"


def judged(loader: MigrationLoader) -> Iterator[Finding]:
    """Yield what the migrations after the baseline must not do; print what only a reader can judge."""
    history = set(loader.graph.forwards_plan((APP, BASELINE)))
    new = list(write_migrations(loader, {key for key in loader.graph.nodes if key[0] == APP} - history))
    for migration, steps in new:
        for step in steps:
            if isinstance(step.operation, RunPython) or any(map(CHANGES_ROWS.match, step.statements)):
                print(f"{_path(migration.name)}: {step.description}: read it: many rows are changed in batches")
    found = squawked(new)
    for migration, steps in new:
        yield from excused(migration, [*found[migration.name], *columns_with_checks(migration.name, steps)])


def squawked(migrations: Sequence[Written]) -> dict[str, list[Finding]]:
    """Return what squawk finds in each migration."""
    found: dict[str, list[Finding]] = {migration.name: [] for migration, _ in migrations}
    if not found:
        return found
    with tempfile.TemporaryDirectory() as folder:
        texts = {migration.name: _as_script(migration, steps) for migration, steps in migrations}
        for name, text in texts.items():
            Path(folder, f"{name}.sql").write_text(text, encoding="utf-8")
        command = [
            *("squawk", "--reporter=json", f"--pg-version={POSTGRES_MAJOR}"),
            *(f"--exclude={rule}" for rule in NOT_OURS),
            *(f"{folder}/{name}.sql" for name in texts),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode > 1 or not ended.stdout.strip():
        raise CannotJudge(f"squawk failed: {ended.stderr.strip()}")
    for each in json.loads(ended.stdout):
        name = Path(each["file"]).stem
        above = texts[name].splitlines()[: each["line"] + 1]
        if each["rule_name"] == "adding-foreign-key-constraint" and NULL_REFERENCE.match(above[-1]):
            continue
        operation = next(line for line in reversed(above) if line.startswith(HEADING)).removeprefix(HEADING)
        rule = RULES.get(each["rule_name"])
        says = rule.instead if rule else " ".join(filter(None, (each["message"], each["help"])))
        found[name].append(Finding(name, operation, each["rule_name"], says))
    return found


def columns_with_checks(name: str, steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield the columns that come to a table of an earlier migration together with a check."""
    statements = [(step, statement) for step in steps for statement in step.statements]
    created = {match[1] for _, statement in statements if (match := CREATES_TABLE.match(statement))}
    for step, statement in statements:
        match = COLUMN_WITH_CHECK.match(statement)
        if match and match[1] not in created:
            rule = "column-with-check"
            yield Finding(name, step.description, rule, RULES[rule].instead)


def excused(migration: Migration, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what the migration has no reason for; and its reason, if it has one for nothing."""
    reason = getattr(sys.modules[type(migration).__module__], "CONTRACT", None)
    breaking = [finding for finding in findings if finding.rule in RULES and RULES[finding.rule].contract]
    yield from (finding for finding in findings if finding not in breaking)
    if reason is None:
        yield from breaking
    elif not isinstance(reason, str) or len(reason.split()) < REASON_WORDS_MIN:
        yield Finding(migration.name, "CONTRACT", "contract-without-reason", "say why nobody misses it, in a sentence")
    elif not breaking:
        yield Finding(migration.name, "CONTRACT", "contract-of-nothing", "it takes nothing away: delete CONTRACT")
    else:
        print(f"{_path(migration.name)}: contract: {reason}")


def _as_script(migration: Migration, steps: Sequence[Step]) -> str:
    """Return the migration's SQL, each operation under its name."""
    lines = [line for step in steps for line in (f"{HEADING}{step.description}", *step.statements)]
    return "\n".join(["BEGIN;", *lines, "COMMIT;", ""] if migration.atomic else [*lines, ""])


def _path(name: str) -> Path:
    return FOLDER / f"{name}.py"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
