"""Advisories from a folder: OSV records, served to pip-audit on this machine, and a database of safety."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

FRESH_DAYS = 7
ECOSYSTEM = "PyPI"
# safety asks where to log in even if it need not; an empty set of keys is enough for it.
OPENID_PATH = "/.well-known/openid-configuration"
KEYS_PATH = "/jwks"

Record = dict[str, Any]


class OfflineError(Exception):
    """The folder has no advisories of the kind."""


def read_records(folder: Path) -> list[Record]:
    """Return the OSV records about Python packages; an OfflineError where there are none."""
    try:
        records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
        found = [record for record in records if any(_is_python(each) for each in record["affected"])]
    except (ValueError, KeyError, TypeError) as error:
        raise OfflineError(f"{folder} has a file that is no OSV record: {error!r}") from error
    if not found:
        raise OfflineError(f"{folder} has no OSV records of {ECOSYSTEM}")
    return found


def newest_record(records: list[Record]) -> date:
    """Return the day of the last change in the records: they are at least as old as that."""
    return max(datetime.fromisoformat(record["modified"]) for record in records).date()


def newest_entry(safety_folder: Path) -> date:
    """Return the day that safety's database says it was last updated."""
    try:
        database = json.loads((safety_folder / "insecure.json").read_text(encoding="utf-8"))
        return datetime.fromisoformat(database["meta"]["last_updated"]).date()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OfflineError(f"{safety_folder} has no database of safety with its date: {error}") from error


def describe_age(what: str, newest: date, today: date) -> str:
    """Return a line on the age of advisory data: a warning if it is older than a week, for what it cannot know."""
    line = f"{what}, newest of {newest} ({(today - newest).days} days old)"
    if (today - newest).days <= FRESH_DAYS:
        return line
    return f"WARNING: {line}: vulnerabilities published since are not in it"


def matching_records(records: list[Record], package: str, version: str) -> list[Record]:
    """Return the records that apply to a version of a package, as OSV's `/v1/query` answers."""
    wanted = canonicalize_name(package)
    return [
        record
        for record in records
        if any(
            canonicalize_name(affected["package"]["name"]) == wanted and _affects(affected, version)
            for affected in record["affected"]
            if _is_python(affected)
        )
    ]


def _is_python(affected: dict[str, Any]) -> bool:
    return bool(affected.get("package", {}).get("ecosystem") == ECOSYSTEM)


def _affects(affected: dict[str, Any], version: str) -> bool:
    """Tell whether a version is listed or within a range, by the rules of the OSV schema."""
    return version in affected.get("versions", []) or any(
        _within(each["events"], Version(version)) for each in affected.get("ranges", []) if each["type"] == "ECOSYSTEM"
    )


def _within(events: list[dict[str, str]], version: Version) -> bool:
    """Tell whether the last event at or before the version is an introduction."""
    vulnerable = False
    for kind, at in sorted(((kind, at) for event in events for kind, at in event.items()), key=_event_order):
        # "0" is before all versions, `0.dev0` as well.
        start = at == "0" or version >= Version(at)
        if kind == "introduced" and start:
            vulnerable = True
        elif (kind == "fixed" and start) or (kind == "last_affected" and version > Version(at)):
            vulnerable = False
    return vulnerable


def _event_order(event: tuple[str, str]) -> tuple[bool, Version]:
    kind, at = event
    try:
        return at != "0", Version(at)
    except InvalidVersion as error:
        raise OfflineError(f"{at} ({kind}) is no version of a Python package") from error


class _Handler(BaseHTTPRequestHandler):
    """Answers OSV's query, and what safety asks at its start."""

    protocol_version = "HTTP/1.1"
    # Else the body waits 40 ms for the other side to acknowledge the headers, for every package.
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        """Answer a query for a package's version."""
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = matching_records(self.server.records, query["package"]["name"], query["version"])
        self._answer({"vulns": found} if found else {})

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        """Answer safety's questions about its login."""
        answers = {OPENID_PATH: {"jwks_uri": f"{self.server.url}{KEYS_PATH}"}, KEYS_PATH: {"keys": []}}
        self._answer(answers.get(self.path, {}))

    do_HEAD = do_GET

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
        """Say nothing: the scanners report."""


class _Server(ThreadingHTTPServer):
    """A server of advisories on a free port of this machine."""

    daemon_threads = True

    def __init__(self, records: list[Record]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.records = records
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def advisory_server(records: list[Record]) -> Iterator[str]:
    """Serve the records while the block runs; give its address."""
    with _Server(records) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
