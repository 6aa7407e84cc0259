"""The connectors under test, each with its processor: how a card is called there, how it breaks, what its books say."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum, auto
from typing import Final, Protocol

from pytest_django import Settings

from django.utils import timezone

from payments.connectors.base import ActionRequired, Connector
from payments.connectors.sandbox import SandboxConnector, actions
from payments.connectors.stripe import StripeConnector
from payments.models import SandboxCharge, SandboxDispute
from payments.money import Money
from tests.connectors.contract.localstripe import ask
from tests.stripe_server import Fault, StripeServer
from tests.stripe_server.intents import authenticate
from tests.stripe_server.movements import BANK_ACCOUNT
from tests.stripe_server.news import WEBHOOK_SECRET
from tests.stripe_server.server import SECRET_KEY


class Breaks(Enum):
    """The ways in which a request goes wrong that every processor knows."""

    LOST_BEFORE = auto()
    LOST_AFTER = auto()
    ERROR_AFTER = auto()


class Subject(Protocol):
    """A connector and its processor."""

    connector: Connector
    # What a card or destination of a kind is called there.
    cards: Mapping[str, str]

    def card_for(self, breaks: Breaks) -> str:
        """Return a card with which requests can go wrong in this way."""

    def break_next(self, breaks: Breaks) -> None:
        """Have the next request of such a card go wrong."""

    def closed(self) -> AbstractContextManager[None]:
        """Close the processor's door meanwhile, to the card `unreachable` at least."""

    def taken(self, reference: str) -> tuple[Money, Money]:
        """Return what is captured and what is refunded of an authorization, by the processor's books."""

    def decide(self, action: ActionRequired, *, approved: bool) -> None:
        """Have the payer decide."""

    def dispute_of(self, reference: str) -> str:
        """Return the dispute of a charge."""


class SandboxSubject:
    """The sandbox, whose cards say what goes wrong."""

    connector: Connector = SandboxConnector()
    cards: Mapping[str, str] = {
        "works": "pm_card_visa",
        "declined": "pm_card_declined",
        "insufficient_funds": "pm_card_insufficient_funds",
        "lost": "pm_card_lost",
        "stolen": "pm_card_stolen",
        "expired": "pm_card_expired",
        "incorrect_cvc": "pm_card_incorrect_cvc",
        "processing_error": "pm_card_processing_error",
        "unheard_of": "pm_card_unheard_of",
        "unreachable": "pm_fault_unreachable",
        "needs_payer": "pm_card_authentication_required",
        "disputed": "pm_card_disputed",
        "bank_account": "ba_sandbox",
    }
    _FAULTS: Final = {
        Breaks.LOST_BEFORE: "pm_fault_timeout_before",
        Breaks.LOST_AFTER: "pm_fault_timeout_after",
        Breaks.ERROR_AFTER: "pm_fault_error_after",
    }

    def card_for(self, breaks: Breaks) -> str:
        """Return the card that is named after it."""
        return self._FAULTS[breaks]

    def break_next(self, breaks: Breaks) -> None:
        """Do nothing: the card does it."""

    def closed(self) -> AbstractContextManager[None]:
        """Do nothing: the card does it."""
        return nullcontext()

    def taken(self, reference: str) -> tuple[Money, Money]:
        """Return what stands in the sandbox's tables."""
        charge = SandboxCharge.objects.get(reference=reference)
        return Money(charge.amount_captured, charge.currency), Money(charge.amount_refunded, charge.currency)

    def decide(self, action: ActionRequired, *, approved: bool) -> None:
        """Press a button on the sandbox's page."""
        assert actions.decide(action.processor_reference, approved=approved, now=timezone.now())

    def dispute_of(self, reference: str) -> str:
        """Return the dispute that the card has opened."""
        return str(SandboxDispute.objects.get(charge_reference=reference).reference)


class StripeSubject:
    """Our connector for Stripe, on a Stripe of our own."""

    cards: Mapping[str, str] = {
        "works": "pm_card_visa",
        "declined": "pm_card_visa_chargeDeclined",
        "insufficient_funds": "pm_card_visa_chargeDeclinedInsufficientFunds",
        "lost": "pm_card_visa_chargeDeclinedLostCard",
        "stolen": "pm_card_visa_chargeDeclinedStolenCard",
        "expired": "pm_card_chargeDeclinedExpiredCard",
        "incorrect_cvc": "pm_card_chargeDeclinedIncorrectCvc",
        "processing_error": "pm_card_chargeDeclinedProcessingError",
        "unheard_of": "pm_card_unheard_of",
        "unreachable": "pm_card_visa",
        "needs_payer": "pm_card_authenticationRequired",
        "disputed": "pm_card_createDispute",
        "bank_account": BANK_ACCOUNT,
    }
    _FAULTS: Final = {
        Breaks.LOST_BEFORE: Fault.DROP_BEFORE,
        Breaks.LOST_AFTER: Fault.DROP_AFTER,
        Breaks.ERROR_AFTER: Fault.ERROR_AFTER,
    }

    def __init__(self, server: StripeServer, settings: Settings) -> None:
        """Speak to a server."""
        self._server = server
        self._settings = settings
        settings.PAYMENTS_STRIPE_API_BASE = server.address
        self.connector: Connector = stripe_connector()

    def card_for(self, breaks: Breaks) -> str:
        """Return a card like any other."""
        return "pm_card_visa"

    def break_next(self, breaks: Breaks) -> None:
        """Have the server misbehave."""
        self._server.misbehave(self._FAULTS[breaks])

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Look for the server where none listens."""
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            self._settings.PAYMENTS_STRIPE_API_BASE = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            yield
            self._settings.PAYMENTS_STRIPE_API_BASE = self._server.address

    def taken(self, reference: str) -> tuple[Money, Money]:
        """Return what stands in the server's books, in our units."""
        intent = self._server.books.get(reference, "payment_intent")
        charge = self._server.books.get(intent["latest_charge"], "charge")
        currency = str(intent["currency"]).upper()
        return (
            Money(_in_our_units(intent["amount_received"], currency), currency),
            Money(_in_our_units(charge["amount_refunded"], currency), currency),
        )

    def decide(self, action: ActionRequired, *, approved: bool) -> None:
        """Decide on the issuer's page."""
        books = self._server.books
        authenticate(books, books.get(action.processor_reference, "payment_intent"), approved=approved)

    def dispute_of(self, reference: str) -> str:
        """Return the dispute that the card has opened."""
        (dispute,) = self._server.books.all("dispute", payment_intent=reference)
        return str(dispute["id"])


class LocalStripeSubject:
    """The same connector, on localstripe, which neither breaks nor disputes nor sends anybody anywhere."""

    cards: Mapping[str, str] = {"works": "pm_card_visa", "declined": "pm_card_chargeCustomerFail"}

    def __init__(self, address: str, settings: Settings) -> None:
        """Speak to it, wherever it is."""
        self._address = address
        settings.PAYMENTS_STRIPE_API_BASE = address
        self.connector: Connector = stripe_connector()

    def taken(self, reference: str) -> tuple[Money, Money]:
        """Return what it says. As Stripe once did, it gives the rest of a capture back as a refund, without a key."""
        intent = ask(self._address, f"/v1/payment_intents/{reference}?expand[]=latest_charge")
        charge, currency = intent["latest_charge"], intent["currency"].upper()
        if not charge["captured"]:
            return Money(0, currency), Money(0, currency)
        refunds = ask(self._address, f"/v1/refunds?payment_intent={reference}&limit=100")["data"]
        given_back = sum(refund["amount"] for refund in refunds if not refund["metadata"])
        refunded = sum(refund["amount"] for refund in refunds if refund["metadata"])
        return (
            Money(_in_our_units(charge["amount"] - given_back, currency), currency),
            Money(_in_our_units(refunded, currency), currency),
        )

    def card_for(self, breaks: Breaks) -> str:
        """Refuse."""
        raise NotImplementedError

    def break_next(self, breaks: Breaks) -> None:
        """Refuse."""
        raise NotImplementedError

    def closed(self) -> AbstractContextManager[None]:
        """Refuse."""
        raise NotImplementedError

    def decide(self, action: ActionRequired, *, approved: bool) -> None:
        """Refuse."""
        raise NotImplementedError

    def dispute_of(self, reference: str) -> str:
        """Refuse."""
        raise NotImplementedError


# How many of Stripe's units one of ours is. It is written down here once more, so that the table is tested.
_UNITS: Final = {"ISK": 100, "UGX": 100}


def _in_our_units(amount: int, currency: str) -> int:
    if currency == "MGA":
        return amount * 100
    assert amount % _UNITS.get(currency, 1) == 0, (amount, currency)
    return amount // _UNITS.get(currency, 1)


def stripe_connector() -> StripeConnector:
    """Return the connector with the server's own key."""
    return StripeConnector({"secret_key": SECRET_KEY, "webhook_secret": WEBHOOK_SECRET})
