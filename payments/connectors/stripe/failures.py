"""What a request that did not end well means: that Stripe said no, that it never got there, or that nobody knows."""

import logging
from collections.abc import Callable
from typing import Final

import stripe

from payments.connectors.base import Declined, NotSent, Outcome, Unknown
from payments.connectors.stripe.client import NeverConnected
from payments.connectors.stripe.declines import declined
from payments.connectors.stripe.units import AmountNotSupported

logger = logging.getLogger(__name__)

_UNREADABLE: Final = Unknown("Stripe's answer cannot be read; it may or may not have acted.")


def asked(ask: Callable[[], Outcome]) -> Outcome:
    """Ask, and return the outcome whatever becomes of the question."""
    try:
        return ask()
    except AmountNotSupported as error:
        # Before anything was sent.
        return Declined("amount_not_supported", None, str(error))
    except stripe.StripeError as error:
        return outcome_of(error)
    except (KeyError, TypeError, ValueError):
        logger.exception("an answer of Stripe's is not as documented")
        return _UNREADABLE


def looked(look: Callable[[], Outcome]) -> Outcome:
    """Look, and return what is seen; where nothing can be seen, that says nothing about what was asked earlier."""
    try:
        return look()
    except stripe.StripeError as error:
        logger.warning("Stripe cannot be asked what became of a request: %r", error)
        return Unknown("Stripe could not be asked what became of the request.")
    except (KeyError, TypeError, ValueError):
        logger.exception("an answer of Stripe's is not as documented")
        return _UNREADABLE


def outcome_of(error: stripe.StripeError) -> Outcome:
    """Return what an error of the SDK's says about a request that would have acted.

    Stripe answers a key that has been answered before with the same answer, errors of its own (5xx) among them: that
    says as little the second time as it did the first. Keys it refuses, rates it limits and requests it cannot
    understand are turned away before it acts.
    """
    match error:
        case stripe.APIConnectionError():
            if isinstance(error.__cause__, NeverConnected):
                return NotSent(f"Stripe could not be reached: {error.__cause__}.")
            return Unknown(f"Stripe did not answer ({type(error.__cause__).__name__}).")
        case stripe.AuthenticationError() | stripe.PermissionError():
            logger.error("Stripe refuses the account's key: %s (%s)", error.code, error.request_id)
            return NotSent("The processor refuses our key.")
        case stripe.RateLimitError():
            return NotSent("Stripe limits the rate of requests, and has turned this one away.")
        case stripe.IdempotencyError():
            # An earlier request under this key had other contents. What became of that one, this one does not say.
            logger.error("Stripe knows another request under the same key (%s)", error.request_id)
            return Unknown("Stripe knows another request under the same key.")
        case stripe.CardError() | stripe.InvalidRequestError():
            return declined(_document(error))
        case _:
            return Unknown(f"Stripe answered with status {error.http_status}.")


def _document(error: stripe.StripeError) -> dict[str, object]:
    """Return the error object of an answer."""
    body = error.json_body
    found = body.get("error") if isinstance(body, dict) else None
    return dict(found) if isinstance(found, dict) else {}
