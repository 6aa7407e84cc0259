"""Whatever is dropped from a forge's file, renamed or weakened in it, the parity test notices.

Each mutation is a line of a table: what it does to the parsed file, and what is said of it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipeline.parity.files import COMMITTED, check, committed
from tests.pipeline.parity.form import Drift
from tests.pipeline.parity.github import ON

File = dict[Any, Any]
OTHER_POSTGRES = "postgres:16-trixie@sha256:" + 64 * "0"


def rows(ci: File, job: str = "test") -> list[dict[str, Any]]:
    """Return the matrix of one of GitHub's jobs."""
    found: list[dict[str, Any]] = ci["jobs"][job]["strategy"]["matrix"]["include"]
    return found


def row(ci: File, session: str, job: str = "test") -> dict[str, Any]:
    """Return what the matrix says of a session."""
    return next(row for row in rows(ci, job) if row["session"] == session)


def steps(ci: File, job: str = "test") -> list[dict[str, Any]]:
    """Return the steps of one of GitHub's jobs."""
    found: list[dict[str, Any]] = ci["jobs"][job]["steps"]
    return found


def step(ci: File, name: str, job: str = "test") -> dict[str, Any]:
    """Return the step of that name."""
    return next(step for step in steps(ci, job) if step["name"] == name)


def drop_job(ci: File, name: str) -> None:
    """Drop one of GitHub's jobs, and every need of it."""
    del ci["jobs"][name]
    for job in ci["jobs"].values():
        job["needs"] = [need for need in job.get("needs", ()) if need != name]


GITHUB: dict[str, tuple[Callable[[File], object], str]] = {
    "drop-a-session": (lambda ci: rows(ci, "quality").pop(0), "no job runs lint"),
    "drop-one-python-of-a-gate": (
        lambda ci: rows(ci).remove(row(ci, "unit-3.12")),
        "no job runs unit-3.12",
    ),
    "drop-a-stage": (
        lambda ci: drop_job(ci, "test"),
        "no job runs integration-3.11",
    ),
    "rename-a-session": (
        lambda ci: row(ci, "lint", "quality").update(session="lynt"),
        "a job runs lynt, which is no session",
    ),
    "run-a-session-twice": (lambda ci: rows(ci).append(row(ci, "unit-3.11")), "a session runs twice"),
    "run-another-python": (lambda ci: row(ci, "unit-3.12").update(python="3.11"), "unit-3.12: python is 3.11"),
    "lower-a-timeout": (
        lambda ci: row(ci, "integration-3.11").update(timeout_minutes=1),
        "integration-3.11: timeout_minutes is 1, not",
    ),
    "same-timeout-for-all": (
        lambda ci: ci["jobs"]["test"].update({"timeout-minutes": 5}),
        "test.timeout-minutes is 5, not",
    ),
    "swap-the-database-image": (
        lambda ci: row(ci, "integration-3.11").update(postgres=OTHER_POSTGRES),
        "the image postgres:16-trixie",
    ),
    "unpin-the-database-image": (
        lambda ci: row(ci, "integration-3.11").update(postgres="postgres:17-trixie"),
        "is not postgres:17-trixie with a digest",
    ),
    "drop-the-database": (
        lambda ci: row(ci, "integration-3.11").update(postgres=""),
        "integration-3.11: services is [], not [postgres]",
    ),
    "drop-the-database-of-all": (lambda ci: ci["jobs"]["test"].pop("services"), "test: services is missing"),
    "add-a-service": (
        lambda ci: ci["jobs"]["test"]["services"].update(redis={"image": "redis:8"}),
        "services: redis should not be there",
    ),
    "drop-an-artifact": (
        lambda ci: row(ci, "unit-3.11").update(artifacts=""),
        "unit-3.11: artifacts is [], not [reports/unit-",
    ),
    "let-missing-artifacts-pass": (
        lambda ci: step(ci, "Keep the reports")["with"].update({"if-no-files-found": "ignore"}),
        "if-no-files-found is 'ignore', not 'error'",
    ),
    "do-not-wait-for-the-stage-before": (lambda ci: ci["jobs"]["test"].pop("needs"), "unit-3.11: after is [], not ["),
    "never-run-a-job": (
        lambda ci: ci["jobs"]["quality"].update({"if": "false"}),
        "quality: if should not be there",
    ),
    "run-the-gate-on-main-only": (
        lambda ci: step(ci, "Run the gate").update({"if": "github.ref == 'refs/heads/main'"}),
        ": if should not be there",
    ),
    "continue-on-error-of-a-job": (
        lambda ci: ci["jobs"]["quality"].update({"continue-on-error": True}),
        "quality: continue-on-error should not be there",
    ),
    "continue-on-error-of-a-step": (
        lambda ci: step(ci, "Run the gate").update({"continue-on-error": True}),
        "continue-on-error should not be there",
    ),
    "replace-the-command": (lambda ci: step(ci, "Run the gate").update(run="true"), ".run is 'true', not 'uvx"),
    "swallow-the-commands-failure": (
        lambda ci: step(ci, "Run the gate").update(run=step(ci, "Run the gate")["run"] + " || true"),
        "|| true', not 'uvx",
    ),
    "run-another-session": (
        lambda ci: step(ci, "Run the gate")["env"].update(SESSION="lint"),
        ".env.SESSION is 'lint', not",
    ),
    "add-a-step": (lambda ci: steps(ci).insert(0, {"run": "echo"}), "test.steps is ["),
    "drop-a-step": (lambda ci: steps(ci).pop(), "test.steps is ["),
    "unpin-an-action": (
        lambda ci: step(ci, "Install uv").update(uses="astral-sh/setup-uv@v9"),
        "'astral-sh/setup-uv@v9', not 'astral-sh/setup-uv@ACTION'",
    ),
    "swap-an-action": (
        lambda ci: step(ci, "Check the code out").update(uses="other/checkout@" + 40 * "0"),
        "'other/checkout@ACTION', not 'actions/checkout@ACTION'",
    ),
    "keep-the-token-in-the-checkout": (
        lambda ci: step(ci, "Check the code out")["with"].pop("persist-credentials"),
        "persist-credentials is missing",
    ),
    "unlock-uv": (lambda ci: step(ci, "Install uv")["with"].update(version="latest"), ".version is 'latest', not"),
    "another-runner": (lambda ci: ci["jobs"]["quality"].update({"runs-on": "self-hosted"}), "runs-on is 'self-hosted'"),
    "cancel-the-others-on-a-failure": (
        lambda ci: ci["jobs"]["test"]["strategy"].update({"fail-fast": True}),
        "fail-fast is True, not False",
    ),
    "take-a-session-out-again": (
        lambda ci: ci["jobs"]["test"]["strategy"]["matrix"].update(exclude=[{"session": "unit-3.11"}]),
        "its matrix has ['exclude', 'include']",
    ),
    "add-a-permission": (
        lambda ci: ci["jobs"]["test"]["permissions"].update(contents="write"),
        "contents is 'write', not 'read'",
    ),
    "add-a-permission-for-all": (
        lambda ci: ci.update(permissions={"contents": "read"}),
        "contents should not be there",
    ),
    "drop-the-permissions-of-all": (lambda ci: ci.pop("permissions"), "permissions is missing"),
    "add-a-variable-for-all": (lambda ci: ci.update(env={"NOXSESSION": "lint"}), "env should not be there"),
    "drop-from-the-fan-in": (lambda ci: ci["jobs"]["ci"]["needs"].remove("quality"), "the job ci does not stand for ["),
    "skip-the-fan-in-on-a-failure": (lambda ci: ci["jobs"]["ci"].update({"if": "success()"}), "not 'always()'"),
    "fan-in-that-passes-anything": (
        lambda ci: steps(ci, "ci")[0]["with"].update({"allowed-failures": "quality"}),
        "allowed-failures should not be there",
    ),
    "drop-the-fan-in": (lambda ci: ci["jobs"].pop("ci"), "ci: name is missing"),
    "drop-findings": (
        lambda ci: ci["jobs"]["sarif"]["strategy"]["matrix"]["session"].clear(),
        ": findings is ",
    ),
    "drop-findings-from-the-fan-in": (lambda ci: ci["jobs"]["ci"]["needs"].remove("sarif"), "does not wait for sarif"),
    "drop-a-trigger": (lambda ci: ci[ON].pop("pull_request"), "runs on ['push'], not on"),
    "drop-a-branch-of-a-trigger": (
        lambda ci: ci[ON]["push"]["branches"].remove("develop"),
        "triggers are push: [feature/*, main], request: [develop, main], not",
    ),
    "add-a-trigger": (
        lambda ci: ci[ON].update(pull_request_target={}),
        "runs on ['pull_request', 'pull_request_target",
    ),
    "only-when-code-changes": (
        lambda ci: ci[ON]["pull_request"].update(paths=["payments/**"]),
        "a trigger has ['branches', 'paths']",
    ),
    "cancel-runs-of-branches": (
        lambda ci: ci["concurrency"].update(group="${{ github.ref }}"),
        "concurrency.group is '${{ github.ref }}'",
    ),
}

NIGHTLY: dict[str, tuple[Callable[[File], object], str]] = {
    "drop-a-session": (lambda nightly: rows(nightly, "nightly").pop(), "nightly"),
    "drop-the-schedule": (lambda nightly: nightly[ON].update(push=nightly[ON].pop("schedule")), "runs on ['push']"),
    "lower-a-timeout": (
        lambda nightly: rows(nightly, "nightly")[0].update(timeout_minutes=1),
        "timeout_minutes is 1, not",
    ),
    "replace-the-command": (
        lambda nightly: step(nightly, "Run the gate", "nightly").update(run="true"),
        ".run is 'true', not 'uvx",
    ),
    "drop-from-the-fan-in": (
        lambda nightly: nightly["jobs"]["ci"]["needs"].remove("nightly"),
        "does not stand for all of its gates",
    ),
}


def test_every_mutation_of_the_nightly_workflow_has_a_workflow_to_mutate() -> None:
    assert "nightly" in COMMITTED


GITLAB: dict[str, tuple[Callable[[File], object], str]] = {
    "drop-a-session": (lambda file: file.pop("lint"), "no job runs lint"),
    "drop-one-python-of-a-gate": (
        lambda file: file["unit"]["parallel"]["matrix"][0]["PYTHON"].remove("3.12"),
        "no job runs unit-3.12",
    ),
    "drop-all-pythons-of-a-gate": (
        lambda file: (
            file["unit"].pop("parallel"),
            file["unit"]["variables"].update(SESSION="unit-3.11", PYTHON="3.11"),
        ),
        "no job runs unit-3.12",
    ),
    "rename-a-session": (
        lambda file: file["lint"]["variables"].update(SESSION="lynt"),
        "a job runs lynt, which is no session",
    ),
    "hide-a-job": (lambda file: file.update({".lint": file.pop("lint")}), "no job runs lint"),
    "run-a-session-twice": (lambda file: file.update(more=file["lint"]), "a session runs twice"),
    "run-another-python": (lambda file: file["lint"]["variables"].update(PYTHON="3.14"), "lint: python is 3.14"),
    "lower-a-timeout": (lambda file: file["lint"].update(timeout="1 minutes"), "lint: timeout_minutes is 1, not"),
    "drop-a-timeout": (lambda file: file["lint"].pop("timeout"), "lint: its timeout is None"),
    "swap-the-database-image": (
        lambda file: file[".postgres"]["services"][0].update(name=OTHER_POSTGRES),
        "the image postgres:16-trixie",
    ),
    "unpin-the-database-image": (
        lambda file: file[".postgres"]["services"][0].update(name="postgres:17-trixie"),
        "is not postgres:17-trixie with a digest",
    ),
    "drop-the-database": (
        lambda file: file["integration"]["extends"].remove(".postgres"),
        "integration-3.11: services is [], not [postgres]",
    ),
    "use-another-database": (
        lambda file: file[".postgres"]["variables"].update(DATABASE_URL="postgresql://nowhere/none"),
        "DATABASE_URL is 'postgresql://nowhere/none'",
    ),
    "add-a-service": (
        lambda file: file["lint"].update(services=[{"name": file[".postgres"]["services"][0]["name"]}]),
        "lint: its services are",
    ),
    "drop-an-artifact": (
        lambda file: file["unit"]["artifacts"]["paths"].clear(),
        "unit.artifacts.reports: junit should not be there",
    ),
    "drop-a-report": (lambda file: file["unit"]["artifacts"]["reports"].pop("junit"), "reports: junit is missing"),
    "drop-findings": (
        lambda file: file["pipeline"]["extends"].remove(".sarif"),
        "pipeline.artifacts.reports: codequality should not be there",
    ),
    "drop-findings-and-their-report": (
        lambda file: (file["pipeline"]["extends"].remove(".sarif"), file["pipeline"]["artifacts"].pop("reports")),
        "pipeline: findings is False, not True",
    ),
    "swallow-findings": (
        lambda file: file[".sarif"].update(after_script=["true"]),
        "after_script should not be there",
    ),
    "keep-artifacts-of-successes-only": (
        lambda file: file[".gate"]["artifacts"].update(when="on_success"),
        "artifacts.when is 'on_success', not 'always'",
    ),
    "do-not-wait-for-the-stage-before": (lambda file: file["unit"].update(needs=[]), "unit: needs should not be there"),
    "move-to-an-earlier-stage": (lambda file: file["unit"].update(stage="quality"), "unit-3.11: after is [], not ["),
    "unknown-stage": (lambda file: file["unit"].update(stage="tests"), "unit: there is no stage tests"),
    "allow-failure": (lambda file: file["lint"].update(allow_failure=True), "lint: allow_failure should not be there"),
    "allow-failure-of-all": (
        lambda file: file[".gate"].update(allow_failure=True),
        "allow_failure should not be there",
    ),
    "make-a-job-manual": (lambda file: file["lint"].update(when="manual"), "lint: when should not be there"),
    "make-a-rule-manual": (
        lambda file: file[".gate"]["rules"][0].update(when="manual"),
        "lint: its rules are [{'if': '$CI_PIPELINE_SOURCE != \"schedule\"', 'when': 'manual'}]",
    ),
    "run-on-main-only": (
        lambda file: file["lint"].update(rules=[{"if": '$CI_COMMIT_BRANCH == "main"'}]),
        "lint: its rules are",
    ),
    "only-when-code-changes": (
        lambda file: file["lint"].update(rules=[{"changes": ["payments/**/*"]}]),
        "lint: its rules are",
    ),
    "drop-the-rules": (lambda file: file[".gate"].pop("rules"), "lint: its rules are None"),
    "replace-the-command": (lambda file: file["lint"].update(script=["true"]), "lint.script[0] is 'true', not 'uvx"),
    "swallow-the-commands-failure": (
        lambda file: file[".gate"].update(script=[file[".gate"]["script"][0] + " || true"]),
        "|| true', not 'uvx",
    ),
    "add-a-command": (lambda file: file[".gate"]["script"].insert(0, "echo"), "lint.script is ["),
    "add-a-command-after": (
        lambda file: file["lint"].update(after_script=["echo"]),
        "lint: after_script should not be there",
    ),
    "add-a-command-before": (
        lambda file: file["default"].update(before_script=["echo"]),
        "before_script should not be there",
    ),
    "swap-the-image": (lambda file: file["default"].update(image="python:3.13"), "default.image is 'python:3.13'"),
    "swap-the-image-of-one": (lambda file: file["lint"].update(image="python:3.13"), "lint: image should not be there"),
    "unlock-uv": (lambda file: file["variables"].update(UV_VERSION="latest"), "UV_VERSION is 'latest', not"),
    "add-a-variable-for-all": (
        lambda file: file["variables"].update(NOXSESSION="lint"),
        "variables: NOXSESSION should not",
    ),
    "add-a-variable": (lambda file: file["lint"]["variables"].update(NOXSESSION="unit"), "lint: its variables are"),
    "add-a-token": (
        lambda file: file["lint"].update(id_tokens={"TOKEN": {"aud": "anybody"}}),
        "lint: id_tokens should not be there",
    ),
    "drop-the-fan-in": (lambda file: file.pop("ci"), "ci: stage is missing"),
    "do-not-wait-in-the-fan-in": (lambda file: file["ci"].update(needs=["lint"]), "ci: needs should not be there"),
    "skip-the-fan-in": (lambda file: file["ci"].update(rules=[{"when": "never"}]), "ci: rules should not be there"),
    "fan-in-before-the-tests": (
        lambda file: file.update(stages=["quality", "ci", *file["stages"][1:-1]]),
        "the job ci does not stand for [",
    ),
    "drop-a-trigger": (
        lambda file: file["workflow"]["rules"].pop(0),
        "triggers are push: [develop, feature/*, main], not",
    ),
    "drop-a-branch-of-a-trigger": (
        lambda file: file["workflow"]["rules"][0].update(
            {"if": file["workflow"]["rules"][0]["if"].replace("main|develop", "main")}
        ),
        "request: [main], not",
    ),
    "drop-the-schedule": (lambda file: file["workflow"]["rules"].pop(), "there is no schedule"),
    "add-a-trigger": (
        lambda file: file["workflow"]["rules"].append({"if": '$CI_PIPELINE_SOURCE == "web"'}),
        "nothing is known of the rule",
    ),
    "cancel-pipelines-of-branches": (
        lambda file: file["workflow"]["rules"][1]["auto_cancel"].update(on_new_commit="interruptible"),
        "on_new_commit is 'interruptible', not 'none'",
    ),
    "take-jobs-from-elsewhere": (lambda file: file.update(include=["/other.yml"]), "should have no include"),
}


def noticed(name: str, mutate: Callable[[File], object]) -> str:
    """Return what is said of the committed files once one of them is mutated."""
    files = committed()
    mutate(files[name])
    with pytest.raises(Drift) as drift:
        check(files)
    return str(drift.value)


@pytest.mark.parametrize(("mutate", "said"), GITHUB.values(), ids=GITHUB)
def test_mutation_of_github_is_noticed(mutate: Callable[[File], object], said: str) -> None:
    assert said in noticed("ci", mutate)


@pytest.mark.parametrize(("mutate", "said"), NIGHTLY.values(), ids=NIGHTLY)
def test_mutation_of_githubs_night_is_noticed(mutate: Callable[[File], object], said: str) -> None:
    assert said in noticed("nightly", mutate)


@pytest.mark.parametrize(("mutate", "said"), GITLAB.values(), ids=GITLAB)
def test_mutation_of_gitlab_is_noticed(mutate: Callable[[File], object], said: str) -> None:
    assert said in noticed("gitlab", mutate)


def test_unmutated_files_pass() -> None:
    check(committed())
