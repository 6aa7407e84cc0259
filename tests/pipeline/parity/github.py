"""Reads .github/workflows/ci.yml and nightly.yml."""

import re
from dataclasses import replace
from typing import Any

import yaml

from tests.pipeline.parity.form import Drift, Job, Pipeline, job_differences, locked_uv, same, service_of
from tests.pipeline.trees import ROOT

# YAML 1.1 takes the key `on` for a boolean.
ON = True
TEMPLATE = yaml.safe_load((ROOT / "tests/pipeline/parity/github.yml").read_text(encoding="utf-8"))
CHECKOUT_DEPTHS = {0: True, 1: False}


def read(ci: dict[Any, Any], nightly: dict[Any, Any] | None) -> Pipeline:
    """Return what both workflows run; Drift is raised where something is not as it has to be."""
    _check_workflow("ci.yml", ci, "ci", {"push", "pull_request"})
    jobs, fan_in = _read_jobs("ci.yml", ci["jobs"])
    if nightly is not None:
        _check_workflow("nightly.yml", nightly, "nightly", {"schedule"})
        nightly_jobs, nightly_fan_in = _read_jobs("nightly.yml", nightly["jobs"])
        if nightly_fan_in != nightly_jobs.keys():
            raise Drift("nightly.yml: its job ci does not stand for all of its gates")
        for session, job in nightly_jobs.items():
            if session not in jobs:
                raise Drift(f"nightly.yml: {session} is in no other workflow")
            if lines := job_differences(job, replace(jobs[session], after=frozenset())):
                raise Drift(f"nightly.yml: {', '.join(lines)}, as in ci.yml")
            jobs[session] = replace(jobs[session], nightly=True)
    return Pipeline(
        jobs=jobs,
        triggers={
            "push": _branches(ci[ON]["push"]),
            "request": _branches(ci[ON]["pull_request"]),
        },
        fan_in=fan_in,
    )


def _check_workflow(name: str, workflow: dict[Any, Any], kind: str, events: set[str]) -> None:
    same(
        name,
        {key: value for key, value in workflow.items() if key not in ("name", ON, "jobs")},
        TEMPLATE["workflow"] | TEMPLATE[kind],
    )
    if workflow[ON].keys() != events:
        raise Drift(f"{name} runs on {sorted(workflow[ON])}, not on {sorted(events)}")


def _branches(event: dict[str, Any]) -> frozenset[str]:
    if event.keys() != {"branches"}:
        raise Drift(f"ci.yml: a trigger has {sorted(event)}, not only branches")
    return frozenset(event["branches"])


def _read_jobs(name: str, jobs: dict[str, Any]) -> tuple[dict[str, Job], frozenset[str]]:
    """Return the jobs by session, and the sessions that `ci` waits for."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for job_name, job in jobs.items():
        if job_name not in ("sarif", "ci"):
            rows[job_name] = _rows(f"{name}: {job_name}", job)
    made = {
        row["session"]: _job(f"{name}: {job_name}", row, _after(job_name, jobs, rows))
        for job_name, found in rows.items()
        for row in found
    }
    if len(made) != sum(map(len, rows.values())):
        raise Drift(f"{name}: a session runs twice")
    if "sarif" in jobs:
        findings = _matrix(f"{name}: sarif", jobs["sarif"], "sarif")["session"]
        if not set(findings) <= {row["session"] for need in jobs["sarif"]["needs"] for row in rows[need]}:
            raise Drift(f"{name}: sarif does not wait for all whose findings it shows")
        made |= {session: replace(made[session], findings=True) for session in findings}
    same(f"{name}: ci", _masked(_without(jobs.get("ci", {}), "needs")), TEMPLATE["jobs"]["ci"])
    if "sarif" in jobs and "sarif" not in jobs["ci"]["needs"]:
        raise Drift(f"{name}: ci does not wait for sarif")
    fan_in = frozenset(row["session"] for need in jobs["ci"]["needs"] for row in rows.get(need, []))
    return made, fan_in


def _rows(what: str, job: dict[str, Any]) -> list[dict[str, Any]]:
    matrix = _matrix(what, job, "gate")
    if matrix.keys() != {"include"}:
        raise Drift(f"{what}: its matrix has {sorted(matrix)}, not only include")
    return list(matrix["include"])


def _matrix(what: str, job: dict[str, Any], template: str) -> dict[str, Any]:
    """Return the matrix of a job that is in all else what the template says."""
    same(what, _masked(_without(job, "needs", "strategy")), TEMPLATE["jobs"][template])
    same(f"{what}.strategy", _without(job["strategy"], "matrix"), {"fail-fast": False})
    return dict(job["strategy"]["matrix"])


def _job(what: str, row: dict[str, Any], after: frozenset[str]) -> Job:
    if row.keys() != {"session", "python", "timeout_minutes", "fetch_depth", "postgres", "artifacts"}:
        raise Drift(f"{what}: {row.get('session')} has {sorted(row)} in the matrix")
    if row["fetch_depth"] not in CHECKOUT_DEPTHS:
        raise Drift(f"{what}: {row['session']} checks {row['fetch_depth']} commits out")
    return Job(
        session=row["session"],
        python=row["python"],
        timeout_minutes=row["timeout_minutes"],
        services=frozenset({service_of(row["postgres"])} if row["postgres"] else ()),
        artifacts=frozenset(row["artifacts"].splitlines()),
        after=after,
        findings=False,
        history=CHECKOUT_DEPTHS[row["fetch_depth"]],
        nightly=False,
    )


def _after(job_name: str, jobs: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> frozenset[str]:
    """Return the sessions of all jobs that the job needs, however far back."""
    before: set[str] = set()
    for need in jobs[job_name].get("needs", ()):
        if need not in rows:
            raise Drift(f"{job_name} needs {need}, which runs no gate")
        before |= {row["session"] for row in rows[need]} | _after(need, jobs, rows)
    return frozenset(before)


def _without(job: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name not in names}


def _masked(value: Any) -> Any:
    """Return the job with ACTION for each commit and UV for the locked version, as the template has it."""
    match value:
        case dict():
            masked = {name: _masked(one) for name, one in value.items()}
            if "uses" in masked:
                masked["uses"] = re.sub(r"@[0-9a-f]{40}$", "@ACTION", masked["uses"])
            if masked.get("version") == locked_uv():
                masked["version"] = "UV"
            return masked
        case list():
            return [_masked(one) for one in value]
        case _:
            return value
