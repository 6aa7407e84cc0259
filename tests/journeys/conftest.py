"""A real gunicorn for the journeys of this folder: one for each module that asks for it."""

import http.client
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.shop import Shop, open_shop

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A gunicorn of ours: its port, and the folder where its workers add up their metrics."""

    port: int
    metrics: Path

    @property
    def url(self) -> str:
        """Return the address that paths are added to."""
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, chunked: bool = False
    ) -> tuple[int, str]:
        """Send one request over a connection of its own, and return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def total(self, series: str) -> int:
        """Return the sum of a series over its labels, as any one worker tells it."""
        _, page = self.request("GET", "/metrics")
        return int(sum(float(value) for value in re.findall(rf"(?m)^{series}(?:{{.*}})? (\S+)$", page)))

    def workers_that_called_a_processor(self) -> int:
        """Return how many worker processes have counted a call."""
        files = self.metrics.glob("counter_*.db")
        return sum(b"payments_processor_calls_total" in file.read_bytes() for file in files)


@pytest.fixture
def shop(committed_db: None) -> Shop:
    """Return a merchant in test mode."""
    return open_shop()


class Servers:
    """The one server of this module, started when the first test has made the database."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        """Take what stops it at the end, and where it may write."""
        self.stack = stack
        self.folder = folder
        self.started: Server | None = None

    def get(self, database_url: str) -> Server:
        """Return the server."""
        if self.started is None:
            self.started = self.stack.enter_context(serving(database_url, self.folder))
        return self.started


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Stop the server when the tests of this module are over."""
    with ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("gunicorn"))


@pytest.fixture
def server(servers: Servers, database_url: str) -> Server:
    """Return a running server."""
    return servers.get(database_url)


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[Server]:
    """Start gunicorn as in production, and stop it afterwards."""
    log = folder / "gunicorn.log"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "GUNICORN_BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
    }
    command = [sys.executable, "-m", "gunicorn", "--config", "python:platform_site.gunicorn_conf"]
    with (
        log.open("w", encoding="utf-8") as written,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=written, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stderr is not None
        # pytest's time limit is the deadline.
        while "Booting worker" not in process.stderr.readline():
            assert process.poll() is None
        try:
            yield Server(port, folder / "metrics")
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert "sk_test_" not in log.read_text(encoding="utf-8")
