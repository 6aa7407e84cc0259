"""What a merchant's server answers: read up to a limit and a deadline, whatever it says."""

import random
import socket
import threading
import time
from datetime import timedelta

import pytest

from payments.webhook_sender.sending import parse_retry_after
from tests.receivers import Receiver, raw_server
from tests.unit.sending import NOW, send

pytestmark = pytest.mark.usefixtures("fresh_connections")


def drip(connection: socket.socket, beginning: bytes, drop: bytes) -> None:
    """Send a drop at a time, each well within any timeout of a single read, until the other side is gone."""
    connection.sendall(beginning)
    for _ in range(1000):
        connection.sendall(drop)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\nX: ", b"x"), (b"", b"HTTP/1.1 100 Continue\r\n\r\n")],
)
@pytest.mark.usefixtures("short_timeout")
def test_a_server_that_drips_headers_is_given_up_at_the_deadline(beginning: bytes, drop: bytes) -> None:
    with raw_server(lambda connection: drip(connection, beginning, drop)) as url:
        sent = send(url)

    assert (sent.status, sent.error) == (None, "No answer came within 0.4 seconds.")
    assert 400 <= sent.duration_ms < 1500


@pytest.mark.usefixtures("short_timeout")
def test_an_answer_whose_body_never_ends_has_its_status() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server(lambda connection: drip(connection, head, b"2\r\nab\r\n")) as url:
        sent = send(url)

    assert (sent.status, sent.error) == (200, None)
    assert sent.body.startswith("abab")
    assert 400 <= sent.duration_ms < 1500


@pytest.mark.usefixtures("short_timeout")
def test_a_tls_handshake_that_never_ends_is_given_up_at_the_deadline() -> None:
    with raw_server(lambda connection: drip(connection, b"\x16\x03\x03\x40\x00", b"\x00")) as url:
        sent = send(url.replace("http:", "https:"))

    assert sent.error == "No answer came within 0.4 seconds."
    assert 400 <= sent.duration_ms < 1500


@pytest.mark.usefixtures("short_timeout")
def test_a_silent_server_is_given_up_at_the_deadline(receiver: Receiver) -> None:
    receiver.be_slow(5)

    assert send(receiver.url).error == "No answer came within 0.4 seconds."


@pytest.mark.usefixtures("short_timeout")
def test_a_resolver_that_does_not_answer_is_given_up_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10) and [])

    sent = send("https://shop.example/")

    over.set()
    assert sent.error == "No answer came within 0.4 seconds."
    assert 400 <= sent.duration_ms < 1500


@pytest.mark.parametrize("head", [b"Content-Length: 500000000\r\n", b"Connection: close\r\n"])
def test_of_an_endless_answer_the_beginning_is_kept(head: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 500 No\r\n" + head + b"\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with raw_server(serve) as url:
        sent = send(url)

    assert (sent.status, sent.body, sent.error) == (500, "x" * 4096, None)
    assert sent.duration_ms < 5000


def test_the_connection_of_a_middling_answer_is_used_again_and_that_of_a_large_one_is_closed(
    receiver: Receiver,
) -> None:
    for size in (60_000, 60_000, 500_000, 10):
        receiver.answer(200, b"x" * size)
        assert len(send(receiver.url).body) == min(size, 4096)

    assert receiver.connections == 2


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"a\0b\0", "ab"),
        ("Bücher 🧾".encode(), "Bücher 🧾"),
        (b"\xff\xfe<", "\ufffd\ufffd<"),
        (b"x" * 4095 + "é".encode(), "x" * 4095),
    ],
)
def test_an_answer_is_kept_as_text_that_a_database_takes(receiver: Receiver, raw: bytes, text: str) -> None:
    receiver.answer(200, raw)

    assert send(receiver.url).body == text


@pytest.mark.parametrize("seed", range(8))
def test_nothing_that_a_server_says_is_raised(seed: int) -> None:
    chance = random.Random(seed)
    nonsense = [
        chance.randbytes(200),
        b"HTTP/1.1 200 OK\r\n" + chance.randbytes(100) + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
    ]

    with raw_server(lambda connection: connection.sendall(nonsense[seed])) as url:
        sent = send(url)

    assert (sent.status is None) == (sent.error is not None)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, None),
        ("", None),
        ("0", timedelta(0)),
        ("5", timedelta(seconds=5)),
        (" 120 ", timedelta(minutes=2)),
        ("86400", timedelta(hours=24)),
        ("86401", timedelta(hours=24)),
        ("999999999", timedelta(hours=24)),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("٥", None),
        ("soon", None),
        ("5, 10", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 12:01:00 -0000", timedelta(minutes=1)),
        ("Sunday, 01-Mar-26 13:00:00 GMT", timedelta(hours=1)),
        ("Sun, 01 Mar 2026 11:59:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2099 12:00:00 GMT", timedelta(hours=24)),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 99999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(text, now=NOW) == wait


def test_retry_after_comes_with_any_answer(receiver: Receiver) -> None:
    receiver.answer(503, Retry_After="30")

    sent = send(receiver.url)

    assert (sent.status, sent.retry_after) == (503, timedelta(seconds=30))
