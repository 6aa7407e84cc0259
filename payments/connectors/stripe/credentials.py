"""What it takes to speak for a merchant's account at Stripe."""

import re
from collections.abc import Mapping
from typing import Final

from payments.lifecycles import Mode

HELP_TEXTS: Final[Mapping[str, str]] = {
    "secret_key": (
        "A restricted key (rk_…) or secret key (sk_…) of the merchant's account at Stripe, of the mode of this account."
    ),  # nosec B105  # Its description.
    "webhook_secret": (
        "The signing secret (whsec_…) of the webhook endpoint at Stripe that sends its events here."
        " While it is rolled: both, separated by a comma."
    ),  # nosec B105  # Its description.
}

_KEY: Final = re.compile(r"(sk|rk)_(test|live)_[A-Za-z0-9]+", re.ASCII)
_WEBHOOK_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/=_-]+", re.ASCII)


def require_usable(credentials: Mapping[str, str], mode: Mode) -> None:
    """Accept credentials that can be those of an account in this mode. Nothing is asked of Stripe.

    Raises:
        ValueError: one is missing, unknown or malformed, or the key is of the other mode. The text has no secret in it.
    """
    unknown = sorted(credentials.keys() - HELP_TEXTS.keys())
    if unknown:
        raise ValueError(f"Stripe has no credentials named {', '.join(unknown)}: it has {' and '.join(HELP_TEXTS)}.")
    missing = [name for name in HELP_TEXTS if not credentials.get(name)]
    if missing:
        raise ValueError(f"Without {' and '.join(missing)} nothing can be asked of Stripe.")
    key = _KEY.fullmatch(credentials["secret_key"])
    if key is None:
        raise ValueError("secret_key is none of Stripe's: it begins with sk_test_, rk_test_, sk_live_ or rk_live_.")
    if key[2] != mode.value:
        raise ValueError(f"secret_key is a {key[2]} key, and this account is in {mode.value} mode.")
    if not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in webhook_secrets(credentials)):
        raise ValueError("webhook_secret is none of Stripe's: it begins with whsec_.")


def webhook_secrets(credentials: Mapping[str, str]) -> list[str]:
    """Return the secrets that sign what Stripe sends: two, while one is replaced by the other."""
    return [secret.strip() for secret in credentials["webhook_secret"].split(",")]


def is_live(credentials: Mapping[str, str]) -> bool:
    """Tell whether the key moves real money."""
    return "_live_" in credentials["secret_key"]
