"""PaymentIntents as answers: what one says of our authorization, and of our captures.

A capture leaves its key in the PaymentIntent's metadata, in the same stroke. That is how one can tell afterwards
whether a capture was received, and which capture a line of a settlement report is.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from payments.connectors.base import ActionRequired, Declined, Submitted, Succeeded
from payments.connectors.stripe.declines import CANCELED, TRY_LATER, declined

Intent = Mapping[str, Any]
Answer = Submitted | Succeeded | Declined | ActionRequired

# Under this name an object's metadata has the key of the request that made it.
KEY: Final = "idempotency_key"

# Stripe sets the payer no end; so long after, it is asked whether the payer is still expected.
ASK_AGAIN_AFTER: Final = timedelta(hours=1)

_CAPTURE: Final = re.compile(r"(\d+) (part|final)", re.ASCII)
_CANNOT_BE_DONE: Final = Declined(
    "action_not_supported", None, "The payer has to do something that is not a page to be sent to."
)
_NEVER_CONFIRMED: Final = Declined("processing_error", TRY_LATER, "Stripe took the payment in and did not try it.")


def key_of(document: Mapping[str, Any]) -> str | None:
    """Return the key of the request that made an object; None, where it was not made by us."""
    key = (document.get("metadata") or {}).get(KEY)
    return None if key is None else str(key)


def answer_to_authorization(intent: Intent, *, now: datetime) -> Answer:
    """Return what a PaymentIntent says of the request that made it.

    Raises:
        ValueError: its status is none we know.
    """
    reference = str(intent["id"])
    match intent["status"]:
        case "succeeded" | "requires_capture":
            return Succeeded(reference, _authorization_code(intent))
        case "processing":
            return Submitted(reference)
        case "requires_action":
            url = _page_of(intent.get("next_action") or {})
            return _CANNOT_BE_DONE if url is None else ActionRequired(reference, url, now + ASK_AGAIN_AFTER)
        case "requires_payment_method":
            return declined(intent.get("last_payment_error") or {}, reference=reference)
        case "requires_confirmation":
            return _NEVER_CONFIRMED
        case "canceled":
            return CANCELED
        case other:
            raise ValueError(f"a PaymentIntent is {other!r}")


def is_untried(intent: Intent) -> bool:
    """Tell whether nothing has become of a PaymentIntent: it was made, and the card was not asked, or not yet."""
    if intent["status"] == "requires_payment_method":
        return not intent.get("last_payment_error")
    return bool(intent["status"] == "requires_confirmation")


def answer_to_capture(intent: Intent, key: str) -> Answer:
    """Return what a PaymentIntent says of a capture that it has taken in.

    Raises:
        ValueError: its status is none that a capture leads to.
    """
    match intent["status"]:
        case "succeeded" | "requires_capture":
            return Succeeded(capture_reference(intent, key))
        case "processing":
            return Submitted(capture_reference(intent, key))
        case "requires_payment_method":
            return declined(intent.get("last_payment_error") or {}, reference=str(intent["id"]))
        case other:
            raise ValueError(f"a captured PaymentIntent is {other!r}")


def capture_mark(amount: int, *, final: bool) -> str:
    """Return what a capture of an amount in Stripe's units leaves under its key."""
    return f"{amount} {'final' if final else 'part'}"


def captures_of(intent: Intent) -> dict[str, tuple[int, bool]]:
    """Return amount (in Stripe's units) and whether it is final, of every capture by its key; in the order of keys."""
    marks = {key: _CAPTURE.fullmatch(str(mark)) for key, mark in sorted((intent.get("metadata") or {}).items())}
    return {key: (int(mark[1]), mark[2] == "final") for key, mark in marks.items() if mark is not None}


def capture_reference(intent: Intent, key: str) -> str:
    """Return what we call a capture: the PaymentIntent where it is the only one, and of several the one of this key.

    Stripe itself has no name for one of several captures.
    """
    captures = captures_of(intent)
    alone = list(captures) == [key] and captures[key][1]
    return str(intent["id"]) if alone or not captures else f"{intent['id']}/{key}"


def _authorization_code(intent: Intent) -> str | None:
    charge = intent.get("latest_charge")
    if not isinstance(charge, Mapping):
        return None
    card = (charge.get("payment_method_details") or {}).get("card") or {}
    code = card.get("authorization_code") or charge.get("authorization_code")
    return None if code is None else str(code)


def _page_of(action: Mapping[str, Any]) -> str | None:
    """Return the page that the payer is to be sent to; None, where the action is none."""
    details = action.get(str(action.get("type")))
    url = details.get("url") if isinstance(details, Mapping) else None
    return None if url is None else str(url)
