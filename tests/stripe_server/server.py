"""The server itself: authentication, idempotency keys and faults around what the books do."""

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.stripe_server.books import Books
from tests.stripe_server.faults import REFUSALS, Fault
from tests.stripe_server.routes import carry_out
from tests.stripe_server.wire import Object, Problem, expanded, read_form

SECRET_KEY: Final = "sk_test_TheServersOwnKey"
# Longer than any client here waits.
_SLOW_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came; `headers` have lower-case names."""

    method: str
    path: str
    params: Object
    headers: dict[str, str]


@dataclass(slots=True)
class Answer:
    """A status and a JSON document."""

    status: int
    document: Object
    replayed: bool = False


@dataclass
class StripeServer:
    """One account at a Stripe of our own, for a `with` statement."""

    requests: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        """Listen at a free port."""
        self._server = _Server(("127.0.0.1", 0), self)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.books = Books(public_address=self.address)
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque()
        self._answered: dict[str, tuple[str, Object, Answer]] = {}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and close what is open."""
        self.stopping.set()
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def misbehave(self, *faults: Fault) -> None:
        """Do these with the next requests that change something, one each."""
        self._faults.extend(faults)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.books = Books(public_address=self.address)
            self._faults.clear()
            self._answered.clear()
            self.requests.clear()

    def posts(self, path: str) -> list[Received]:
        """Return what was asked for at an address."""
        return [request for request in self.requests if (request.method, request.path) == ("POST", path)]

    def close_connections(self) -> None:
        """Hang up on everybody, as a server does that is restarted."""
        self._server.close_connections()

    def take(self, received: Received) -> tuple[Fault | None, Answer]:
        """Carry a request out as far as the next fault lets it, and return how to answer."""
        with self._lock:
            self.requests.append(received)
            fault = self._faults.popleft() if received.method == "POST" and self._faults else None
            if fault in REFUSALS:
                status, kind, code = REFUSALS[fault]
                error = {"type": kind, "message": "A fault that a test asked for."} | ({"code": code} if code else {})
                return None, Answer(status, {"error": error})
            if fault is not None and not fault.acts:
                return fault, Answer(500, {})
            answer = self._once(received, fault)
            return fault, answer

    def _once(self, received: Received, fault: Fault | None) -> Answer:
        """Answer a key that was answered before as before, errors of the server's own among them."""
        key = received.headers.get("idempotency-key") if received.method == "POST" else None
        if key in self._answered:
            path, params, answer = self._answered[key]
            if (path, params) != (received.path, received.params):
                message = "Keys for idempotent requests can only be used with the same parameters."
                return Answer(400, {"error": {"type": "idempotency_error", "message": message}})
            return Answer(answer.status, answer.document, replayed=True)
        answer = self._carry_out(received)
        if fault is Fault.ERROR_AFTER:
            answer = Answer(500, {"error": {"type": "api_error", "message": "Something went wrong at Stripe."}})
        if key is not None and answer.status in (200, 402, 500):
            self._answered[key] = received.path, received.params, answer
        return answer

    def _carry_out(self, received: Received) -> Answer:
        if received.headers.get("authorization") != f"Bearer {SECRET_KEY}":
            return Answer(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}})
        try:
            found = carry_out(self.books, received.method, received.path, received.params)
            return Answer(200, _shown(expanded(found, received.params.get("expand", []), self.books.objects.get)))
        except Problem as problem:
            return Answer(problem.status, {"error": _shown(problem.error)})


def _shown(document: Any) -> Any:
    """Return a document without what only the server knows."""
    if isinstance(document, dict):
        return {name: _shown(value) for name, value in document.items() if not name.startswith("_")}
    return [_shown(value) for value in document] if isinstance(document, list) else document


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], stripe: StripeServer) -> None:
        super().__init__(address, _Handler)
        self.stripe = stripe
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        self.stripe.connections += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that has given up closes its connection."""

    def close_connections(self) -> None:
        """Have every thread that waits for a next request read the end."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client was quicker.
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:  # pylint: disable=invalid-name
        self._answer("GET")

    def do_POST(self) -> None:  # pylint: disable=invalid-name
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
        """Say nothing."""

    def _answer(self, method: str) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        params = read_form(body if method == "POST" else address.query)
        stripe = self.server.stripe
        fault, answer = stripe.take(Received(method, address.path, params, headers))
        content = json.dumps(answer.document).encode()
        match fault:
            case Fault.DROP_BEFORE | Fault.DROP_AFTER:
                self._hang_up()
                return
            case Fault.RESET_AFTER:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            case Fault.SLOW_AFTER:
                stripe.stopping.wait(_SLOW_SECONDS)
                self._hang_up()
                return
            case Fault.GARBAGE_AFTER:
                content = b"<html>Bad gateway</html>"
            case Fault.OTHER_JSON_AFTER:
                content = b'{"object": "something_else"}'
            case _:
                pass
        self._send(answer, content, cut=fault is Fault.TRUNCATED_AFTER)

    def _send(self, answer: Answer, content: bytes, *, cut: bool) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("request-id", "req_of_the_server")
        if answer.replayed:
            self.send_header("idempotent-replayed", "true")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
