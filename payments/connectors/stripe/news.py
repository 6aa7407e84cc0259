"""Stripe's events: verified as they come in, and understood later.

An event is of interest when it says how something ended that we asked for, or that money moved which nobody asked for.
What it says is tied to a request of ours by the key in the object's metadata. Of an authorization's PaymentIntent it
is never said that it failed once a charge stands behind it: that it is canceled then is the answer to a void.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import stripe

from payments.connectors.base import (
    CallAnswered,
    DisputeClosed,
    DisputeOpened,
    News,
    NotAuthentic,
    Notice,
    PayoutReturned,
    RefundReturned,
    Succeeded,
)
from payments.connectors.stripe.credentials import is_live, webhook_secrets
from payments.connectors.stripe.intents import (
    Answer,
    answer_to_authorization,
    answer_to_capture,
    captures_of,
    key_of,
)
from payments.connectors.stripe.movements import answer_to_payout, answer_to_refund, failure_of_payout
from payments.connectors.stripe.units import from_stripe

# An event that was signed longer ago, or will be, is not taken: it may be a recording of one.
TOLERANCE: Final = timedelta(minutes=5)
# Where a dispute does not say until when one may argue.
_EVIDENCE_DAYS: Final = timedelta(days=7)

# What is kept of an object. Names, addresses and the client's secret of a PaymentIntent are not.
_KEPT: Final = frozenset(
    {
        *("id", "object", "status", "amount", "amount_received", "capture_method", "currency", "metadata", "created"),
        *("latest_charge", "last_payment_error", "charge", "payment_intent", "reason", "failure_reason"),
        *("failure_code", "failure_message", "balance_transactions", "evidence_details", "automatic"),
    }
)
_KEPT_OF_ERRORS: Final = frozenset({"type", "code", "decline_code", "advice_code", "message", "param"})

_Object = Mapping[str, Any]


class _OfNoInterest(ValueError):
    """An event that says nothing we act on."""


def receive(credentials: Mapping[str, str], body: bytes, headers: Mapping[str, str], *, now: datetime) -> Notice | None:
    """Verify an event; see `StripeConnector.receive`."""
    _verify(body, headers.get("stripe-signature", ""), webhook_secrets(credentials), now=now)
    event = json.loads(body)
    try:
        kept = _kept(event)
        if bool(event["livemode"]) != is_live(credentials) or event.get("account"):
            # One endpoint may be sent both modes' events, and those of accounts connected to this one.
            return None
        read(kept)
        return Notice(
            event_id=str(event["id"]),
            type=str(event["type"]),
            object_reference=str(kept["data"]["object"]["id"]),
            occurred_at=_moment(event["created"]),
            payload=kept,
        )
    except _OfNoInterest:
        return None
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"an event of Stripe's cannot be read: {error!r}") from error


def read(payload: _Object) -> News:
    """Understand an event.

    Raises:
        ValueError: it is none that we act on.
    """
    found: _Object = payload["data"]["object"]
    match str(payload["type"]).split("."):
        case ["payment_intent", "succeeded" | "amount_capturable_updated" | "payment_failed" | "canceled"]:
            return _about_intent(found, now=_moment(payload["created"]))
        case ["refund", "updated" | "failed"] | ["charge", "refund", "updated"]:
            return _about_refund(found, payload["data"].get("previous_attributes") or {})
        case ["charge", "dispute", "created" | "funds_withdrawn"]:
            return _dispute_opened(found)
        case ["charge", "dispute", "closed"]:
            return _dispute_closed(found)
        case ["payout", "paid" | "failed" | "canceled"]:
            return _about_payout(found, str(payload["type"]))
        case _:
            raise _OfNoInterest(f"we do not act on {payload['type']!r}")


def _verify(body: bytes, header: str, secrets: list[str], *, now: datetime) -> None:
    """Accept what one of the secrets has signed, not long ago.

    Raises:
        NotAuthentic: none has, or that was long ago.
    """
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
            break
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
    else:
        raise NotAuthentic("No secret of the account's has signed this.")
    signed_at = next(int(part[2:]) for part in header.split(",") if part.startswith("t="))
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise NotAuthentic("This was signed at another time.")


def _about_intent(intent: _Object, *, now: datetime) -> CallAnswered:
    key, captures = key_of(intent), captures_of(intent)
    if key is None:
        raise _OfNoInterest("the PaymentIntent is none of ours")
    match intent["status"]:
        case "succeeded" if intent["capture_method"] == "manual":
            # It ends with the last capture, or with the void of what was left after one.
            final = [capture for capture, (_, is_final) in captures.items() if is_final]
            if len(final) != 1:
                raise _OfNoInterest("no capture of ours has ended the PaymentIntent")
            return CallAnswered(final[0], _answer_to_end(intent, final[0]))
        case "canceled" if intent.get("latest_charge"):
            raise _OfNoInterest("what was reserved is given back, as the answer to a void says")
        case "requires_payment_method" if captures:
            raise _OfNoInterest("which capture has failed, its own answer says")
        case "succeeded" | "requires_capture" | "requires_payment_method" | "canceled":
            return CallAnswered(key, answer_to_authorization(intent, now=now))
        case status:
            raise _OfNoInterest(f"the PaymentIntent is {status!r} again")


def _answer_to_end(intent: _Object, key: str) -> Answer:
    nothing_taken = captures_of(intent)[key][0] == 0
    return Succeeded(str(intent["id"])) if nothing_taken else answer_to_capture(intent, key)


def _about_refund(refund: _Object, before: _Object) -> CallAnswered | RefundReturned:
    key = key_of(refund)
    if key is None:
        raise _OfNoInterest("the refund is none of ours")
    answer = answer_to_refund(refund)
    failed = refund["status"] in ("failed", "canceled")
    if failed and before.get("status") not in ("pending", "requires_action"):
        # It may have succeeded before. If it had not with us, this waits until it is known to have.
        return RefundReturned(str(refund["id"]), f"The refund failed: {refund.get('failure_reason') or 'unknown'}.")
    return CallAnswered(key, answer)


def _about_payout(payout: _Object, event_type: str) -> CallAnswered | PayoutReturned:
    key = key_of(payout)
    if key is None:
        # Stripe's own payouts are told about in the settlement reports.
        raise _OfNoInterest("the payout is none of ours")
    if event_type == "payout.failed":
        return PayoutReturned(str(payout["id"]), failure_of_payout(payout))
    return CallAnswered(key, answer_to_payout(payout))


def _dispute_opened(dispute: _Object) -> DisputeOpened:
    withdrawals = [moved for moved in dispute.get("balance_transactions") or [] if moved["amount"] < 0]
    if not withdrawals:
        raise _OfNoInterest("a question about a charge, which takes nothing")
    if not dispute.get("payment_intent"):
        raise _OfNoInterest("the disputed charge is none of ours")
    due_by = (dispute.get("evidence_details") or {}).get("due_by")
    # A fee in another currency than the charge's cannot be held with it; the settlement report will have it.
    fees = [moved["fee"] for moved in withdrawals if moved["currency"] == dispute["currency"]]
    return DisputeOpened(
        processor_reference=str(dispute["id"]),
        charge_reference=str(dispute["payment_intent"]),
        amount=from_stripe(dispute["amount"], dispute["currency"]),
        fee=from_stripe(sum(fees), dispute["currency"]).amount,
        reason=str(dispute["reason"]),
        evidence_due_at=_moment(due_by) if due_by else _moment(dispute["created"]) + _EVIDENCE_DAYS,
    )


def _dispute_closed(dispute: _Object) -> DisputeClosed:
    if dispute["status"] not in ("won", "lost"):
        raise _OfNoInterest("a question about a charge is closed, which took nothing")
    return DisputeClosed(str(dispute["id"]), won=dispute["status"] == "won")


def _kept(event: _Object) -> dict[str, Any]:
    """Return what is stored of an event: what is read, and no more of anybody's data than that."""
    found = {name: value for name, value in event["data"]["object"].items() if name in _KEPT}
    if found.get("last_payment_error"):
        error = found["last_payment_error"]
        found["last_payment_error"] = {name: value for name, value in error.items() if name in _KEPT_OF_ERRORS}
    before = event["data"].get("previous_attributes") or {}
    return {
        **{name: event.get(name) for name in ("id", "type", "created", "livemode", "api_version")},
        "data": {
            "object": found,
            "previous_attributes": {name: value for name, value in before.items() if name == "status"},
        },
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
