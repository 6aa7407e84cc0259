"""Refunds, payouts and disputes as answers."""

from collections.abc import Mapping
from typing import Any, Final

from payments.connectors.base import Declined, Submitted, Succeeded
from payments.connectors.stripe.declines import TRY_LATER

Movement = Mapping[str, Any]

# Why a refund failed, in our words.
_REFUND_FAILURES: Final[Mapping[str, tuple[str, str | None]]] = {
    "charge_for_pending_refund_disputed": ("charge_disputed", None),
    "declined": ("generic_decline", None),
    "expired_or_canceled_card": ("expired_card", None),
    "insufficient_funds": ("insufficient_funds", TRY_LATER),
    "lost_or_stolen_card": ("lost_card", None),
    "merchant_request": ("canceled", None),
    "unknown": ("generic_decline", None),
}
# Why a payout failed, where our words differ from Stripe's.
_PAYOUT_FAILURES: Final[Mapping[str, str]] = {
    "bank_account_restricted": "account_restricted",
    "insufficient_funds": "insufficient_funds",
    "invalid_account_number": "invalid_destination",
    "invalid_account_number_length": "invalid_destination",
    "no_account": "invalid_destination",
}
_ANSWERED: Final = frozenset({"under_review", "won", "lost", "warning_under_review", "warning_closed"})

DISPUTE_CLOSED: Final = Declined("dispute_closed", None, "The dispute is decided.")


def answer_to_refund(refund: Movement) -> Submitted | Succeeded | Declined:
    """Return what a refund says of the request that made it.

    Raises:
        ValueError: its status is none we know.
    """
    reference = str(refund["id"])
    match refund["status"]:
        case "succeeded":
            return Succeeded(reference)
        case "pending" | "requires_action":
            return Submitted(reference)
        case "failed" | "canceled":
            reason = str(refund.get("failure_reason") or "unknown")
            code, advice = _REFUND_FAILURES.get(reason, ("generic_decline", None))
            return Declined(code, advice, f"The refund is {refund['status']} at Stripe: {reason}.", reference)
        case other:
            raise ValueError(f"a refund is {other!r}")


def answer_to_payout(payout: Movement) -> Submitted | Succeeded | Declined:
    """Return what a payout says of the request that made it.

    Raises:
        ValueError: its status is none we know.
    """
    reference = str(payout["id"])
    match payout["status"]:
        case "paid":
            return Succeeded(reference)
        case "pending" | "in_transit":
            return Submitted(reference)
        case "failed" | "canceled":
            reason = str(payout.get("failure_code") or "canceled")
            return Declined(_PAYOUT_FAILURES.get(reason, reason), None, failure_of_payout(payout), reference)
        case other:
            raise ValueError(f"a payout is {other!r}")


def failure_of_payout(payout: Movement) -> str:
    """Return why a payout failed, for people."""
    return str(payout.get("failure_message") or f"The payout is {payout['status']} at Stripe.")


def answer_to_evidence(dispute: Movement) -> Succeeded | Declined | None:
    """Return what a dispute says of evidence that was sent; None, where it still waits for an answer."""
    return Succeeded(str(dispute["id"])) if dispute["status"] in _ANSWERED else None


def answer_to_acceptance(dispute: Movement) -> Succeeded | Declined | None:
    """Return what a dispute says of its acceptance; None, where it still waits for an answer."""
    match dispute["status"]:
        case "lost" | "warning_closed":
            return Succeeded(str(dispute["id"]))
        case "won":
            return DISPUTE_CLOSED
        case _:
            return None
