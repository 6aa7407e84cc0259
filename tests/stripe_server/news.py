"""Events as Stripe sends them: a JSON body, and a signature over it and the time."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Final

from tests.stripe_server.wire import Object

WEBHOOK_SECRET: Final = "whsec_TheServersOwnSecret"


def signed(
    event: Object, *, now: datetime, secret: str = WEBHOOK_SECRET, body: bytes | None = None
) -> tuple[bytes, dict[str, str]]:
    """Return the body of an event and the headers that are sent with it; `body` is what is sent in its place."""
    content = json.dumps(event).encode()
    seconds = int(now.timestamp())
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + content, hashlib.sha256).hexdigest()
    header = f"t={seconds},v1={digest},v0={'0' * 64}"
    return body if body is not None else content, {"stripe-signature": header, "content-type": "application/json"}
