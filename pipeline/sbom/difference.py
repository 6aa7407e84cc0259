"""What changed in the bill of materials since a git revision or an earlier document, for people to read."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from pipeline.locks import read_lock
from pipeline.sbom.cyclonedx import PLATFORM
from pipeline.sbom.licenses import expression_of
from pipeline.sbom.spdx import hashes_of

# A lock has no licenses, and what it named need not be installed any more.
UNKNOWN = "unknown here"


class BaseError(Exception):
    """There is nothing under that name to compare with."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component as it is compared."""

    version: str
    license: str
    hashes: frozenset[str]


Components = dict[str, Component]


def read_base(base: str, lock_file: str) -> Components:
    """Return the components of an earlier CycloneDX file, or else of the lock as it is in a git revision."""
    if Path(base).is_file():
        try:
            return components_of(json.loads(Path(base).read_text(encoding="utf-8")))
        except (ValueError, KeyError) as error:
            raise BaseError(f"{base} is not a CycloneDX document: {error}") from error
    command = ["git", "show", f"{base}:{lock_file}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BaseError(f"--diff {base}: no such file, and no revision with {lock_file}: {ended.stderr.strip()}")
    return {
        package.name: Component(
            version=package.version,
            license=UNKNOWN,
            hashes=frozenset(value.removeprefix("sha256:") for value in package.hashes),
        )
        for package in read_lock(ended.stdout)
        if package.applies_to(PLATFORM)
    }


def components_of(document: dict[str, Any]) -> Components:
    """Return the components of a CycloneDX document by normalized name."""
    return {
        canonicalize_name(each["name"]): Component(
            version=each["version"],
            license=expression_of(each.get("licenses", [])) or "none stated",
            hashes=frozenset(hashes_of(each)),
        )
        for each in document["components"]
    }


def describe_difference(before: Components, now: Components, *, base: str) -> str:
    """Return the difference as a text: a line each for what is added, removed or changed, and how many there are."""
    before = {name: _with_known_license(component, now.get(name)) for name, component in before.items()}
    added = [(name, now[name].version, now[name].license) for name in sorted(now.keys() - before.keys())]
    removed = [(name, before[name].version, before[name].license) for name in sorted(before.keys() - now.keys())]
    changed = [
        (name, *_change(before[name], now[name]))
        for name in sorted(before.keys() & now.keys())
        if before[name] != now[name]
    ]
    summary = f"Components since {base}: {len(added)} added, {len(removed)} removed, {len(changed)} changed"
    kinds = (("added", added), ("removed", removed), ("changed", changed))
    return "\n".join(
        [f"{summary}, {len(now)} in all.", *_table([(kind, *row) for kind, rows in kinds for row in rows])]
    )


def _with_known_license(before: Component, now: Component | None) -> Component:
    """Return an earlier component with the license of the same files, which cannot have changed."""
    if before.license == UNKNOWN and now and (before.version, before.hashes) == (now.version, now.hashes):
        return now
    return before


def _change(before: Component, now: Component) -> tuple[str, str]:
    version = now.version if before.version == now.version else f"{before.version} -> {now.version}"
    license_text = now.license if before.license == now.license else f"{before.license} -> {now.license}"
    # The same version with other files is rare, and the mark of a package that was replaced.
    if before.version == now.version and before.hashes != now.hashes:
        license_text += f"; files: {len(now.hashes - before.hashes)} new, {len(before.hashes - now.hashes)} gone"
    return version, license_text


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
