"""Everything that can go wrong between Stripe and us, with every verb: it is said to be what it is, and acts once."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from django.utils import timezone

from payments.connectors.base import (
    NEVER_RECEIVED,
    AcceptDisputeRequest,
    Connector,
    EvidenceRequest,
    NotSent,
    Outcome,
    PayoutRequest,
    Submitted,
    Succeeded,
    Unknown,
)
from payments.connectors.stripe import StripeConnector
from payments.lifecycles import CallKind
from tests.connectors.contract.asking import (
    TEN_EUROS,
    authorize,
    capture,
    euros,
    fresh_key,
    query,
    reference_of,
    refund,
    void,
)
from tests.stripe_server import Fault, StripeServer
from tests.stripe_server.movements import BANK_ACCOUNT

# A verb, what it is about, and the request; None is about nothing.
Verb = tuple[CallKind, Callable[[Connector, StripeServer], str | None], Callable[[Connector, str, str], Outcome]]


def _nothing(connector: Connector, server: StripeServer) -> None:
    return None


def _reserve(connector: Connector, server: StripeServer) -> str:
    return reference_of(authorize(connector, "pm_card_visa"))


def _charge(connector: Connector, server: StripeServer) -> str:
    return reference_of(authorize(connector, "pm_card_visa", capture=True))


def _dispute(connector: Connector, server: StripeServer) -> str:
    authorize(connector, "pm_card_createDispute", capture=True)
    return str(server.books.all("dispute")[0]["id"])


VERBS: dict[str, Verb] = {
    "authorize": (CallKind.AUTHORIZE, _nothing, lambda to, _, key: authorize(to, "pm_card_visa", key=key)),
    "capture": (CallKind.CAPTURE, _reserve, lambda to, about, key: capture(to, about, TEN_EUROS, key=key)),
    "void": (CallKind.VOID, _reserve, lambda to, about, key: void(to, about, key=key)),
    "refund": (CallKind.REFUND, _charge, lambda to, about, key: refund(to, about, euros(400), key=key)),
    "payout": (
        CallKind.PAYOUT,
        _nothing,
        lambda to, _, key: to.payout(PayoutRequest(key, BANK_ACCOUNT, TEN_EUROS, now=timezone.now())),
    ),
    "submit_evidence": (
        CallKind.SUBMIT_EVIDENCE,
        _dispute,
        lambda to, about, key: to.submit_evidence(EvidenceRequest(key, about, {"receipt": "x"}, now=timezone.now())),
    ),
    "accept_dispute": (
        CallKind.ACCEPT_DISPUTE,
        _dispute,
        lambda to, about, key: to.accept_dispute(AcceptDisputeRequest(key, about, now=timezone.now())),
    ),
}
every_verb = pytest.mark.parametrize("verb", list(VERBS))

NOT_ACTED = {
    Fault.RATE_LIMITED: NotSent("Stripe limits the rate of requests, and has turned this one away."),
    Fault.KEY_REFUSED: NotSent("The processor refuses our key."),
    Fault.KEY_NOT_ALLOWED: NotSent("The processor refuses our key."),
}
IN_DOUBT = [fault for fault in Fault if fault not in NOT_ACTED and fault is not Fault.SLOW_AFTER]


def changes(server: StripeServer) -> int:
    """Return how often something was done."""
    return len(server.books.events)


@every_verb
@pytest.mark.parametrize("fault", IN_DOUBT, ids=lambda fault: fault.name.lower())
def test_whatever_comes_instead_of_an_answer_is_doubt_that_a_question_ends(
    fault: Fault, verb: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    kind, begin, ask = VERBS[verb]
    about, key = begin(connector, stripe_server), fresh_key()
    before = changes(stripe_server)
    stripe_server.misbehave(fault)

    outcome = ask(connector, about or "", key)

    acted = changes(stripe_server) > before
    word = query(connector, kind, key, about=about)
    assert isinstance(outcome, Unknown), outcome
    assert acted == fault.acts
    assert isinstance(word, Succeeded | Submitted) if acted else word == NEVER_RECEIVED


@every_verb
@pytest.mark.parametrize(("fault", "expected"), NOT_ACTED.items(), ids=lambda value: getattr(value, "name", ""))
def test_what_is_turned_away_was_not_sent_and_is_safe_to_ask_again(
    fault: Fault, expected: NotSent, verb: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    _, begin, ask = VERBS[verb]
    about, key = begin(connector, stripe_server), fresh_key()
    before = changes(stripe_server)
    stripe_server.misbehave(fault)

    outcome = ask(connector, about or "", key)

    assert outcome == expected
    assert changes(stripe_server) == before
    assert isinstance(ask(connector, about or "", key), Succeeded | Submitted)


@every_verb
def test_nothing_is_sent_again_behind_our_back(
    verb: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    _, begin, ask = VERBS[verb]
    about = begin(connector, stripe_server)
    stripe_server.requests.clear()
    stripe_server.misbehave(Fault.DROP_BEFORE)

    ask(connector, about or "", fresh_key())

    assert [request.method for request in stripe_server.requests].count("POST") == 1


@every_verb
def test_the_key_is_in_the_header_of_what_acts(
    verb: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    _, begin, ask = VERBS[verb]
    about, key = begin(connector, stripe_server), fresh_key()
    stripe_server.requests.clear()

    ask(connector, about or "", key)

    (sent,) = [request for request in stripe_server.requests if request.method == "POST"]
    assert sent.headers["idempotency-key"] == key


def test_an_error_that_is_replayed_says_as_little_the_second_time(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    stripe_server.misbehave(Fault.ERROR_AFTER)
    authorize(connector, "pm_card_visa", key=key)

    again = authorize(connector, "pm_card_visa", key=key)

    assert again == Unknown("Stripe answered with status 500.")
    assert len(stripe_server.books.all("payment_intent")) == 1


def test_another_request_under_a_used_key_says_nothing_about_the_first(
    connector: StripeConnector, stripe_server: StripeServer
) -> None:
    key = fresh_key()
    authorize(connector, "pm_card_visa", key=key)

    outcome = authorize(connector, "pm_card_visa", amount=euros(1), key=key)

    assert isinstance(outcome, Unknown)


def test_an_answer_that_does_not_come_is_doubt_well_before_the_lease_ends(
    connector: StripeConnector, stripe_server: StripeServer, settings: Settings
) -> None:
    settings.PAYMENTS_IDEMPOTENCY_LEASE_SECONDS = 2
    key = fresh_key()
    stripe_server.misbehave(Fault.SLOW_AFTER)
    asked_at = timezone.now()

    outcome = authorize(connector, "pm_card_visa", key=key)

    assert outcome == Unknown("Stripe did not answer (ReadTimeout).")
    assert 0.9 < (timezone.now() - asked_at).total_seconds() < 1.9
    assert isinstance(query(connector, CallKind.AUTHORIZE, key), Succeeded)


def test_a_connection_that_does_not_come_about_is_no_doubt(connector: StripeConnector, settings: Settings) -> None:
    settings.PAYMENTS_IDEMPOTENCY_LEASE_SECONDS = 3
    with socket.socket() as full:
        # Nobody takes connections up here, and what waits is full: the next one gets no answer.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(address)
        settings.PAYMENTS_STRIPE_API_BASE = f"http://127.0.0.1:{address[1]}"
        outcome = authorize(connector, "pm_card_visa")
        for connection in waiting:
            connection.close()

    assert isinstance(outcome, NotSent)
    assert "ConnectTimeoutError" in outcome.message


def test_a_name_that_nobody_has_is_no_doubt(connector: StripeConnector, settings: Settings) -> None:
    settings.PAYMENTS_STRIPE_API_BASE = "http://nobody.invalid"

    outcome = authorize(connector, "pm_card_visa")

    assert isinstance(outcome, NotSent)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_no_doubt(
    scheme: str, connector: StripeConnector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PAYMENTS_STRIPE_API_BASE = f"{scheme}://api.stripe.invalid"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        outcome = authorize(connector, "pm_card_visa")

    assert isinstance(outcome, NotSent)
    assert "refused" in outcome.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a certificate with its key, which nobody has signed."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split(),
            "-keyout",
            path,
            "-out",
            path,
        ],
        check=True,
        capture_output=True,
    )
    return path


@contextmanager
def tls_server(certificate: Path) -> Iterator[str]:
    """Yield the address of something that shakes hands with a certificate nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def shake_hands() -> None:
            connection, _ = listening.accept()
            with connection, pytest.raises(ssl.SSLError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def test_a_server_that_is_not_stripe_is_sent_nothing(
    connector: StripeConnector, settings: Settings, certificate: Path
) -> None:
    with tls_server(certificate) as address:
        settings.PAYMENTS_STRIPE_API_BASE = address
        outcome = authorize(connector, "pm_card_visa")

    assert isinstance(outcome, NotSent)
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.message


def test_a_question_that_cannot_be_asked_leaves_the_doubt(
    connector: StripeConnector, settings: Settings, stripe_server: StripeServer
) -> None:
    reference = reference_of(authorize(connector, "pm_card_visa"))

    words = [
        query(connector, CallKind.CAPTURE, fresh_key(), about="pi_unheard_of"),
        query(connector, CallKind.CAPTURE, fresh_key(), about=None),
    ]
    settings.PAYMENTS_STRIPE_API_BASE = "http://nobody.invalid"
    words.append(query(connector, CallKind.CAPTURE, fresh_key(), about=reference))

    assert [type(word) for word in words] == [Unknown] * 3


@every_verb
def test_what_is_not_there_yet_may_still_be_under_way(
    verb: str, connector: StripeConnector, stripe_server: StripeServer
) -> None:
    kind, begin, _ = VERBS[verb]
    about = begin(connector, stripe_server)

    word = query(connector, kind, fresh_key(), about=about, now=timezone.now())

    assert word == Unknown("Stripe has not seen the request yet; it may still be under way.")


def test_the_search_reads_every_page(connector: StripeConnector, stripe_server: StripeServer) -> None:
    key = fresh_key()
    first = authorize(connector, "pm_card_visa", key=key)
    for _ in range(120):
        intent = dict(stripe_server.books.all("payment_intent")[-1]) | {"metadata": {}}
        stripe_server.books.add(
            "pi", "payment_intent", **{k: v for k, v in intent.items() if k not in ("id", "object")}
        )

    word = query(connector, CallKind.AUTHORIZE, key)

    assert word == first
