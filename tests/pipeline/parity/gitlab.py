"""Reads .gitlab-ci.yml."""

import re
from fnmatch import fnmatch
from typing import Any

import yaml

from tests.pipeline.parity.form import Drift, Job, Pipeline, locked_uv, same, service_of
from tests.pipeline.trees import ROOT

TEMPLATE = yaml.safe_load((ROOT / "tests/pipeline/parity/gitlab.yml").read_text(encoding="utf-8"))
NOT_JOBS = {"stages", "workflow", "variables", "default"}
# What GitLab takes for all jobs as well, and what stands for none here.
KEYWORDS = {"after_script", "before_script", "cache", "image", "include", "pages", "services", "spec"}
TRIGGERS = {
    "push": r'\$CI_PIPELINE_SOURCE == "push" && \$CI_COMMIT_BRANCH =~ /\^\((.+)\)\$/',
    "request": (
        r'\$CI_PIPELINE_SOURCE == "merge_request_event" && \$CI_MERGE_REQUEST_TARGET_BRANCH_NAME =~ /\^\((.+)\)\$/'
    ),
    "schedule": r'\$CI_PIPELINE_SOURCE == "schedule"',
}
# A newer pipeline ends this one: for requests only.
CANCELS = {"push": "none", "request": "interruptible", "schedule": "none"}
# What GitLab shows of a session's artifacts, by the end of the file's name.
REPORTS = {"junit": "-junit.xml", "coverage_report": "-coverage.xml", "cyclonedx": ".cdx.json"}


def read(config: dict[str, Any]) -> Pipeline:
    """Return what the pipeline runs; Drift is raised where something is not as it has to be."""
    same("variables", config.get("variables"), {"UV_VERSION": locked_uv()})
    same("default", config.get("default"), TEMPLATE["default"])
    same("ci", config.get("ci", {}), TEMPLATE["ci"])
    if unknown := KEYWORDS & config.keys():
        raise Drift(f"the file as a whole should have no {', '.join(sorted(unknown))}")
    resolved = {
        name: _resolved(name, config) for name in config if name not in {*NOT_JOBS, "ci"} and not name.startswith(".")
    }
    stage_of = {name: _place(name, job, config["stages"]) for name, job in resolved.items()}
    sessions: dict[str, list[Job]] = {}
    for name in sorted(resolved, key=lambda name: stage_of[name]):
        after = frozenset(
            job.session for other, jobs in sessions.items() if stage_of[other] < stage_of[name] for job in jobs
        )
        sessions[name] = _jobs(name, resolved[name], after)
    jobs = [job for made in sessions.values() for job in made]
    if len({job.session for job in jobs}) != len(jobs):
        raise Drift("a session runs twice")
    last = config["stages"].index("ci")
    return Pipeline(
        jobs={job.session: job for job in jobs},
        triggers=_triggers(config["workflow"]),
        fan_in=frozenset(job.session for name, made in sessions.items() if stage_of[name] < last for job in made),
    )


def _resolved(name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return a job with all that it extends: mappings are merged, and of everything else the last one counts."""
    job = dict(config[name])
    merged: dict[str, Any] = {}
    for base in job.pop("extends", ()):
        merged = _merged(merged, _resolved(base, config))
    return _merged(merged, job)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = below | above
    for name in below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            merged[name] = _merged(below[name], above[name])
    return merged


def _place(name: str, job: dict[str, Any], stages: list[str]) -> int:
    if job.get("stage") not in stages:
        raise Drift(f"{name}: there is no stage {job.get('stage')}")
    return stages.index(job["stage"])


def _jobs(name: str, job: dict[str, Any], after: frozenset[str]) -> list[Job]:
    """Return the jobs that GitLab makes of this one: one, or one for each Python."""
    body = {key: value for key, value in job.items() if key not in ("stage", "timeout", "variables", "services")}
    rules = body.pop("rules", None)
    if rules not in TEMPLATE["rules"].values():
        raise Drift(f"{name}: its rules are {rules}")
    parallel = body.pop("parallel", None)
    findings = body.get("after_script") == TEMPLATE["findings"]
    if findings:
        del body["after_script"]
    artifacts = dict(body.get("artifacts", {}))
    paths, reports = artifacts.pop("paths", []), artifacts.pop("reports", {})
    same(name, body | {"artifacts": artifacts}, TEMPLATE["gate"])
    services = [service_of(service["name"]) for service in job.get("services", ())]
    variables = _variables(name, job, services)
    made = []
    for python in _pythons(name, parallel, variables):
        session = variables["SESSION"].replace("$PYTHON", python)
        same(f"{name}.artifacts.reports", _shown(reports), _reports(session, paths, findings))
        made.append(
            Job(
                session=session,
                python=python,
                timeout_minutes=_minutes(name, job),
                services=frozenset(services),
                artifacts=frozenset(paths),
                after=after,
                findings=findings,
                history=variables.get("GIT_DEPTH") == "0",
                nightly=rules == TEMPLATE["rules"]["nightly"],
            )
        )
    return made


def _variables(name: str, job: dict[str, Any], services: list[str]) -> dict[str, str]:
    """Return the gate's own variables; those of its database are as they have to be."""
    variables = dict(job.get("variables", {}))
    if job.get("services") and [service.keys() - {"name"} for service in job["services"]] != [{"alias"}]:
        raise Drift(f"{name}: its services are {job['services']}")
    if services and job["services"][0]["alias"] != "postgres":
        raise Drift(f"{name}: its database is called {job['services'][0]['alias']}")
    database = {key: variables.pop(key) for key in TEMPLATE["postgres"] if key in variables}
    same(f"{name}.variables", database, TEMPLATE["postgres"] if services else {})
    if not {"SESSION"} <= variables.keys() <= {"SESSION", "PYTHON", "GIT_DEPTH"}:
        raise Drift(f"{name}: its variables are {sorted(variables)}")
    return variables


def _pythons(name: str, parallel: Any, variables: dict[str, str]) -> list[str]:
    if parallel is None:
        return [variables["PYTHON"]]
    match parallel:
        case {"matrix": [{"PYTHON": [*pythons], **more}], **others} if not more and not others:
            return pythons
        case _:
            raise Drift(f"{name}: its matrix is {parallel}")


def _minutes(name: str, job: dict[str, Any]) -> int:
    found = re.fullmatch(r"(\d+) minutes", job.get("timeout", ""))
    if not found:
        raise Drift(f"{name}: its timeout is {job.get('timeout')}")
    return int(found[1])


def _shown(reports: dict[str, Any]) -> dict[str, Any]:
    """Return the reports with the pattern alone where GitLab takes it with a format."""
    shown = dict(reports)
    match shown.get("coverage_report"):
        case {"coverage_format": "cobertura", "path": path, **more} if not more:
            shown["coverage_report"] = path
    return shown


def _reports(session: str, paths: list[str], findings: bool) -> dict[str, str]:
    """Return what GitLab has to show of a session's artifacts: those that it has a page for."""
    gate, dash, _ = session.partition("-")
    made_of_findings = {"codequality": f"reports/{session}-code-quality.json"} if findings else {}
    return made_of_findings | {
        kind: f"reports/{gate}{dash}{'*' if dash else ''}{ending}"
        for kind, ending in REPORTS.items()
        if any(fnmatch(f"reports/{session}{ending}", path) for path in paths)
    }


def _triggers(workflow: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Return the branches of each trigger; the nightly one belongs to the jobs."""
    same("workflow", {key: value for key, value in workflow.items() if key != "rules"}, {})
    found: dict[str, frozenset[str]] = {}
    for rule in workflow["rules"]:
        name, matched = _trigger(rule)
        same(f"workflow: {name}", rule, {"if": rule["if"], "auto_cancel": {"on_new_commit": CANCELS[name]}})
        branches = matched.groups() and matched[1].replace("[^\\/]+", "*").replace("\\/", "/").split("|")
        found[name] = frozenset(branches or ())
    if found.pop("schedule", None) is None:
        raise Drift("workflow: there is no schedule")
    return found


def _trigger(rule: dict[str, Any]) -> tuple[str, re.Match[str]]:
    for name, pattern in TRIGGERS.items():
        if matched := re.fullmatch(pattern, str(rule.get("if"))):
            return name, matched
    raise Drift(f"workflow: nothing is known of the rule {rule}")
