"""act and gitlab-ci-local: what runs a forge's jobs on this machine, from the committed files."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pipeline.catalogue import find_python
from tests.pipeline.trees import ROOT, Tree, inherited_environment

TIME_LIMIT_SECONDS = 400
# The Python of the jobs `lint` and `unit-3.11`.
PYTHON = "3.11"
# What the steps beside the gate itself need GitHub for: here they do nothing, and succeed.
STAND_IN = """\
name: stand-in
description: Stands for an action where there is no network.
runs:
  using: composite
  steps:
    - run: "true"
      shell: sh
"""


def run_on_github(tree: Tree, *sessions: str) -> dict[str, str]:
    """Run the sessions' jobs of .github/workflows/ci.yml with act; return `passed` or `failed` of each that ran."""
    output = _act(
        tree,
        *("push", "--json", "--workflows", ".github/workflows/ci.yml", "--job", "test"),
        *(argument for session in sessions for argument in ("--matrix", f"session:{session}")),
    )
    said = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    outcomes = {
        one["matrix"]["session"]: "passed" if one["jobResult"] == "success" else "failed"
        for one in said
        if "jobResult" in one
    }
    assert outcomes, output
    return outcomes


def jobs_on_github(tree: Tree) -> set[str]:
    """Return the ids of the jobs that act sees."""
    lines = [line.split() for line in _act(tree, "--list").splitlines()]
    # Each line begins with the number of the job's stage and the job's id.
    return {words[1] for words in lines if len(words) > 2 and words[0].isdecimal()}


def run_on_gitlab(tree: Tree, *sessions: str) -> dict[str, str]:
    """Run the sessions' jobs of .gitlab-ci.yml with gitlab-ci-local; return `passed` or `failed` of each that ran."""
    names = [re.sub(r"-(3\.\d+)$", r": [\1]", session) for session in sessions]
    output = _gitlab_ci_local(tree, "--force-shell-executor", *names)
    verdicts = re.findall(r"^ (PASS|FAIL) +(\w+)(?:: \[(3\.\d+)\])?", output, re.MULTILINE)
    outcomes = {
        "-".join(filter(None, (gate, python))): "passed" if verdict == "PASS" else "failed"
        for verdict, gate, python in verdicts
    }
    assert outcomes, output
    return outcomes


def jobs_on_gitlab(tree: Tree) -> dict[str, dict[str, object]]:
    """Return what gitlab-ci-local says of each job that it sees, by name."""
    output = _gitlab_ci_local(tree, "--list-json")
    assert "\n[\n" in output, output
    listed, _ = json.JSONDecoder().raw_decode(output[output.index("\n[\n") + 1 :])
    return {job["name"]: job for job in listed}


def _act(tree: Tree, *arguments: str) -> str:
    return _run(
        *(tree, "act", "--platform", "ubuntu-latest=-self-hosted"),
        *("--no-cache-server", f"--action-cache-path={tree.folder.with_name('act')}"),
        *_stand_ins(tree),
        *arguments,
    )


def _stand_ins(tree: Tree) -> Iterator[str]:
    """Yield the options that put a folder in the place of each action; checkout is a part of act."""
    folder = tree.folder.with_name("action")
    folder.mkdir(exist_ok=True)
    (folder / "action.yml").write_text(STAND_IN, encoding="utf-8")
    for workflow in sorted(tree.folder.glob(".github/workflows/*.yml")):
        for action, commit in re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@(\w+)", workflow.read_text(encoding="utf-8")):
            if action != "actions/checkout":
                yield f"--local-repository={action}@{commit}={folder}"


def _gitlab_ci_local(tree: Tree, *arguments: str) -> str:
    if shutil.which("rsync") is None:
        if "GITLAB_CI" in os.environ:
            pytest.skip("the image of GitLab's jobs has no rsync; GitHub's machines and .ci/run run this")
        pytest.fail("gitlab-ci-local copies artifacts with rsync, which is not there: apt-get install --yes rsync")
    home = f"--home={tree.folder.with_name('gitlab')}"
    return _run(tree, "python", "-m", "pipeline.node", "gitlab-ci-local", home, *arguments)


def _run(tree: Tree, *command: str) -> str:
    """Run a program of the lock `checks` in the tree, for a limited time; return its output."""
    if find_python(PYTHON) is None:
        # On the forges the jobs for the other Pythons have only their own.
        pytest.skip(f"there is no Python {PYTHON} on this machine")
    nox = (sys.executable, "-m", "nox", "--noxfile", "tests/pipeline/programs.py", "--envdir", str(ROOT / ".nox"))
    with subprocess.Popen(
        [*nox, "--session", "checks", "--", str(tree.folder), *command],
        cwd=ROOT,
        env=inherited_environment() | {"NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=TIME_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            pytest.fail(f"{' '.join(command)} was not done after {TIME_LIMIT_SECONDS} seconds:\n{output}")
    return output
