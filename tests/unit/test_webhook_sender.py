"""One POST to a merchant's server: what is sent, to whom, and that it never goes where it may not."""

import socket
import ssl
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from payments.webhook_sender import close_connections, connections
from tests.certificates import Authority
from tests.receivers import Receiver, raw_server
from tests.unit.sending import BODY, send

PUBLIC_IP = "93.184.216.34"

pytestmark = pytest.mark.usefixtures("fresh_connections")


class Resolver:
    """DNS: gives each name's answers in turn, the last of them for ever, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[list[str]]]) -> None:
        self.asked: list[str] = []
        self._answers = answers
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        ips = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]


@pytest.fixture
def the_internet(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Have connections to the public address end at this machine, and return those that were opened."""
    opened: list[tuple[str, int]] = []

    def connect(self: socket.socket, place: tuple[str, int]) -> None:
        opened.append(place)
        socket.socket.connect(self, ("127.0.0.1" if place[0] == PUBLIC_IP else place[0], place[1]))

    monkeypatch.setattr(connections.PatientSocket, "connect", connect, raising=False)
    return opened


def test_the_receiver_gets_the_body_byte_for_byte_and_the_headers(receiver: Receiver) -> None:
    receiver.answer(201, b"thank you")

    sent = send(f"{receiver.url}/7?a=b", **{"webhook-id": "evt_1"})

    assert (sent.status, sent.body, sent.error, sent.retry_after) == (201, "thank you", None, None)
    assert 0 <= sent.duration_ms < 5000
    (received,) = receiver.requests
    assert (received.path, received.body) == ("/webhooks/7?a=b", BODY)
    assert dict(received.headers) == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "payment-platform-webhooks/1",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "webhook-id": "evt_1",
    }


def test_a_connection_is_used_again(receiver: Receiver) -> None:
    for _ in range(5):
        send(receiver.url)

    assert (len(receiver.requests), receiver.connections) == (5, 1)


def test_threads_send_side_by_side(receiver: Receiver) -> None:
    receiver.be_slow(0.1)
    threads = [threading.Thread(target=send, args=(receiver.url,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(receiver.requests), receiver.connections) == (8, 8)


def test_a_connection_that_the_receiver_closed_meanwhile_is_no_failure(receiver: Receiver) -> None:
    send(receiver.url)
    receiver.go_down()
    send(receiver.url)
    receiver.come_back()

    assert send(receiver.url).status == 200


def test_a_connection_that_the_receiver_closes_upon_the_next_request_is_no_failure() -> None:
    answered = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if not answered.is_set():
            answered.set()
            # It has read the second request, and dies.
            connection.recv(65536)

    with raw_server(serve) as url:
        assert [send(url).status, send(url).status] == [200, 200]


def test_a_receiver_that_is_down_is_an_error_in_words(receiver: Receiver) -> None:
    receiver.go_down()

    sent = send(receiver.url)

    assert (sent.status, sent.error) == (None, "The connection was closed before an answer came.")
    assert len(receiver.requests) == 1


def test_a_port_where_nobody_listens_is_an_error_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    sent = send(f"http://127.0.0.1:{port}/")

    assert sent.error == f"No connection to 127.0.0.1:{port} could be opened: Connection refused."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer(status, Location=f"{receiver.url}/elsewhere")

    sent = send(receiver.url)

    assert (sent.status, sent.error) == (status, None)
    assert len(receiver.requests) == 1


def test_no_proxy_password_file_or_cookie_is_used(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    receiver.answer(200, Set_Cookie="session=1")

    assert [send(receiver.url).status, send(receiver.url).status] == [200, 200]
    for received in receiver.requests:
        assert not {"cookie", "authorization", "proxy-authorization"} & received.headers.keys()


def test_an_unsafe_address_is_an_error_and_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, {})

    sent = send("https://169.254.169.254/latest/meta-data/")

    assert (
        sent.error
        == "The address leads to 169.254.169.254, which is link-local, where clouds keep their metadata service."
    )
    assert (sent.status, resolver.asked) == (None, [])


def test_a_name_is_resolved_once_and_connected_to_what_was_checked(
    authority: Authority, the_internet: list[tuple[str, int]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = False
    resolver = Resolver(monkeypatch, {"shop.example": [[PUBLIC_IP], ["127.0.0.1"]]})
    with Receiver(tls=authority.server("shop.example")) as receiver:
        url = f"https://shop.example:{receiver.port}/"

        first, again = send(url), send(url)
        asked_for_two = list(resolver.asked)
        close_connections()
        rebound = send(url)

        assert (first.status, again.status) == (200, 200)
        assert asked_for_two == ["shop.example"]
        assert rebound.error == "The address leads to 127.0.0.1, which is this machine itself."
        assert the_internet == [(PUBLIC_IP, receiver.port)]
        assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    "refused", ["127.0.0.1", "10.0.0.5", "::1", "::ffff:7f00:1", "64:ff9b::a00:5", "fd00:ec2::254", "0.0.0.0"]
)
@pytest.mark.parametrize("public_first", [True, False])
def test_a_name_with_one_address_that_is_refused_is_refused(
    refused: str,
    public_first: bool,
    the_internet: list[tuple[str, int]],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK = False
    Resolver(monkeypatch, {"shop.example": [[PUBLIC_IP, refused] if public_first else [refused, PUBLIC_IP]]})

    sent = send("https://shop.example/")

    assert sent.error is not None
    # Python 3.13 writes ::ffff:7f00:1 as ::ffff:127.0.0.1.
    assert sent.error.startswith(f"The address leads to {ip_address(refused)}")
    assert not the_internet


def test_without_tls_a_name_may_not_lead_off_this_machine(
    the_internet: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, {"shop.localhost": [[PUBLIC_IP]]})

    sent = send("http://shop.localhost/")

    assert sent.error == "The address does not begin with https://."
    assert not the_internet


def test_the_next_address_is_tried_where_one_refuses(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {"shop.localhost": [["127.99.99.99", "127.0.0.1"]]})

    assert send(f"http://shop.localhost:{receiver.port}/").status == 200


def test_a_name_that_does_not_resolve_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {})

    assert send("https://gone.example/").error == "The name gone.example could not be resolved."


def test_tls_is_verified_against_the_name_and_not_the_address(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, {"shop.example": [["127.0.0.1"]]})
    named, asked_for = authority.server("shop.example"), []
    named.sni_callback = lambda _, name, __: asked_for.append(name)
    by_address, another = authority.server("127.0.0.1"), authority.server("other.example")

    with Receiver(tls=named) as right, Receiver(tls=by_address) as wrong, Receiver(tls=another) as other:
        good = send(f"https://shop.example:{right.port}/")
        bad = [send(f"https://shop.example:{port}/") for port in (wrong.port, other.port)]

        assert (good.status, asked_for) == (200, ["shop.example"])
        assert right.requests[0].headers["host"] == f"shop.example:{right.port}"
        for sent in bad:
            assert sent.error is not None
            assert sent.error.startswith("The server's certificate was refused: Hostname mismatch")
        assert not wrong.requests and not other.requests


def test_an_authority_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    with Receiver(tls=Authority(tmp_path).server("127.0.0.1")) as receiver:
        sent = send(receiver.url)

        assert sent.error is not None
        assert sent.error.startswith("The server's certificate was refused: unable to get local issuer")
        assert not receiver.requests


def test_old_tls_is_refused(authority: Authority) -> None:
    old = authority.server("127.0.0.1")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with Receiver(tls=old) as receiver:
        sent = send(receiver.url)

        assert sent.error is not None
        assert sent.error.startswith("TLS failed: ")
