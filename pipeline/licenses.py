"""The licenses of everything that the locks name, held against the policy in pipeline/licenses.toml.

What a package says of itself is read in this order: its License-Expression (PEP 639), its one classifier, its License
field. Where that is not clear, a statement of the policy says it. A license is unknown, and that is a failure,
until one of these does. Statements and exceptions that nothing needs any more are failures as well.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.license_table import NOT_CHECKED, Row, write_table

POLICY = Path("pipeline/licenses.toml")
LOCKS = Path("requirements")
# The lock of what is distributed; the others are for tools.
PRODUCTION = "production"
TOOLS = "tools"
OUR_READING = "our reading"
# Classifiers that mean one license. That of the BSD, the Apache and the GNU families mean several.
CLASSIFIERS = {
    "BSD Zero Clause License (0BSD)": "0BSD",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_NO_LICENSE = {"OSI Approved", "DFSG approved"}
_SPDX = get_spdx_licensing()


@dataclass(frozen=True)
class Policy:
    """What is allowed by scope, what we take packages' own words for, and what is excepted, by scope."""

    allowed: Mapping[str, frozenset[str]]
    statements: Mapping[str, Mapping[str, str]]
    exceptions: Mapping[str, Mapping[str, Mapping[str, str]]]


def main() -> int:
    """Hold the locks against the policy, write the table, and print what does not hold."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.licenses", description=__doc__)
    parser.add_argument("--table", type=Path, required=True, help="the table to write, without .md and .json")
    arguments = parser.parse_args()
    policy = read_policy()
    rows = [row_of(requirement, scope, policy) for requirement, scope in locked()]
    write_table(arguments.table, rows, locks=sorted(LOCKS.glob("*.txt")))
    problems = [f"{row.name} {row.version} ({row.scope}): {row.note}" for row in rows if row.is_problem]
    problems += unneeded(policy, rows)
    for problem in problems:
        print(problem)
    for row in rows:
        if row.verdict == NOT_CHECKED:
            print(f"not checked here: {row.name} {row.version}, {row.note}")
    print(f"licenses: {len(rows)} packages, {len(problems)} problems; the table is {arguments.table}.md")
    return 1 if problems else 0


def read_policy() -> Policy:
    """Return the policy; the program ends if it is not clear."""
    written = tomllib.loads(POLICY.read_text(encoding="utf-8"))
    allowed = {scope: frozenset(written["allowed"][scope]) for scope in (PRODUCTION, TOOLS)}
    statements, exceptions = written.get("statements", {}), written.get("exceptions", {})
    for scope, licenses in allowed.items():
        for license_id in licenses:
            if spdx(license_id) != license_id:
                sys.exit(f"{POLICY}: {license_id}, allowed for {scope}, is no license of SPDX")
    reviewed = [(each, {"says", "expression", "reason"}) for each in statements.items()]
    reviewed += [(each, {"expression", "reason"}) for scope in exceptions.values() for each in scope.items()]
    for (name, entry), keys in reviewed:
        if entry.keys() != keys or not all(entry.values()) or spdx(entry["expression"]) is None:
            sys.exit(f"{POLICY}: {name} needs {', '.join(sorted(keys))}, the expression in SPDX's words")
    # What may be distributed may be used.
    return Policy(
        {PRODUCTION: allowed[PRODUCTION], TOOLS: allowed[PRODUCTION] | allowed[TOOLS]}, statements, exceptions
    )


def locked() -> Iterator[tuple[Requirement, str]]:
    """Yield each pin of the locks once, with its scope."""
    seen: set[str] = set()
    for lock in sorted(LOCKS.glob("*.txt"), key=lambda path: (path.stem != PRODUCTION, path.stem)):
        for line in lock.read_text(encoding="utf-8").splitlines():
            pin = line.removesuffix("\\").strip()
            # The rest are hashes and comments.
            if "==" in pin and not line.startswith((" ", "#")) and pin not in seen:
                seen.add(pin)
                yield Requirement(pin), PRODUCTION if lock.stem == PRODUCTION else TOOLS


def row_of(requirement: Requirement, scope: str, policy: Policy) -> Row:
    """Return what the table says of a pin."""
    name = canonicalize_name(requirement.name)
    row = Row(name=name, version=str(requirement.specifier).removeprefix("=="), scope=scope)
    if requirement.marker and not requirement.marker.evaluate():
        return row.with_verdict(NOT_CHECKED, f"only where {requirement.marker}")
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return row.with_verdict("missing", "in the lock, and not installed: make the environment anew")
    if installed.version != row.version:
        return row.with_verdict("missing", f"{installed.version} is installed: make the environment anew")
    return judged(row.with_contents(installed), installed, policy)


def judged(row: Row, installed: Distribution, policy: Policy) -> Row:
    """Return the row with the license, its source, and the verdict."""
    expression, source = stated(installed)
    if expression is None and (statement := policy.statements.get(row.name)):
        if statement["says"] != source:
            now = f"says {source!r} now, and not {statement['says']!r} as when its statement was made"
            return row.with_verdict("unknown", f"{now}: review it in {POLICY}")
        expression, source = spdx(statement["expression"]), f"{OUR_READING}: {statement['reason']}"
    if expression is None:
        return row.with_verdict("unknown", f"unknown license, it says {source!r}: review it and add it to {POLICY}")
    row = row.with_license(expression, source)
    if is_allowed(_SPDX.parse(expression), policy.allowed[row.scope]):
        return row.with_verdict("allowed", "")
    exception = policy.exceptions.get(row.scope, {}).get(row.name)
    if exception and spdx(exception["expression"]) == expression:
        return row.with_verdict("exception", exception["reason"])
    return row.with_verdict("refused", f"{expression} (from the {source}) is not allowed for {row.scope}: {POLICY}")


def stated(installed: Distribution) -> tuple[str | None, str]:
    """Return the license in SPDX's words with where it stands; or None, with what there is instead of it."""
    metadata = installed.metadata
    if "License-Expression" in metadata:
        written = metadata["License-Expression"]
        return spdx(written), "License-Expression" if spdx(written) else written
    classifiers = [each.split(" :: ") for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    leaves = [each[-1] for each in classifiers if each[-1] not in _NO_LICENSE]
    if len(leaves) == 1 and leaves[0] in CLASSIFIERS:
        return CLASSIFIERS[leaves[0]], "classifier"
    field = "".join(metadata.get_all("License", [])).strip().partition("\n")[0]
    if field and (expression := spdx(field)):
        return expression, "License field"
    return None, " | ".join([*leaves, *([field] if field else [])])


def spdx(written: str) -> str | None:
    """Return the expression in SPDX's spelling; None if it is none."""
    try:
        parsed = _SPDX.parse(written, validate=True)
    except ExpressionError:
        return None
    return str(parsed) if parsed is not None else None


def is_allowed(expression: Any, allowed: frozenset[str]) -> bool:
    """Tell whether the policy lets an expression through: of AND every part, of OR one that we may choose."""
    if isinstance(expression, _SPDX.AND):
        return all(is_allowed(part, allowed) for part in expression.args)
    if isinstance(expression, _SPDX.OR):
        return any(is_allowed(part, allowed) for part in expression.args)
    return str(expression) in allowed


def unneeded(policy: Policy, rows: list[Row]) -> list[str]:
    """Return a line for each statement and exception that the locks do not need, as far as they are installed here."""
    not_seen = {row.name for row in rows if row.verdict == NOT_CHECKED}
    stated_by_us = {row.name for row in rows if row.source.startswith(OUR_READING) or row.verdict == "unknown"}
    lines = [
        f"{POLICY}: the statement about {name} is not needed any more: take it out"
        for name in policy.statements
        if name not in stated_by_us | not_seen
    ]
    for scope, exceptions in policy.exceptions.items():
        needed = {row.name for row in rows if row.scope == scope and row.verdict in {"exception", "refused"}}
        lines += [
            f"{POLICY}: the exception for {name} ({scope}) is not needed any more: take it out"
            for name in exceptions
            if name not in needed | not_seen
        ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
