"""A merchant's server: a real HTTP server on loopback that keeps what it gets, and can be told to misbehave."""

import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

DEADLINE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Received:
    """One request: its headers by lower-case name, the raw body, when it came and what was answered.

    `status` is None where the connection was closed without an answer.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    status: int | None


@dataclass(slots=True)
class Behavior:
    """What the server does with the next requests."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    failing_share: float = 0.0
    failing_status: int = 500
    down: bool = False


class Receiver:
    """A server in threads, for a `with` statement. Its `url` has a path, so that a test may tell endpoints apart.

    Requests of all paths are in `requests`, in the order in which they came.
    """

    def __init__(self, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, seed: int = 1) -> None:
        """Listen at a free port of `host`; with `tls` speak HTTPS. `seed` is of the share of requests that fail."""
        self.connections = 0
        self._behavior = Behavior()
        self._requests: list[Received] = []
        self._changed = threading.Condition()
        self._chance = random.Random(seed)
        self._stopping = threading.Event()
        self._server = _Server((host, 0), self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}/webhooks"

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and close what is open."""
        self._stopping.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    @property
    def requests(self) -> Sequence[Received]:
        """Return what came until now."""
        with self._changed:
            return tuple(self._requests)

    def answer(self, status: int, body: bytes = b"ok", **headers: str) -> None:
        """Answer so from now on; `Retry_After="5"` is a header."""
        self._change(status=status, body=body, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def fail(self, share: float, *, status: int = 500) -> None:
        """Answer this share of the requests, from 0 to 1, with `status` from now on."""
        self._change(failing_share=share, failing_status=status)

    def go_down(self) -> None:
        """Close every connection without an answer, from now on."""
        self._change(down=True)

    def come_back(self) -> None:
        """Answer again."""
        self._change(down=False)

    def be_slow(self, seconds: float) -> None:
        """Wait so long before every answer; 0 is at once."""
        self._change(delay_seconds=seconds)

    def wait_for(self, count: int, *, seconds: float = DEADLINE_SECONDS) -> Sequence[Received]:
        """Return the requests once there are `count`.

        Raises:
            AssertionError: there are not, after so many seconds.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self._requests) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self._requests)} of {count} requests came in {seconds} seconds"
                self._changed.wait(left)
            return tuple(self._requests)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Behavior | None:
        """Keep a request, and return how to answer it; None is not at all."""
        received_at = datetime.now(UTC)
        with self._changed:
            plan = self._behavior
            fails = self._chance.random() < plan.failing_share
            status = plan.failing_status if fails else plan.status
            self._requests.append(Received(path, headers, body, received_at, None if plan.down else status))
            self._changed.notify_all()
        self._stopping.wait(plan.delay_seconds)
        return None if plan.down else Behavior(status, plan.body, plan.headers)

    def count_connection(self) -> None:
        """Note that a connection was opened."""
        with self._changed:
            self.connections += 1

    def _change(self, **members: Any) -> None:
        with self._changed:
            old = self._behavior
            self._behavior = Behavior(**{name: getattr(old, name) for name in Behavior.__slots__} | members)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    # Threads end with their connections, which are closed first.
    block_on_close = True

    def __init__(self, address: tuple[str, int], receiver: Receiver, tls: ssl.SSLContext | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.receiver = receiver
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread: a client that refuses our certificate holds up nobody."""
        self.receiver.count_connection()
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        try:
            with self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
                with self._lock:
                    self._open.add(secured)
                secured.do_handshake()
                super().finish_request(secured, client_address)
                with self._lock:
                    self._open.discard(secured)
        except OSError:
            # The client closed it, as one that does not trust us should.
            return

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients of tests hang up, and the test looks at what came."""

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Have every thread that waits for a next request read the end."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet, at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:  # pylint: disable=invalid-name  # http.server's name
        """Keep the request and answer as told."""
        announced = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(announced)
        if len(body) < announced:
            # Whoever sent it died in the middle.
            self.close_connection = True
            return
        plan = self.server.receiver.take(self.path, {name.lower(): text for name, text in self.headers.items()}, body)
        if plan is None:
            self.close_connection = True
            return
        self.send_response(plan.status)
        for name, text in plan.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(plan.body)))
        self.end_headers()
        self.wfile.write(plan.body)

    # Nothing is fetched from a merchant, and a followed redirect would become a GET.
    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing: the requests are in the receiver."""


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a server that does with a connection what it wants to, and return its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.settimeout(5)
                        connection.recv(65536)
                        serve(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
