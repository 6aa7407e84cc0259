"""The catalogue of gates: what the noxfile's decorator says about each, and what everything else is made from.

`nox` runs the gates on a machine, `pipeline.generate` writes the jobs of GitHub Actions and GitLab CI from here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nox

# The oldest is what every gate runs on; the others are what the tests run on as well.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# In the order in which the pipeline runs them.
STAGES = ("quality", "test", "package")
REPORTS = Path("reports")
# Where pyenv keeps the versions it has installed, whichever of them is chosen.
PYENV_VERSIONS = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a continuous-integration job has to know about a session; no stage: a chore, for people only.

    `artifacts` are patterns of paths below the project; `sarif` says that one of them is `reports/NAME.sarif`, for
    the forge's page of security findings. `history` wants all commits and the base branch; `nightly` runs the gate
    each night as well, for what changes though nothing was pushed.
    """

    name: str
    description: str
    stage: str | None
    needs: tuple[str, ...]
    pythons: tuple[str, ...]
    services: tuple[str, ...]
    timeout_minutes: int
    artifacts: tuple[str, ...]
    sarif: bool
    history: bool
    nightly: bool
    read_only: bool

    @property
    def sessions(self) -> tuple[str, ...]:
        """Return the names of its nox sessions: its own, or one for each Python, `unit-3.12`."""
        return (self.name,) if len(self.pythons) == 1 else tuple(f"{self.name}-{python}" for python in self.pythons)


GATES: dict[str, Gate] = {}

Session = Callable[[nox.Session], None]


def gate(
    *,
    stage: str | None,
    needs: tuple[str, ...] = (),
    pythons: tuple[str, ...] = PYTHONS[:1],
    services: tuple[str, ...] = (),
    timeout_minutes: int = 10,
    artifacts: tuple[str, ...] = (),
    sarif: bool = False,
    history: bool = False,
    nightly: bool = False,
    read_only: bool = True,
) -> Callable[[Session], Session]:
    """Make the function a nox session, and enter it in the catalogue.

    With one of `pythons` CI runs the gate on that, and nox runs it on its own Python. With several there is a session
    for each, `unit-3.12`, and `nox -s unit` runs those that are installed. A gate that is `read_only` may run beside
    others (`nox -j 2`). The stage is the sessions' tag: `nox -t quality -j auto` runs that of the quality gates.
    """

    def register(function: Session) -> Session:
        name = function.__name__
        assert stage is None or stage in STAGES, f"{name}: {stage} is none of {STAGES}"
        made = GATES[name] = Gate(
            name=name,
            description=(function.__doc__ or "").partition("\n")[0],
            stage=stage,
            needs=needs,
            pythons=pythons,
            services=services,
            timeout_minutes=timeout_minutes,
            artifacts=(*artifacts, *((f"{REPORTS}/{name}.sarif",) if sarif else ())),
            sarif=sarif,
            history=history,
            nightly=nightly,
            read_only=read_only,
        )
        for session_name in made.sessions:
            # pipeline.environments makes the environments: gates with the same lock share one.
            nox.session(
                name=session_name,
                venv_backend="none",
                default=stage is not None,
                tags=[stage] if stage else [],
                allow_parallel=read_only and not services,
            )(function)
        if name not in made.sessions:
            nox.session(name=name, venv_backend="none", default=False)(_for_each_python(made))
        return function

    return register


def _for_each_python(made: Gate) -> Session:
    """Return a session that queues the gate's, for the Pythons that are installed."""

    def queue(session: nox.Session) -> None:
        for python, name in zip(made.pythons, made.sessions, strict=True):
            if find_python(python):
                session.notify(name)

    queue.__doc__ = f"{made.description} On every Python that is installed."
    return queue


def find_python(version: str) -> Path | None:
    """Return the interpreter of that version, such as 3.12; None if there is none on this machine."""
    on_path = shutil.which(f"python{version}")
    candidates = [
        Path(sys.executable),
        *([Path(on_path)] if on_path else []),
        *sorted(PYENV_VERSIONS.glob(f"{version}.*/bin/python"), reverse=True),
    ]
    return next((candidate for candidate in candidates if _version_of(candidate) == version), None)


def _version_of(python: Path) -> str | None:
    """Return the interpreter's version, 3.12; None if it does not start, as a shim of pyenv that stands for nothing."""
    command = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else None
