"""What the server knows: every object by its id, and the events, in order."""

import secrets
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.stripe_server.wire import Object, Problem


class Books:
    """One account at Stripe."""

    def __init__(self, *, public_address: str, clock: Callable[[], float] = time.time) -> None:
        """Begin with nothing. `clock` tells the time in seconds."""
        self.objects: dict[str, Object] = {}
        self.events: list[Object] = []
        self.clock = clock
        self.public_address = public_address

    def add(self, prefix: str, kind: str, **members: Any) -> Object:
        """Make an object."""
        identity = f"{prefix}_{secrets.token_hex(12)}"
        document = {"id": identity, "object": kind, "created": int(self.clock()), "livemode": False} | members
        self.objects[identity] = document
        return document

    def get(self, identity: str, kind: str) -> Object:
        """Return an object of a kind.

        Raises:
            Problem: there is none.
        """
        found = self.objects.get(identity)
        if found is None or found["object"] != kind:
            raise Problem(404, f"No such {kind}: '{identity}'", code="resource_missing", param="id")
        return found

    def all(self, kind: str, **members: Any) -> list[Object]:
        """Return the objects of a kind that have these members, newest first."""
        return [
            document
            for document in reversed(self.objects.values())
            if document["object"] == kind and all(document.get(name) == value for name, value in members.items())
        ]

    def move_money(self, category: str, source: Object, amount: int, *, fee: int = 0, currency: str) -> Object:
        """Add a balance transaction; amounts in Stripe's units."""
        return self.add(
            "txn",
            "balance_transaction",
            amount=amount,
            fee=fee,
            net=amount - fee,
            currency=currency,
            reporting_category=category,
            type=category,
            source=source["id"],
            payout=None,
        )

    def tell(self, event_type: str, document: Object, **before: Any) -> None:
        """Add an event about an object as it is now; `before` is what its changed members were."""
        data: Object = {"object": deepcopy(document)}
        if before:
            data["previous_attributes"] = before
        self.events.append(
            {
                "id": f"evt_{secrets.token_hex(12)}",
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": int(self.clock()),
                "livemode": False,
                "type": event_type,
                "data": data,
            }
        )
