"""Jobs of both committed files, run on this machine: they come to the same outcome."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.forge_runners import jobs_on_github, jobs_on_gitlab, run_on_github, run_on_gitlab
from tests.pipeline.parity import gitlab
from tests.pipeline.parity.files import committed
from tests.pipeline.trees import ROOT, Tree

# The environments may have to be made first.
pytestmark = pytest.mark.timeout(1200)

SMALL_PROJECT = {
    "manage.py": '"""A program with nothing to do."""\n',
    "payments/__init__.py": '"""The domain."""\n',
    "payments/money.py": (
        '"""Amounts."""\n\n\ndef add(one: int, other: int) -> int:\n    """Return the sum."""\n    return one + other\n'
    ),
    "perf/__init__.py": '"""Measurements."""\n',
    "platform_site/__init__.py": '"""The site."""\n',
    "platform_site/settings.py": '"""What Django wants to know."""\n\nSECRET_KEY = "secret of the tests"\n',
    "tests/__init__.py": '"""Tests."""\n',
    "tests/unit/__init__.py": '"""Tests without a database."""\n',
    "tests/unit/test_money.py": (
        '"""Amounts."""\n\nfrom payments.money import add\n\n\n' "def test_sum() -> None:\n    assert add(1, 2) == 3\n"
    ),
}
# The layers of a project with two modules.
CONTRACT = """
[[tool.importlinter.contracts]]
name = "The domain does not know the site"
type = "layers"
layers = ["platform_site", "payments"]
"""
SESSIONS = ("lint", "unit-3.11")


@pytest.fixture
def small_project(copy_of: Callable[..., Tree]) -> Tree:
    """Return the committed files of both forges, and all that their gates need, over very little code."""
    tree = copy_of(".flake8", ".github", ".gitignore", ".gitlab-ci.yml")
    for path, text in SMALL_PROJECT.items():
        tree.plant(path, text)
    for module in set(tree.folder.glob("pipeline/**/*.py")) - modules_for_nox(tree.folder):
        module.unlink()
    pyproject = (tree.folder / "pyproject.toml").read_text(encoding="utf-8")
    contracts = r"\n\[\[tool\.importlinter\.contracts\]\]\n.*?(?=\n\[|\Z)"
    tree.plant("pyproject.toml", re.sub(contracts, "", pyproject, flags=re.DOTALL) + CONTRACT)
    tree.commit("Two modules")
    # The gates of the copy use the environments of the project.
    (ROOT / ".nox").mkdir(exist_ok=True)
    (tree.folder / ".nox").symlink_to(ROOT / ".nox")
    return tree


def modules_for_nox(folder: Path) -> set[Path]:
    """Return the modules of `pipeline` without which nox, or what runs gitlab-ci-local, does not start."""
    found = {folder / "pipeline/__init__.py"}
    wanted = {folder / "noxfile.py", folder / "pipeline/node.py"}
    while wanted:
        path = wanted.pop()
        found.add(path)
        imported = re.findall(r"^from pipeline\.(\w+) import", path.read_text(encoding="utf-8"), re.MULTILINE)
        wanted |= {folder / f"pipeline/{name}.py" for name in imported} - found
    return found


@pytest.mark.parametrize(
    ("path", "old", "new", "outcomes"),
    [
        pytest.param(None, "", "", {"lint": "passed", "unit-3.11": "passed"}, id="good"),
        pytest.param("payments/money.py", "one + other", "one+other", {"lint": "failed"}, id="unformatted"),
        pytest.param(
            "payments/money.py",
            "one + other",
            "one - other",
            {"lint": "passed", "unit-3.11": "failed"},
            id="wrong",
        ),
    ],
)
def test_both_forges_come_to_the_same_outcome(
    small_project: Tree, path: str | None, old: str, new: str, outcomes: dict[str, str]
) -> None:
    if path:
        small_project.replace(path, old, new)
        small_project.commit("A defect")

    on_github, on_gitlab = run_on_github(small_project, *SESSIONS), run_on_gitlab(small_project, *SESSIONS)

    # A stage is not begun after one that failed.
    assert on_github == on_gitlab == outcomes


def test_both_runners_see_every_job(small_project: Tree) -> None:
    files = committed()

    jobs = {name for workflow in ("ci", "nightly") if workflow in files for name in files[workflow]["jobs"]}
    assert jobs_on_github(small_project) == jobs
    seen = jobs_on_gitlab(small_project)
    sessions = {re.sub(r"-(3\.\d+)$", r": [\1]", session) for session in gitlab.read(files["gitlab"]).jobs}
    assert seen.keys() == sessions | {"ci"}
    assert {(job["when"], job["allow_failure"]) for job in seen.values()} == {("on_success", False)}


def test_missing_rsync_is_named_with_the_way_to_get_it(
    small_project: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GITLAB_CI", raising=False)

    with pytest.raises(pytest.fail.Exception, match="apt-get install --yes rsync"):
        run_on_gitlab(small_project, *SESSIONS)
