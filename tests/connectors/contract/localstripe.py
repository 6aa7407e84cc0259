"""A second opinion: localstripe, another's model of Stripe, as a process of its own (GPL: it is never imported).

It knows less than Stripe: it refuses parameters that it has not heard of, so a forwarder in front of it takes those
away. It has one capture a PaymentIntent, takes refunds of any amount, ignores idempotency keys, and does not fail.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import requests

from tests.stripe_server.server import SECRET_KEY

_UNHEARD_OF: Final = ("return_url", "automatic_payment_methods", "final_capture")
_STARTS_WITHIN_SECONDS: Final = 30
_TIMEOUT_SECONDS: Final = 20


@contextmanager
def running_localstripe() -> Iterator[str]:
    """Start it, and yield the address of the forwarder in front of it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"],
        env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(port, process)
            with _forwarding(port) as address:
                yield address
        finally:
            process.terminate()


def ask(address: str, path: str) -> dict[str, Any]:
    """Return an object as localstripe has it."""
    answer = requests.get(
        f"{address}{path}", headers={"authorization": f"Bearer {SECRET_KEY}"}, timeout=_TIMEOUT_SECONDS
    )
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, f"localstripe has ended with {process.returncode}"
            assert time.monotonic() < deadline, "localstripe does not listen"
            time.sleep(0.05)


@contextmanager
def _forwarding(port: int) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Forwarder)
    server.port = port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    port: int


class _Forwarder(BaseHTTPRequestHandler):
    """Passes requests on, one a connection, without what localstripe has not heard of."""

    server: _Server

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        self._forward("GET")

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        self._forward("POST")

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing."""

    def _forward(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        left_out = (*_UNHEARD_OF, "metadata") if self.path.endswith("/capture") else _UNHEARD_OF
        kept = [(name, value) for name, value in parse_qsl(body) if not name.startswith(left_out)]
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {
                "authorization": self.headers.get("authorization", ""),
                "content-type": "application/x-www-form-urlencoded",
            }
            connection.request(method, self.path, urlencode(kept) if method == "POST" else None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
