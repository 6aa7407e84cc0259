"""The table of licenses, for reviewers who do not read the code: as Markdown, and the same as JSON."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import Distribution
from pathlib import Path
from typing import Self

from packaging.markers import default_environment

NOT_CHECKED = "not checked here"
_PROBLEMS = {"missing", "unknown", "refused"}
# LICENSE, COPYING.rst, THIRD_PARTY_NOTICES.md, redoc.standalone.js.LICENSE.txt: text, and no code about licenses.
_LICENSE_TEXT = re.compile(r".*(licen[cs]e|copying|notice)s?([.-](txt|md|rst|apache|bsd|mit))?", re.IGNORECASE)
_CELL_MAX = 4
_HEAD = """\
# Licenses of the Python packages

*production* is distributed with the platform; *tools* build and test it, and stay behind. A package of both is under
*production*. The source says where the license stands: `License-Expression`, `classifier` and `License field` are the
package's own metadata; *our reading* is an engineer's, of what is named with it, and no lawyer's.

Verdicts: *allowed* by the policy, pipeline/licenses.toml; *exception* where the policy takes a package all the same,
for the reason beside it; *refused*, *unknown* and *missing* (not installed as locked) fail the gate; *not checked here*
are packages of other platforms, whose metadata this machine does not have.

What this is not: a review of license texts. A package may bring along parts with licenses of their own. Its license
files are named for that, and the shared libraries that lie beside its modules; what is linked into a module or packed
into a script is not seen. Python itself, the packages of the system and those of npm are not in the locks.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One package of the locks. `verdict` is allowed, exception, refused, unknown, missing, or not checked here."""

    name: str
    version: str
    scope: str
    license: str = ""
    source: str = ""
    verdict: str = ""
    note: str = ""
    license_files: tuple[str, ...] = ()
    bundled_libraries: tuple[str, ...] = ()

    @property
    def is_problem(self) -> bool:
        """Tell whether the gate fails for it."""
        return self.verdict in _PROBLEMS

    def with_verdict(self, verdict: str, note: str) -> Self:
        """Return the row with what comes of it, and why."""
        return replace(self, verdict=verdict, note=note)

    def with_license(self, expression: str, source: str) -> Self:
        """Return the row with the license, and where it stands."""
        return replace(self, license=expression, source=source)

    def with_contents(self, installed: Distribution) -> Self:
        """Return the row with the files that a reviewer looks for."""
        paths = installed.files or []
        texts = [path for path in paths if _LICENSE_TEXT.fullmatch(path.name)]
        # Where auditwheel puts what a compiled module needs.
        libraries = [path.name for path in paths if path.parts[0].endswith(".libs")]
        return replace(
            self,
            license_files=tuple(sorted(map(str, texts))),
            bundled_libraries=tuple(sorted(libraries)),
        )


def write_table(path: Path, rows: Sequence[Row], *, locks: Sequence[Path]) -> None:
    """Write PATH.md and PATH.json; the same locks on the same platform make the same bytes."""
    rows = sorted(rows, key=lambda row: (row.scope, row.name, row.version))
    environment = default_environment()
    made_on = {
        "sys_platform": environment["sys_platform"],
        "platform_machine": environment["platform_machine"],
        "python_version": environment["python_version"],
    }
    digests = {lock.name: hashlib.sha256(lock.read_bytes()).hexdigest() for lock in locks}
    document = {"made_on": made_on, "locks": digests, "packages": [asdict(row) for row in rows]}
    path.with_suffix(".json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    counts = Counter((row.scope, row.verdict) for row in rows)
    lines = [
        _HEAD,
        f"Made on {', '.join(made_on.values())}, from the locks with these SHA-256 sums:",
        "",
        *(f"- `{name}` {digest}" for name, digest in digests.items()),
        "",
        *_table(("Scope", "Verdict", "Packages"), [(*key, str(count)) for key, count in sorted(counts.items())]),
        "",
        *_table(
            ("Package", "Version", "Scope", "License", "Source", "Verdict", "Why", "License files", "Brings along"),
            [tuple(_as_text(value) for value in asdict(row).values()) for row in rows],
        ),
        "",
    ]
    path.with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")


def _as_text(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return value
    more = [f"and {len(value) - _CELL_MAX} more in the JSON"] if len(value) > _CELL_MAX else []
    return ", ".join([*value[:_CELL_MAX], *more])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *escaped)]
