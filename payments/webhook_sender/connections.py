"""Connections to merchants' servers: pinned to an address that was checked, kept alive, and never past a deadline.

Every new connection resolves the name once, checks all that came, and connects to those very addresses: a second DNS
answer is never asked for. The name stays the connection's host, so TLS is verified against it. A connection that is
kept alive stays with the server it was opened to.

A name of which one address is refused is refused altogether. A server that is meant to be reached has no reason to
have one, and to pick a good one would leave it to chance whether an attack or a mistake is noticed.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from payments.webhook_sender.addresses import Address, check_ip

# Receivers whose connections are kept alive, and how many of each: as many as one process has threads that send.
_RECEIVERS_MAX: Final = 64
_CONNECTIONS_MAX: Final = 32
# One of several addresses that does not answer leaves time for the next.
_CONNECT_SECONDS_MAX: Final = 5.0


class Unreachable(Exception):
    """No connection could be opened; the text says why, in words for the merchant."""


@dataclass(slots=True)
class Attempt:
    """One attempt: the monotonic second by which it ends, and whether it has opened a connection of its own."""

    deadline: float
    connected: bool = False

    def seconds_left(self) -> float:
        """Return how much time is left.

        Raises:
            TimeoutError: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The deadline of this attempt is over.")
        return left


_current: ContextVar[Attempt] = ContextVar("webhook_attempt")


@contextmanager
def attempt(*, seconds: float) -> Iterator[Attempt]:
    """Have everything that connections do in this block, in this thread, end after so many seconds altogether."""
    one = Attempt(time.monotonic() + seconds)
    token = _current.set(one)
    try:
        yield one
    finally:
        _current.reset(token)


class PatientSocket(socket.socket):
    """A socket that waits until the attempt's deadline; a plain timeout would begin anew with every byte that drips."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_current.get().seconds_left())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any) -> int:
        self.settimeout(_current.get().seconds_left())
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self.settimeout(_current.get().seconds_left())
        super().sendall(*args)


class _PatientSecureSocket(PatientSocket, ssl.SSLSocket):
    """The same with TLS."""


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self.host, self.port, secure=False)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self.host, self.port or self.default_port, secure=True)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def pool_for(address: Address) -> HTTPConnectionPool:
    """Return the connections to an address's server. Threads may share it."""
    return _pools().connection_from_host(address.host, address.port, address.scheme)


def close_connections() -> None:
    """Close what is kept alive, and read the certificate authorities again before the next connection."""
    _pools().clear()
    _pools.cache_clear()


def _tls_context() -> ssl.SSLContext:
    """Return what servers have to prove: the system's certificate authorities, TLS 1.2 or newer, the right name."""
    context = ssl.create_default_context()
    context.sslsocket_class = _PatientSecureSocket
    return context


@lru_cache(maxsize=1)
def _pools() -> PoolManager:
    """Return every connection of this process. Proxies, cookies and .netrc are unknown here."""
    manager = PoolManager(num_pools=_RECEIVERS_MAX, maxsize=_CONNECTIONS_MAX, ssl_context=_tls_context())
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager


def _connect(host: str, port: int, *, secure: bool) -> socket.socket:
    """Resolve once, check everything, and connect to what was checked.

    Raises:
        UnsafeAddress: one of the addresses is refused.
        Unreachable: the name does not resolve, or nothing accepts a connection.
        TimeoutError: the attempt's deadline is over.
    """
    one = _current.get()
    found = _resolve(host, port, one)
    for *_, place in found:
        check_ip(ip_address(place[0]), secure=secure)
    one.connected = True
    reason = OSError("it has no address")
    for family, kind, protocol, _, place in found:
        connection = PatientSocket(family, kind, protocol)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(min(one.seconds_left(), _CONNECT_SECONDS_MAX))
            connection.connect(place)
            # TLS shakes hands within this time.
            connection.settimeout(one.seconds_left())
            return connection
        except OSError as error:
            connection.close()
            reason = error
    one.seconds_left()
    raise Unreachable(f"No connection to {host}:{port} could be opened: {reason.strerror or reason}.") from reason


def _resolve(host: str, port: int, one: Attempt) -> list[tuple[Any, ...]]:
    """Ask DNS, in a thread that is given up at the deadline: the system's resolver cannot be told to hurry."""
    answer: Future[list[tuple[Any, ...]]] = Future()

    def ask() -> None:
        try:
            answer.set_result(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="resolve webhook address", daemon=True).start()
    try:
        return answer.result(timeout=one.seconds_left())
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"The name {host} could not be resolved.") from error
