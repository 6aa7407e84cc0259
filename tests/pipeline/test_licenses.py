"""The gate `licenses`: what is not allowed or not known fails, exceptions are for one license and only while needed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.pipeline.trees import Tree

pytestmark = pytest.mark.timeout(600)

POLICY = "pipeline/licenses.toml"
MIT = "Classifier: License :: OSI Approved :: MIT License"


@pytest.fixture
def tree(copy_of: Callable[..., Tree]) -> Tree:
    """Return a copy whose table is nobody else's."""
    return copy_of()


def install(tree: Tree, name: str, *metadata: str, lock: str = "production", pin: str = "") -> None:
    """Add a package to a lock of the copy, and its metadata to what the gate finds."""
    folder = tree.folder.parent / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (tree.folder / "requirements" / f"{lock}.txt").open("a", encoding="utf-8") as locked:
        locked.write(pin or f"{name}==1.0\n")


def run(tree: Tree) -> tuple[int, str]:
    """Run the gate, where the packages that a test has added are installed as well."""
    return tree.run("licenses", PYTHONPATH=str(tree.folder.parent / "site"))


def add_to_policy(tree: Tree, section: str, line: str) -> None:
    """Write a line under a heading of the policy."""
    tree.replace(POLICY, f"[{section}]\n", f"[{section}]\n{line}\n")


def row_of(tree: Tree, name: str) -> dict[str, Any]:
    """Return a package's row of the table."""
    table = json.loads((tree.folder / "reports" / "licenses.json").read_text(encoding="utf-8"))
    (row,) = [row for row in table["packages"] if row["name"] == name]
    return dict(row)


def test_the_locks_pass_and_make_a_table(tree: Tree) -> None:
    status, said = run(tree)

    assert status == 0, said
    assert row_of(tree, "psycopg") | {"version": "", "note": ""} == {
        "name": "psycopg",
        "version": "",
        "scope": "production",
        "license": "LGPL-3.0-only",
        "source": "License-Expression",
        "verdict": "exception",
        "note": "",
        "license_files": row_of(tree, "psycopg")["license_files"],
        "bundled_libraries": [],
    }
    assert row_of(tree, "psycopg")["license_files"] != []
    markdown = (tree.folder / "reports" / "licenses.md").read_text(encoding="utf-8")
    assert "| localstripe | " in markdown
    assert "| GPL-3.0-or-later | License-Expression | exception | " in markdown


def test_a_package_for_another_platform_is_named_and_not_judged(tree: Tree) -> None:
    install(tree, "elsewhere", pin="elsewhere==1.0 ; sys_platform == 'nowhere' \\\n    --hash=sha256:00\n")

    status, said = run(tree)

    assert status == 0, said
    assert 'not checked here: elsewhere 1.0, only where sys_platform == "nowhere"' in said
    assert row_of(tree, "elsewhere")["verdict"] == "not checked here"


def test_what_is_not_allowed_or_not_known_fails_by_name(tree: Tree) -> None:
    install(tree, "copyleft", "License-Expression: GPL-3.0-only")
    # Allowed for tools only; what is said first counts, and of AND every part.
    install(tree, "weak-copyleft", "License-Expression: MIT AND MPL-2.0", MIT)
    install(tree, "weak-tool", "License-Expression: MIT AND MPL-2.0", lock="docs")
    install(tree, "choice", "License-Expression: GPL-3.0-only OR MIT")
    install(tree, "silent")
    install(tree, "own-words", "License: Do what you like with it", lock="docs")
    install(tree, "no-license", "License-Expression: Made-Up-1.0", MIT)
    # Which of the BSD licenses?
    install(tree, "ambiguous", "Classifier: License :: OSI Approved :: BSD License")
    install(tree, "not-here", pin="never-installed==1.0\n")

    status, said = run(tree)

    problems = {line.partition(" ")[0]: line for line in said.splitlines() if " 1.0 (" in line}
    assert status == 1
    assert problems.keys() == {
        *("copyleft", "weak-copyleft", "silent", "own-words", "no-license", "ambiguous", "never-installed")
    }
    assert "GPL-3.0-only (from the License-Expression) is not allowed for production" in problems["copyleft"]
    assert "MIT AND MPL-2.0 (from the License-Expression) is not allowed" in problems["weak-copyleft"]
    assert all("unknown license" in problems[name] for name in ("silent", "own-words", "no-license", "ambiguous"))
    assert "in the lock, and not installed" in problems["never-installed"]


def test_exceptions_and_statements_are_for_what_they_name(tree: Tree) -> None:
    install(tree, "copyleft", "License-Expression: GPL-3.0-only")
    add_to_policy(tree, "exceptions.production", 'copyleft = { expression = "GPL-3.0-only", reason = "For a test" }')
    install(tree, "ambiguous", "License: BSD")
    add_to_policy(
        tree, "statements", 'ambiguous = { says = "BSD", expression = "0BSD OR MIT", reason = "its LICENSE" }'
    )
    excepted = run(tree)
    # Other words than those that the reviewer has seen.
    tree.replace(POLICY, 'copyleft = { expression = "GPL-3.0-only"', 'copyleft = { expression = "GPL-2.0-only"')
    tree.replace(POLICY, 'ambiguous = { says = "BSD"', 'ambiguous = { says = "BSD-like"')
    changed = run(tree)

    assert excepted[0] == 0, excepted[1]
    assert changed[0] == 1
    assert "copyleft 1.0 (production): GPL-3.0-only (from the License-Expression) is not allowed" in changed[1]
    assert "ambiguous 1.0 (production): says 'BSD' now, and not 'BSD-like'" in changed[1]


def test_what_the_policy_does_not_need_any_more_fails(tree: Tree) -> None:
    install(tree, "clear", "License-Expression: MIT")
    add_to_policy(tree, "exceptions.production", 'clear = { expression = "GPL-3.0-only", reason = "It was" }')
    add_to_policy(tree, "exceptions.tools", 'gone = { expression = "GPL-3.0-only", reason = "It was there" }')
    add_to_policy(tree, "statements", 'clear = { says = "BSD", expression = "MIT", reason = "its LICENSE" }')

    status, said = run(tree)

    assert status == 1
    assert "the exception for clear (production) is not needed any more" in said
    assert "the exception for gone (tools) is not needed any more" in said
    assert "the statement about clear is not needed any more" in said


@pytest.mark.parametrize(
    ("section", "line", "refused"),
    [
        ("exceptions.tools", 'some = { expression = "GPL-3.0-only", reason = "" }', "some needs expression, reason"),
        ("statements", 'some = { says = "BSD", expression = "BSD", reason = "Guessed" }', "some needs expression"),
    ],
)
def test_a_policy_without_reasons_is_none(tree: Tree, section: str, line: str, refused: str) -> None:
    add_to_policy(tree, section, line)

    status, said = run(tree)

    assert status == 1
    assert refused in said


def test_a_table_is_the_same_for_the_same_locks(tree: Tree) -> None:
    reports = [tree.folder / "reports" / f"licenses.{kind}" for kind in ("md", "json")]

    run(tree)
    first = [report.read_bytes() for report in reports]
    run(tree)

    assert [report.read_bytes() for report in reports] == first
