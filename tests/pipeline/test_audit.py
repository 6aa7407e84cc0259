"""The gate `audit`: known vulnerabilities are found, and no database out of reach makes it pass."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pipeline.audit.findings import NoAnswer
from pipeline.audit.ignores import Ignore, apply_ignores
from pipeline.audit.offline import matching_records, read_records
from pipeline.audit.scanners import read_pip_audit
from tests.pipeline.trees import Tree

ADVISORIES = Path(__file__).with_name("advisories")
OSV = ADVISORIES / "osv"
SAFETY = ADVISORIES / "safety"
VULNERABLE = "django==5.2.5"

# A gate's environment may have to be made first.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def tree(copy_of: Callable[..., Tree]) -> Tree:
    """Return a copy with two locks only: the gate's own, and the one that tests plant in."""
    tree = copy_of()
    for lock in (tree.folder / "requirements").iterdir():
        if lock.stem not in {"checks", "production"}:
            lock.unlink()
    return tree


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port of this machine that refuses connections: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def osv_only(tmp_path: Path) -> str:
    """Return a folder of advisories that only pip-audit can read."""
    (tmp_path / "advisories").mkdir()
    (tmp_path / "advisories" / "osv").symlink_to(OSV)
    return str(tmp_path / "advisories")


def plant_vulnerable_pin(tree: Tree) -> None:
    """Lock a Django with a known SQL injection; its hashes are another's, for nothing is installed."""
    lock = (tree.folder / "requirements/production.txt").read_text(encoding="utf-8")
    pinned = next(line.split()[0] for line in lock.splitlines() if line.startswith("django=="))
    tree.replace("requirements/production.txt", f"{pinned} ", f"{VULNERABLE} ")


def plant_ignores(tree: Tree, **until: str) -> None:
    """Ignore advisories, each up to a day; they are named with underscores here."""
    entries = (f'[[ignore]]\nid = "{name}"\nreason = "A test."\nuntil = {day}\n' for name, day in until.items())
    tree.plant("pipeline/audit.toml", "".join(entries).replace("_", "-"))


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on this machine while the block runs; give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Answering(BaseHTTPRequestHandler):
    """Answers every query alike."""

    def __init__(self, *args: object, status: int, body: str) -> None:
        self.status, self.body = status, body
        super().__init__(*args)  # type: ignore[arg-type]

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        pass


class Quiet(SimpleHTTPRequestHandler):
    """Serves files."""

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        pass


def without_pypi(closed_port: int) -> dict[str, str]:
    """Return variables with which nothing outside this machine can be reached."""
    return {"HTTPS_PROXY": f"http://127.0.0.1:{closed_port}", "NO_PROXY": "127.0.0.1", "SAFETY_API_KEY": ""}


def test_clean_locks_pass_and_the_age_of_the_advisories_is_told(tree: Tree) -> None:
    code, output = tree.run("audit", "--offline", str(ADVISORIES))

    assert code == 0, output
    assert " 0 known vulnerabilities" in output
    assert "WARNING: 3 OSV records" in output and "newest of 2025-09-08" in output
    assert "WARNING: safety's database" in output


def test_vulnerable_pin_is_found_by_both_scanners(tree: Tree) -> None:
    plant_vulnerable_pin(tree)

    code, output = tree.run("audit", "--offline", str(ADVISORIES))

    assert code and "failed with exit code 1" in output, output
    lines = [line for line in output.splitlines() if line.startswith("audit: django 5.2.5 (production): ")]
    by_pip_audit, by_safety = sorted(lines, key=lambda line: "; safety, offline]" in line)
    assert "CVE-2025-57833, GHSA-6w2r-r2m5-xq5w" in by_pip_audit and "5.2.6; pip-audit, offline]" in by_pip_audit
    assert "CVE-2025-57833" in by_safety and "5.2.6; safety, offline]" in by_safety
    sarif = json.loads((tree.folder / "reports/audit.sarif").read_text(encoding="utf-8"))
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    lock = (tree.folder / place["artifactLocation"]["uri"]).read_text(encoding="utf-8").splitlines()
    assert lock[place["region"]["startLine"] - 1].startswith(VULNERABLE)
    report = json.loads((tree.folder / "reports/audit.json").read_text(encoding="utf-8"))
    assert {finding["scanner"] for finding in report["findings"]} == {"pip-audit, offline", "safety, offline"}


def test_reviewed_vulnerability_is_ignored_until_its_day(tree: Tree, osv_only: str) -> None:
    plant_vulnerable_pin(tree)
    plant_ignores(tree, CVE_2025_57833="9999-12-31")

    code, output = tree.run("audit", "--offline", osv_only)

    assert code == 0, output
    assert " 0 known vulnerabilities, 1 ignored" in output


def test_ignores_that_expired_or_match_nothing_fail_and_hide_nothing(tree: Tree, osv_only: str) -> None:
    plant_vulnerable_pin(tree)
    plant_ignores(tree, GHSA_6w2r_r2m5_xq5w="2026-01-31", CVE_2024_35195="9999-12-31")

    code, output = tree.run("audit", "--offline", osv_only)

    assert code and "failed with exit code 1" in output, output
    assert "GHSA-6w2r-r2m5-xq5w was to be reviewed again by 2026-01-31" in output
    assert "CVE-2024-35195 matches nothing: remove it" in output
    assert " 1 known vulnerabilities, 0 ignored" in output


def test_ignore_that_matches_nothing_fails_by_itself() -> None:
    ignore = Ignore(id="CVE-2024-35195", reason="A test.", until=date(2026, 12, 31))

    assert apply_ignores([], [ignore], today=date(2026, 12, 31))[2] == [
        "pipeline/audit.toml: CVE-2024-35195 matches nothing: remove it"
    ]


def test_unreachable_databases_fail_with_a_code_of_their_own(tree: Tree, closed_port: int) -> None:
    tree.plant("reports/audit.json", "{}")

    code, output = tree.run(
        "audit", "--osv-url", f"http://127.0.0.1:{closed_port}/v1/query", **without_pypi(closed_port)
    )

    assert code and "failed with exit code 3" in output, output
    line = next(line for line in output.splitlines() if line.startswith("audit: "))
    assert line.startswith("audit: no advisory database could be reached") and "PyPI: " in line and "OSV: " in line
    assert not (tree.folder / "reports/audit.json").exists()


@pytest.mark.parametrize(("status", "body"), [(500, "{}"), (200, '{"error": "soon"}')])
def test_database_that_makes_no_sense_fails(tree: Tree, closed_port: int, status: int, body: str) -> None:
    with serving(partial(Answering, status=status, body=body)) as url:
        code, output = tree.run("audit", "--osv-url", url, **without_pypi(closed_port))

    assert code and "failed with exit code 3" in output, output
    assert "no advisory database could be reached" in output


def test_osv_is_asked_where_pypi_cannot_be_reached(tree: Tree, closed_port: int) -> None:
    with serving(partial(Answering, status=200, body="{}")) as url:
        code, output = tree.run("audit", "--osv-url", url, **without_pypi(closed_port))

    assert code == 0, output
    assert "WARNING: PyPI: " in output and "pip-audit asked OSV" in output
    assert "safety was not asked: there is no SAFETY_API_KEY" in output


def serve_safety(tmp_path: Path) -> Callable[..., BaseHTTPRequestHandler]:
    """Return what serves safety's login and database as its servers do."""
    site = tmp_path / "site"
    (site / ".well-known").mkdir(parents=True)
    (site / "data").symlink_to(SAFETY)
    (site / "initialize").write_text("{}", encoding="utf-8")
    (site / "jwks").write_text('{"keys": []}', encoding="utf-8")
    return partial(Quiet, directory=str(site))


@pytest.mark.parametrize("is_reachable", [True, False])
def test_safety_is_asked_where_there_is_a_key(tree: Tree, tmp_path: Path, closed_port: int, is_reachable: bool) -> None:
    if is_reachable:
        plant_vulnerable_pin(tree)
    with serving(partial(Answering, status=200, body="{}")) as osv, serving(serve_safety(tmp_path)) as safety:
        openid = tmp_path / "site/.well-known/openid-configuration"
        openid.write_text(json.dumps({"jwks_uri": f"{safety}/jwks"}), encoding="utf-8")
        address = safety if is_reachable else f"http://127.0.0.1:{closed_port}"
        servers = {
            "SAFETY_API_KEY": "a-key",
            "SAFETY_AUTH_SERVER_URL": address,
            "SAFETY_PLATFORM_API_BASE_URL": address,
            "SAFETY_DATA_API_BASE_URL": f"{address}/data/",
        }
        code, output = tree.run("audit", "--osv-url", osv, **without_pypi(closed_port) | servers)

    assert code, output
    if is_reachable:
        assert "failed with exit code 1" in output, output
        assert "CVE-2025-57833" in output and "; safety, safetycli.com]" in output
    else:
        assert "failed with exit code 3" in output, output
        assert "no advisory database could be reached, so nothing is known. safety: " in output


def test_folder_without_advisories_is_refused(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "nothing/osv").mkdir(parents=True)

    nothing = str(tmp_path / "nothing")

    asked, by_variable = tree.run("audit", "--offline", nothing), tree.run("audit", AUDIT_OFFLINE=nothing)

    for code, output in (asked, by_variable):
        assert code and "failed with exit code 2" in output, output
        assert "has no OSV records of PyPI" in output


def test_packages_that_pip_audit_skips_are_no_pass() -> None:
    """PyPI answers so, 404, through a mirror that has files and no advisories; pip-audit then finds nothing."""
    answers: list[dict[str, Any]] = [
        {"name": "idna", "version": "3.20", "vulns": []},
        {"name": "django", "skip_reason": "Dependency not found on PyPI and could not be audited: django (5.2.19)"},
    ]

    with pytest.raises(NoAnswer, match="no answer about 1 of 2 packages, django==5.2.19 among them"):
        read_pip_audit("idna==3.20 --hash=x\ndjango==5.2.19 --hash=x\n", answers, label="PyPI")


@pytest.mark.parametrize(
    ("version", "is_affected"),
    [
        ("4.2.23", True),
        ("4.2.24", False),
        ("5.0a1", True),
        ("5.1.11", True),
        ("5.1.12", False),
        ("5.2a1", True),
        ("5.2.5", True),
        ("5.2.6", False),
        ("5.2.10", False),
    ],
)
def test_versions_are_matched_by_the_ranges_of_the_record(version: str, is_affected: bool) -> None:
    found = matching_records(read_records(OSV), "django", version)

    assert [record["id"] for record in found] == (["GHSA-6w2r-r2m5-xq5w"] if is_affected else [])


def test_last_affected_version_and_listed_versions_count() -> None:
    package = {"ecosystem": "PyPI", "name": "a-b"}
    events = [{"introduced": "1.0"}, {"last_affected": "1.4"}]
    ranges = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}], "versions": ["0.5"]}
    record = {"id": "X", "affected": [ranges]}

    affected = [each for each in ("0.5", "0.9", "1.0", "1.4", "1.5") if matching_records([record], "A_b", each)]

    assert affected == ["0.5", "1.0", "1.4"]
