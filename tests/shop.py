"""A merchant with a key, as the tests use it: everything goes through the API or the operations."""

import json
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from payments import public_ids
from payments.lifecycles import Mode
from payments.models import Merchant, Payment
from payments.operations.api_keys import UNBOUND, Bounds, issue_api_key
from payments.operations.callers import Caller
from payments.operations.merchants import create_merchant

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse


@cache
def _handler() -> ClientHandler:
    """Return the one chain of middleware: to make it, every static file is looked at."""
    return ClientHandler(enforce_csrf_checks=False)


def new_client(kind: type[Client] = Client) -> Client:
    """Return an HTTP client that is quick to make; each thread takes its own."""
    client = kind()
    client.handler = _handler()
    return client


@dataclass
class Shop:
    """One merchant in one mode, and an HTTP client that carries its key."""

    merchant: Merchant
    mode: Mode
    key: str
    client: Client = field(default_factory=new_client)
    numbers: Any = field(default_factory=lambda: count(1))

    @property
    def caller(self) -> Caller:
        """Return the shop as operations know it."""
        return Caller(self.merchant.id, self.mode)

    def get(self, path: str, **query: Any) -> "_MonkeyPatchedWSGIResponse":
        """GET an address with query parameters."""
        return self.client.get(path, query, headers={"Authorization": f"Bearer {self.key}"})

    def post(
        self, path: str, body: dict[str, Any] | str | bytes | None = None, *, key: str | None = None
    ) -> "_MonkeyPatchedWSGIResponse":
        """POST a JSON body (a str or bytes goes as it is) under an idempotency key, a fresh one by default."""
        content = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return self.client.post(
            path,
            content,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.key}", "Idempotency-Key": key or self.fresh_key()},
        )

    def pay(self, **changes: Any) -> "_MonkeyPatchedWSGIResponse":
        """Create a payment of 19.99 EUR with a card that works; `changes` override members of the body."""
        return self.pay_under(self.fresh_key(), **changes)

    def pay_under(self, key: str, **changes: Any) -> "_MonkeyPatchedWSGIResponse":
        """Create such a payment under an idempotency key of the test's choice."""
        body = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"} | changes
        return self.post("/v1/payments", body, key=key)

    def authorize(self, **changes: Any) -> dict[str, Any]:
        """Create a payment that waits to be captured, and return it."""
        response = self.pay(capture_method="manual", **changes)
        assert response.status_code == 201, response.content
        return dict(json.loads(response.content))

    def fresh_key(self) -> str:
        """Return an idempotency key that this shop has not used."""
        return f"key-{self.merchant.public_id}-{next(self.numbers)}"


def open_shop(*, mode: Mode = Mode.TEST, merchant: Merchant | None = None, bounds: Bounds = UNBOUND) -> Shop:
    """Return a shop of a new merchant, or a further one of the same, with a key of its own."""
    now = timezone.now()
    merchant = merchant or create_merchant(name="Test shop", now=now)
    issued = issue_api_key(merchant=merchant, mode=mode, name="tests", bounds=bounds, now=now)
    return Shop(merchant, mode, issued.secret)


def payment_named(public_id: str) -> Payment:
    """Return the row behind `pay_…`."""
    return Payment.objects.get(pk=uuid_of(public_id))


def uuid_of(public_id: str) -> UUID:
    """Return the UUID behind any public id."""
    return public_ids.decode(public_id.rpartition("_")[0], public_id)
