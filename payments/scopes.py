"""What an API key may do: the scopes, each one noun and whether it is looked at or changed.

Writing does not include reading: a key that only takes payments cannot list those of others.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

# What a key holds that may do everything, also what is added later.
ALL: Final = "*"


class Scope(StrEnum):
    """One thing that a key may do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_READ = "refunds:read"
    REFUNDS_WRITE = "refunds:write"
    DISPUTES_READ = "disputes:read"
    DISPUTES_WRITE = "disputes:write"
    PAYOUTS_READ = "payouts:read"
    PAYOUTS_WRITE = "payouts:write"
    BALANCE_READ = "balance:read"
    EVENTS_READ = "events:read"
    DISCREPANCIES_READ = "discrepancies:read"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"


MEANINGS: Final[Mapping[Scope, str]] = {
    Scope.PAYMENTS_READ: "list payments and get one",
    Scope.PAYMENTS_WRITE: "create, confirm, capture and cancel payments",
    Scope.REFUNDS_READ: "list refunds and get one",
    Scope.REFUNDS_WRITE: "refund payments",
    Scope.DISPUTES_READ: "list disputes and get one",
    Scope.DISPUTES_WRITE: "answer disputes with evidence, or accept them",
    Scope.PAYOUTS_READ: "list payouts and get one",
    Scope.PAYOUTS_WRITE: "pay out what is available",
    Scope.BALANCE_READ: "get the balance and the journal behind it",
    Scope.EVENTS_READ: "list events, which hold the objects that changed, and get one",
    Scope.DISCREPANCIES_READ: "list discrepancies and get one",
    Scope.WEBHOOKS_READ: "list webhook endpoints and deliveries",
    Scope.WEBHOOKS_WRITE: "add, change and remove webhook endpoints, and send deliveries again",
}


def unknown(scopes: Collection[str]) -> set[str]:
    """Return those of the words that are no scope."""
    return set(scopes) - {ALL, *Scope}


def allow(held: Collection[str], needed: Scope) -> bool:
    """Tell whether a key that holds these scopes may do what needs one of them."""
    return ALL in held or needed in held


def within(narrow: Collection[str], wide: Collection[str]) -> bool:
    """Tell whether all that the first scopes allow is allowed by the second ones too."""
    return ALL in wide or set(narrow) <= set(wide)
