"""Processors of the tests' own, where merchants have accounts: the sandbox under other names, well or not."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pytest

from django.utils import timezone

from payments.connectors import registry
from payments.connectors.base import (
    AuthorizeRequest,
    CaptureRequest,
    NotAuthentic,
    Notice,
    NotSent,
    Outcome,
    PayoutRequest,
    RefundRequest,
    Unknown,
)
from payments.connectors.sandbox import SandboxConnector
from payments.lifecycles import Mode
from payments.models import ProcessorAccount
from payments.operations.processor_accounts import open_account
from payments.public_ids import new_uuid
from tests.shop import Shop

UNREACHABLE: Final = NotSent("Connection refused.")
SILENT: Final = Unknown("No answer in time.")
SECRETS: Final = {"secret_key": "sk-of-the-account", "webhook_secret": "whsec-of-the-account"}

Ask = Callable[[Any], Outcome]


@dataclass
class Processor:
    """One of them, as all its accounts see it: what it was asked, and what happens to what it is asked."""

    name: str
    # The requests that came this far, by method and idempotency key.
    asked: list[tuple[str, str]] = field(default_factory=list)
    # Says what happens instead of an answer, if anything does; it may wait, or raise.
    fault: Callable[[], Outcome | None] = lambda: None
    # pylint: disable-next=invalid-name
    CREDENTIALS: Mapping[str, str] = field(
        default_factory=lambda: {"secret_key": "From the dashboard.", "webhook_secret": "Of the endpoint."}
    )

    def __call__(self, credentials: Mapping[str, str], /) -> "AccountAtProcessor":
        """Return the connector of an account."""
        return AccountAtProcessor(self, credentials)

    def check_credentials(self, credentials: Mapping[str, str], mode: Mode) -> None:
        """Refuse a key that does not look like one."""
        if not credentials["secret_key"].startswith("sk-"):
            raise ValueError(f"A secret key of {self.name} begins with sk-.")

    def is_unreachable(self) -> None:
        """Refuse every connection from now on."""
        self.fault = lambda: UNREACHABLE

    def is_silent(self) -> None:
        """Answer nothing from now on."""
        self.fault = lambda: SILENT

    def is_well(self) -> None:
        """Answer again."""
        self.fault = lambda: None


class AccountAtProcessor(SandboxConnector):
    """What speaks for one account."""

    def __init__(self, processor: Processor, credentials: Mapping[str, str]) -> None:
        """Take whose account it is at which."""
        self.processor = processor
        self.credentials = credentials

    def authorize(self, request: AuthorizeRequest, /) -> Outcome:
        """Ask it."""
        return self._ask("authorize", request, super().authorize)

    def capture(self, request: CaptureRequest, /) -> Outcome:
        """Ask it."""
        return self._ask("capture", request, super().capture)

    def refund(self, request: RefundRequest, /) -> Outcome:
        """Ask it."""
        return self._ask("refund", request, super().refund)

    def payout(self, request: PayoutRequest, /) -> Outcome:
        """Ask it."""
        return self._ask("payout", request, super().payout)

    def _ask(self, method: str, request: Any, answer: Ask) -> Outcome:
        self.processor.asked.append((method, request.idempotency_key))
        return self.processor.fault() or answer(request)

    def due_notices(self, *, now: datetime, limit: int) -> list[Notice]:
        """Return nothing: it sends its news by itself."""
        return []

    def receive(self, body: bytes, headers: Mapping[str, str], /, *, now: datetime) -> Notice | None:
        """Verify the signature of `signed`."""
        if not hmac.compare_digest(headers.get("x-signature", ""), _signature(self.credentials, body)):
            raise NotAuthentic("The signature does not fit.")
        payload = json.loads(body)
        if payload["type"] == "coffee.ready":
            return None
        occurred_at = datetime.fromisoformat(payload["occurred_at"])
        return Notice(payload["id"], payload["type"], payload["object"], occurred_at, payload)

    def reports(self, *, since: datetime, now: datetime) -> list[str]:
        """Return none: the sandbox makes them for all."""
        return []


def set_up(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[Processor]:
    """Have processors of these names for the length of a test."""
    found = [Processor(name) for name in names]
    for processor in found:
        monkeypatch.setitem(registry._WITH_ACCOUNT, processor.name, processor)  # pylint: disable=protected-access
    return found


def account_at(shop: Shop, processor: Processor, *, is_enabled: bool = True) -> ProcessorAccount:
    """Give the shop an account at a processor."""
    return open_account(
        merchant=shop.merchant,
        mode=shop.mode,
        connector=processor.name,
        credentials=SECRETS,
        is_enabled=is_enabled,
        now=timezone.now(),
    )


def news_body(
    news_type: str, data: dict[str, Any], *, reference: str = "sbx_1", occurred_at: datetime | None = None
) -> bytes:
    """Return the body of a piece of their news."""
    moment = (occurred_at or timezone.now()).isoformat()
    event_id = f"evt_{new_uuid()}"
    members = {"id": event_id, "type": news_type, "object": reference, "occurred_at": moment, "data": data}
    return json.dumps(members).encode()


def signed(body: bytes, secrets: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers that make news authentic."""
    return {"X-Signature": _signature(secrets or SECRETS, body)}


def _signature(credentials: Mapping[str, str], body: bytes) -> str:
    return hmac.new(credentials["webhook_secret"].encode(), body, hashlib.sha256).hexdigest()
