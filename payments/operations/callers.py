"""Who asks, and under which idempotency key."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payments.lifecycles import Mode


@dataclass(frozen=True, slots=True)
class Caller:
    """One merchant in one mode: all that a key may see and touch."""

    merchant_id: UUID
    mode: Mode

    @property
    def owned(self) -> dict[str, Any]:
        """Return the look-ups that keep a query to the caller's own rows."""
        return {"merchant_id": self.merchant_id, "mode": self.mode}


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request that moves money: who sent it, under which key, and a fingerprint of what it asks.

    `path` and `request_id` go into the problem document, should it end in one.
    """

    caller: Caller
    key: str
    fingerprint: str
    path: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a merchant is told: an HTTP status and a JSON text, the same each time the request is repeated."""

    status: int
    body: str
    replayed: bool = False
