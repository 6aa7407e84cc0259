"""A forge on loopback that answers what a test lays down for it, and writes down what it is asked to change."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class RecordingForge(ThreadingHTTPServer):
    """Answers GET with what `pages` has at the path, 404 otherwise; takes everything else."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a port of its own."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, Any] = {}
        self.refusal: tuple[int, str] | None = None
        self.changes: list[tuple[str, str, Any]] = []
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def change_of(self, path: str) -> tuple[str, Any]:
        """Return the method and the body of the one change made there."""
        [(method, _, body)] = [change for change in self.changes if change[1] == path]
        return method, body


class _Handler(BaseHTTPRequestHandler):
    server: RecordingForge

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.tokens.add(self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN"))
        if self.command == "GET":
            status, said = (200, self.server.pages[path]) if path in self.server.pages else (404, "Not Found")
        elif self.server.refusal:
            status, said = self.server.refusal
        else:
            self.server.changes.append((self.command, path, json.loads(body) if body else None))
            status, said = 200, {}
        answer = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing: a test that fails shows the changes."""


@contextmanager
def running_forge() -> Iterator[RecordingForge]:
    """Serve until the block ends."""
    with RecordingForge() as forge:
        thread = threading.Thread(target=forge.serve_forever)
        thread.start()
        try:
            yield forge
        finally:
            forge.shutdown()
            thread.join()
