"""Both forges run exactly the sessions that nox lists, each in the way that the catalogue says."""

import json
import subprocess
import sys

from pipeline.branch_rules.__main__ import BRANCHES
from pipeline.branch_rules.github import CHECK
from tests.pipeline.parity import github, gitlab
from tests.pipeline.parity.files import check, committed
from tests.pipeline.parity.form import catalogue
from tests.pipeline.trees import ROOT


def sessions_of_nox() -> set[str]:
    """Return the names that `nox --list --json` says."""
    command = [sys.executable, "-m", "nox", "--list", "--json"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {session["session"] for session in json.loads(listed)}


def test_both_forges_run_what_the_catalogue_says() -> None:
    check(committed())


def test_both_forges_run_the_sessions_that_nox_lists() -> None:
    files, listed = committed(), sessions_of_nox()

    assert github.read(files["ci"], files.get("nightly")).jobs.keys() == listed
    assert gitlab.read(files["gitlab"]).jobs.keys() == listed


def test_both_forges_run_the_same_jobs() -> None:
    files = committed()
    on_github, on_gitlab = github.read(files["ci"], files.get("nightly")), gitlab.read(files["gitlab"])

    assert on_github.jobs == on_gitlab.jobs
    assert on_github.triggers == on_gitlab.triggers
    assert on_github.fan_in == on_gitlab.fan_in == on_github.jobs.keys()


def test_required_check_is_the_fan_in_and_runs_for_every_protected_branch() -> None:
    assert committed()["ci"]["jobs"][CHECK]["name"] == CHECK
    assert catalogue().triggers["request"] == set(BRANCHES)
