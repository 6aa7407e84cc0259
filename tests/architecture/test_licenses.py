"""What may be run beside the platform, and not become a part of it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Under the GPL.
NEVER_IMPORTED = {"localstripe"}
SOURCES = sorted(path for folder in ("payments", "platform_site", "tests") for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_what_is_under_another_license(path: Path) -> None:
    assert imported(path).isdisjoint(NEVER_IMPORTED)
