"""What may be run beside the platform, and not become a part of it."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
POLICY = tomllib.loads((ROOT / "pipeline" / "licenses.toml").read_text(encoding="utf-8"))
# Tools under the GPL or the LGPL; a package's modules are called as it is.
NEVER_IMPORTED = {
    name.replace("-", "_") for name, entry in POLICY["exceptions"]["tools"].items() if "GPL" in entry["expression"]
}
# It compares lines as pylint does, in the gate `lint`, in pylint's own environment.
BESIDE_PYLINT = ROOT / "pipeline" / "duplicates.py"
FOLDERS = ("payments", "perf", "pipeline", "platform_site", "tests")
SOURCES = [ROOT / "noxfile.py", *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_policy_names_what_is_not_imported() -> None:
    assert {"localstripe", "yamllint"} <= NEVER_IMPORTED


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_what_is_under_another_license(path: Path) -> None:
    allowed = {"pylint"} if path == BESIDE_PYLINT else set()
    assert imported(path).isdisjoint(NEVER_IMPORTED - allowed)
