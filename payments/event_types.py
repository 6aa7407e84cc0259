"""The catalogue of events: every type that there can be, from the lifecycles, and patterns that choose among them."""

from typing import Final

from payments.lifecycles import DISCREPANCY, DISPUTE, PAYMENT, PAYOUT, REFUND, WEBHOOK_ENDPOINT

EVERY_TYPE: Final = "*"
TEST_EVENT: Final = "webhook_endpoint.test"

# Nouns whose changes merchants are told of.
_TOLD: Final = (PAYMENT, REFUND, DISPUTE, PAYOUT, DISCREPANCY, WEBHOOK_ENDPOINT)
# What happens to an object without moving it along its lifecycle.
_WITHOUT_A_MOVE: Final = (
    *("payment.rerouted", "payment.refunded", "payment.disputed", "dispute.updated"),
    *("webhook_endpoint.updated", "webhook_endpoint.secret_rotated", TEST_EVENT),
)

# `payment.created`, then `payment.` with each status that a move can reach, and so on.
EVENT_TYPES: Final = frozenset(
    {f"{lifecycle.noun}.created" for lifecycle in _TOLD}
    | {f"{lifecycle.noun}.{status}" for lifecycle in _TOLD for start, status in lifecycle.pairs() if start}
    | set(_WITHOUT_A_MOVE)
)


def patterns_of(event_type: str) -> tuple[str, str, str]:
    """Return the patterns that choose events of a type: itself, all of its noun, and all there are.

    The function `payments_wants_event` in the database says the same in SQL; a test compares the two.
    """
    return event_type, f"{event_type.partition('.')[0]}.*", EVERY_TYPE


def known_patterns() -> frozenset[str]:
    """Return every pattern that chooses something."""
    return frozenset(pattern for event_type in EVENT_TYPES for pattern in patterns_of(event_type))
