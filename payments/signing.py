"""Secrets: how API keys are made and how they are stored, and how webhooks are signed."""

import base64
import hashlib
import string
from collections.abc import Sequence
from datetime import UTC, datetime
from secrets import choice, token_bytes

from standardwebhooks import Webhook

from payments.lifecycles import Mode

_KEY_ALPHABET = string.ascii_letters + string.digits
_KEY_LENGTH = 32

_WEBHOOK_SECRET_PREFIX = "whsec_"  # nosec B105  # What secrets begin with.
_WEBHOOK_SECRET_BYTES = 32


def api_key_prefix(mode: Mode) -> str:
    """Return what every secret key of this mode begins with."""
    return f"sk_{mode}_"


def new_api_key(mode: Mode) -> str:
    """Return a new secret key: the mode's prefix and 190 random bits."""
    return api_key_prefix(mode) + "".join(choice(_KEY_ALPHABET) for _ in range(_KEY_LENGTH))


def hash_api_key(key: str) -> str:
    """Return the only form of a key that is stored.

    A plain SHA-256 is enough here: the key is random and long, so there is nothing to guess, and a slow
    hash would be paid on every request.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def new_webhook_secret() -> str:
    """Return a new secret of a webhook endpoint: `whsec_` and the base64 of 256 random bits."""
    return _WEBHOOK_SECRET_PREFIX + base64.b64encode(token_bytes(_WEBHOOK_SECRET_BYTES)).decode()


def webhook_signatures(*, secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> str:
    """Return the header `webhook-signature`: a signature with each secret, separated by spaces.

    Standard Webhooks 1.0.0. `at` is this attempt's time, whose seconds are the header `webhook-timestamp`; the body
    is UTF-8, and has to be sent as it is here, byte for byte.
    """
    text = body.decode()
    # The package takes a time's figures for UTC, whatever its zone.
    utc = at.astimezone(UTC)
    return " ".join(Webhook(secret).sign(message_id, utc, text) for secret in secrets)
