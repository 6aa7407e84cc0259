"""Every gate and every chore of the project: `nox --list` shows them, `nox -s NAME` runs one.

A gate is one function with one decorator. What the decorator says about it (stage, order, Python versions,
services, time limit, artifacts) is the catalogue that everything else is made from.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nox

if sys.version_info < (3, 11):
    sys.exit("This project needs Python 3.11 or newer: install nox with one, python3.11 -m pip install 'nox[uv]'.")

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = True
nox.options.download_python = "never"

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
CODE = ("payments", "perf", "platform_site", "tests", "manage.py", "noxfile.py")
REPORTS = Path("reports")
REQUIREMENTS = Path("requirements")
# Lock and dependency groups. The first is the resolution that all others are parts of.
LOCKS = {
    "dev": ("dev",),
    "production": (),
    "local": ("local",),
    "test": ("test",),
    "lint": ("lint",),
    "type": ("type",),
}
COVERAGE_FLOOR_PERCENT = 90
# Enough for Django to read its settings where no database is needed.
SETTINGS_ENV = {
    "PAYMENTS_ENVIRONMENT": "test",
    "DJANGO_SETTINGS_MODULE": "platform_site.settings",
    "DATABASE_URL": os.environ.get("DATABASE_URL", "postgresql://nowhere/none"),
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a continuous-integration job has to know about a session; no stage: a chore, for people only."""

    name: str
    description: str
    stage: str | None
    needs: tuple[str, ...]
    pythons: tuple[str, ...]
    services: tuple[str, ...]
    timeout_minutes: int
    artifacts: tuple[str, ...]


GATES: dict[str, Gate] = {}


def gate(
    *,
    stage: str | None,
    needs: tuple[str, ...] = (),
    pythons: tuple[str, ...] = PYTHONS[:1],
    services: tuple[str, ...] = (),
    timeout_minutes: int = 10,
    artifacts: tuple[str, ...] = (),
) -> Callable[[Callable[[nox.Session], None]], Callable[[nox.Session], None]]:
    """Make the function a nox session, and enter it in the catalogue.

    `pythons` are the versions CI runs the gate on; on a developer's machine it runs on nox's own.
    """

    def register(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
        name = function.__name__
        GATES[name] = Gate(
            name=name,
            description=(function.__doc__ or "").partition("\n")[0],
            stage=stage,
            needs=needs,
            pythons=pythons,
            services=services,
            timeout_minutes=timeout_minutes,
            artifacts=artifacts,
        )
        nox.session(default=stage is not None)(function)
        return function

    return register


@gate(stage="quality")
def lint(session: nox.Session) -> None:
    """Formatting, style and layers: black, isort, flake8, pylint, import-linter; `-- --fix` repairs."""
    install(session, "lint")
    check = () if "--fix" in session.posargs else ("--check", "--diff")
    session.run("black", "--quiet", *check, *CODE)
    session.run("isort", "--quiet", *check, *CODE)
    session.run("flake8", *CODE)
    session.run("lint-imports", env={"FORCE_COLOR": None})
    session.run("pylint", *CODE, env=SETTINGS_ENV)


@gate(stage="quality", pythons=PYTHONS)
def type(session: nox.Session) -> None:  # pylint: disable=redefined-builtin
    """Static types: mypy, strict, with the plugins for Django and REST framework."""
    install(session, "type")
    session.run("mypy", *session.posargs, env=SETTINGS_ENV)


@gate(stage="test", pythons=PYTHONS, artifacts=("reports/unit-*.xml",))
def unit(session: nox.Session) -> None:
    """The tests that need no database."""
    run_tests(session, "tests/unit")


@gate(
    stage="test", pythons=PYTHONS, services=("postgres",), timeout_minutes=20, artifacts=("reports/integration-*.xml",)
)
def integration(session: nox.Session) -> None:
    """The tests that need a database: DATABASE_URL, or an embedded PostgreSQL."""
    run_tests(session, "tests", "--ignore=tests/unit")


@gate(stage="test", services=("postgres",), timeout_minutes=20, artifacts=("reports/tests-*.xml",))
def tests(session: nox.Session) -> None:
    """All tests, and the floor under their coverage."""
    run_tests(session, "tests", coverage_floor_percent=COVERAGE_FLOOR_PERCENT)


@gate(stage="test", services=("postgres",), timeout_minutes=15, artifacts=("reports/api_fuzz-*",))
def api_fuzz(session: nox.Session) -> None:
    """Requests made up from the OpenAPI document, sent to a served API: no 5xx, and nothing but what it documents."""
    install(session, "test")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@gate(stage=None)
def serve(session: nox.Session) -> None:
    """Start the platform on this machine; `-- --reset` begins anew."""
    install(session, "local")
    # Become the server: nox would give it 0.3 seconds to stop what it started.
    python = Path(session.bin) / "python"
    sys.stdout.flush()
    os.execv(python, [str(python), "-m", "platform_site.local", *session.posargs])


@gate(stage=None)
def fmt(session: nox.Session) -> None:
    """Format the code: black and isort."""
    install(session, "lint")
    session.run("black", "--quiet", *CODE)
    session.run("isort", "--quiet", *CODE)


@gate(stage=None)
def lock(session: nox.Session) -> None:
    """Compile requirements/*.txt; `-- --upgrade` takes newer versions, `-- --check` fails if one is stale."""
    check = "--check" in session.posargs
    project = Path(session.create_tmp()).resolve() if check else Path.cwd()
    if check:
        shutil.copy("pyproject.toml", project)
        shutil.copytree(REQUIREMENTS, project / REQUIREMENTS, dirs_exist_ok=True)
    with session.chdir(project):
        for name, groups in LOCKS.items():
            compile_lock(session, name, groups, upgrade="--upgrade" in session.posargs)
    stale = [
        name for name in LOCKS if not same_file(REQUIREMENTS / f"{name}.txt", project / REQUIREMENTS / f"{name}.txt")
    ]
    if stale:
        session.error(f"stale in {REQUIREMENTS}: {', '.join(stale)}; write them with `nox -s lock`")


def install(session: nox.Session, lock_name: str) -> None:
    """Make the session's environment what the lock says, unless it already is."""
    lock_file = REQUIREMENTS / f"{lock_name}.txt"
    wanted = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    stamp = Path(session.virtualenv.location) / "lock.sha256"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    session.install("--exact", "--require-hashes", "-r", str(lock_file))
    stamp.write_text(wanted, encoding="ascii")


def run_tests(session: nox.Session, *selection: str, coverage_floor_percent: int = 0) -> None:
    """Run pytest on all processors under coverage, with reports in `reports/`."""
    install(session, "test")
    REPORTS.mkdir(exist_ok=True)
    name = session.name
    env = {"COVERAGE_FILE": str(REPORTS.resolve() / f".coverage-{name}"), "COVERAGE_CORE": "ctrace"}
    for leftover in REPORTS.glob(f".coverage-{name}*"):
        leftover.unlink()
    session.run(
        *("coverage", "run", "-m", "pytest", *selection),
        *("--numprocesses=logical", "--maxprocesses=8", f"--junit-xml={REPORTS}/{name}-junit.xml"),
        *(("--color=no",) if "CI" in os.environ else ()),
        *session.posargs,
        env=env,
    )
    session.run("coverage", "combine", "--quiet", env=env)
    session.run("coverage", "xml", "--quiet", "-o", f"{REPORTS}/{name}-coverage.xml", env=env)
    # A selection made by hand says nothing about the whole.
    if coverage_floor_percent and not session.posargs:
        session.run("coverage", "report", f"--fail-under={coverage_floor_percent}", env=env)


def compile_lock(session: nox.Session, name: str, groups: tuple[str, ...], *, upgrade: bool) -> None:
    """Write one lock, for all supported platforms and Python versions, with hashes and without any address."""
    is_whole = name == next(iter(LOCKS))
    session.run_install(
        *("uv", "pip", "compile", "pyproject.toml", "--quiet"),
        *(argument for group in groups for argument in ("--group", group)),
        *("--universal", "--fork-strategy=fewest", f"--python-version={PYTHONS[0]}"),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"),
        *(() if is_whole else ("--constraints", f"{REQUIREMENTS}/{next(iter(LOCKS))}.txt")),
        *(("--upgrade",) if upgrade else ()),
        *("--output-file", f"{REQUIREMENTS}/{name}.txt"),
        silent=True,
    )


def same_file(one: Path, other: Path) -> bool:
    """Tell whether both exist with the same content."""
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)
