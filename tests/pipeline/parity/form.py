"""The form that both forges' files and the catalogue are brought into, to be compared."""

import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from pipeline.catalogue import GATES, STAGES
from tests.pipeline.trees import ROOT

POSTGRES_IMAGE = "postgres:17-trixie"
DIGEST = r"@sha256:[0-9a-f]{64}"


class Drift(Exception):
    """A forge's file is not what the catalogue and the templates say."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What runs one session; `after` are the sessions that must have passed before, `findings` are shown."""

    session: str
    python: str
    timeout_minutes: int
    services: frozenset[str]
    artifacts: frozenset[str]
    after: frozenset[str]
    findings: bool
    history: bool
    nightly: bool


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A forge's jobs by session, the branches of each trigger, and what the one required job waits for."""

    jobs: dict[str, Job]
    triggers: dict[str, frozenset[str]]
    fan_in: frozenset[str]


def catalogue() -> Pipeline:
    """Return what the catalogue of gates asks for."""
    gates = [gate for gate in GATES.values() if gate.stage is not None]
    jobs = {
        session: Job(
            session=session,
            python=python,
            timeout_minutes=gate.timeout_minutes,
            services=frozenset(gate.services),
            artifacts=frozenset(gate.artifacts),
            after=frozenset(
                session
                for earlier in gates
                if STAGES.index(str(earlier.stage)) < STAGES.index(str(gate.stage))
                for session in earlier.sessions
            ),
            findings=gate.sarif,
            history=gate.history,
            nightly=gate.nightly,
        )
        for gate in gates
        for session, python in zip(gate.sessions, gate.pythons, strict=True)
    }
    return Pipeline(
        jobs=jobs,
        triggers={"push": frozenset({"main", "develop", "feature/*"}), "request": frozenset({"main", "develop"})},
        fan_in=frozenset(jobs),
    )


def differences(found: Pipeline, wanted: Pipeline) -> list[str]:
    """Return how a forge's pipeline is not the wanted one, a line each."""
    lines = [f"no job runs {session}" for session in wanted.jobs.keys() - found.jobs.keys()]
    lines += [f"a job runs {session}, which is no session" for session in found.jobs.keys() - wanted.jobs.keys()]
    for session in found.jobs.keys() & wanted.jobs.keys():
        lines += job_differences(found.jobs[session], wanted.jobs[session])
    if found.triggers != wanted.triggers:
        lines.append(f"triggers are {shown(found.triggers)}, not {shown(wanted.triggers)}")
    if found.fan_in != wanted.fan_in:
        lines.append(f"the job ci does not stand for {shown(wanted.fan_in - found.fan_in)}")
    return sorted(lines)


def job_differences(found: Job, wanted: Job) -> list[str]:
    """Return how a job is not the wanted one, a line each."""
    pairs = [(field.name, getattr(found, field.name), getattr(wanted, field.name)) for field in fields(Job)]
    return [
        f"{wanted.session}: {name} is {shown(is_)}, not {shown(should)}" for name, is_, should in pairs if is_ != should
    ]


def shown(value: Any) -> str:
    """Return a value as a message shows it: sets in order."""
    match value:
        case dict():
            return ", ".join(f"{name}: {shown(one)}" for name, one in sorted(value.items()))
        case set() | frozenset() | list() | tuple():
            return f"[{', '.join(sorted(map(str, value)))}]"
        case _:
            return str(value)


def service_of(image: str) -> str:
    """Return the catalogue's name of the service that the image is, which has to be pinned by its digest."""
    if not re.fullmatch(re.escape(POSTGRES_IMAGE) + DIGEST, image):
        raise Drift(f"the image {image} is not {POSTGRES_IMAGE} with a digest")
    return "postgres"


@cache
def locked_uv() -> str:
    """Return the version of uv that the gates' lock names."""
    found = re.search(r"^uv==(\S+)", (ROOT / "requirements/checks.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, "requirements/checks.txt does not lock uv"
    return found[1]


def same(what: str, found: Any, wanted: Any) -> None:
    """Raise Drift unless both are equal; the message says where they part."""
    match found, wanted:
        case dict(), dict():
            for name in [*wanted, *(name for name in found if name not in wanted)]:
                if name not in wanted:
                    raise Drift(f"{what}: {name} should not be there")
                if name not in found:
                    raise Drift(f"{what}: {name} is missing")
                same(f"{what}.{name}", found[name], wanted[name])
        case list(), list() if len(found) == len(wanted):
            for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
                same(f"{what}[{number}]", one, other)
        case _:
            # True is 1, and both are not the same in YAML.
            if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
                raise Drift(f"{what} is {found!r}, not {wanted!r}")
