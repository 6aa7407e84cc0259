"""The questions that the contract asks of any connector."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from payments.connectors.base import (
    AuthorizeRequest,
    CaptureRequest,
    Connector,
    Outcome,
    RefundRequest,
    StatusQuery,
    Succeeded,
    VoidRequest,
)
from payments.lifecycles import CallKind
from payments.money import Money
from tests.connectors.asking import BACK
from tests.connectors.contract.subjects import Breaks, Subject

# Long enough for whatever was under way to have arrived.
LATER = timedelta(minutes=10)
TEN_EUROS = Money(1000, "EUR")


def euros(amount: int) -> Money:
    """Return cents."""
    return Money(amount, "EUR")


def fresh_key() -> str:
    """Return an idempotency key that nobody has used."""
    return f"call_{uuid4().hex}"


def authorize(
    connector: Connector, card: str, *, amount: Money = TEN_EUROS, capture: bool = False, key: str = ""
) -> Outcome:
    """Ask for an authorization."""
    request = AuthorizeRequest(key or fresh_key(), card, amount, capture=capture, return_url=BACK, now=timezone.now())
    return connector.authorize(request)


def capture(connector: Connector, reference: str, amount: Money, *, final: bool = True, key: str = "") -> Outcome:
    """Ask for a capture."""
    return connector.capture(CaptureRequest(key or fresh_key(), reference, amount, final=final, now=timezone.now()))


def void(connector: Connector, reference: str, *, key: str = "") -> Outcome:
    """Ask to give back what is left."""
    return connector.void(VoidRequest(key or fresh_key(), reference, now=timezone.now()))


def refund(connector: Connector, reference: str, amount: Money, *, key: str = "") -> Outcome:
    """Ask to give back what was captured."""
    return connector.refund(RefundRequest(key or fresh_key(), reference, amount, now=timezone.now()))


def query(
    connector: Connector,
    kind: CallKind,
    key: str,
    *,
    about: str | None = None,
    amount: Money = TEN_EUROS,
    now: datetime | None = None,
) -> Outcome:
    """Ask what became of a request that was made a moment ago, later."""
    asked_at = timezone.now()
    return connector.query(
        StatusQuery(
            key, kind=kind, processor_reference=about, amount=amount, requested_at=asked_at, now=now or asked_at + LATER
        )
    )


def reference_of(outcome: Outcome) -> str:
    """Return the processor's reference of what succeeded."""
    assert isinstance(outcome, Succeeded), outcome
    return outcome.processor_reference


def authorized(subject: Subject, *, breaking: Breaks | None = None, amount: Money = TEN_EUROS) -> str:
    """Return an authorization; with `breaking` of a card with which the next request can go wrong."""
    card = subject.cards["works"] if breaking is None else subject.card_for(breaking)
    return _reference(subject, card, amount, capture=False)


def charged(subject: Subject, *, breaking: Breaks | None = None, amount: Money = TEN_EUROS) -> str:
    """Return a charge, likewise."""
    card = subject.cards["works"] if breaking is None else subject.card_for(breaking)
    return _reference(subject, card, amount, capture=True)


def _reference(subject: Subject, card: str, amount: Money, *, capture: bool) -> str:
    """Return the reference, be the answer to the authorization lost or not."""
    key = fresh_key()
    outcome = authorize(subject.connector, card, amount=amount, capture=capture, key=key)
    if not isinstance(outcome, Succeeded):
        outcome = query(subject.connector, CallKind.AUTHORIZE, key)
    return reference_of(outcome)
