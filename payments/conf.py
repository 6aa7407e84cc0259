"""The only place where the domain reads Django's settings."""

from django.conf import settings

IDEMPOTENCY_KEY_LIFETIME_DAYS = 30
# What is not settled, or a batch that has not arrived, by then is a discrepancy.
SETTLEMENT_OVERDUE_DAYS = 5


def environment() -> str:
    """Return where we are: `local`, `test`, `staging` or `production`."""
    return str(settings.ENVIRONMENT)


def public_url() -> str:
    """Return the address under which merchants reach us, without a slash at the end."""
    return str(settings.PUBLIC_URL)


def idempotency_lease_seconds() -> int:
    """Return after how many seconds an unfinished request counts as dead, and a retry may take it over."""
    return int(settings.PAYMENTS_IDEMPOTENCY_LEASE_SECONDS)


def payment_lifetime_hours() -> int:
    """Return for how many hours after its creation a payment may be paid."""
    return int(settings.PAYMENTS_PAYMENT_LIFETIME_HOURS)


def sandbox_day_seconds() -> int:
    """Return how many seconds a day lasts at the sandbox."""
    return int(settings.PAYMENTS_SANDBOX_DAY_SECONDS)


def webhook_sender_threads() -> int:
    """Return how many webhooks one sender has on their way at a time."""
    return int(settings.PAYMENTS_WEBHOOK_SENDER_THREADS)


def encryption_keys() -> tuple[str, ...]:
    """Return the Fernet keys of secrets at rest: the first encrypts, all of them decrypt."""
    return tuple(settings.PAYMENTS_ENCRYPTION_KEYS)


def webhook_allow_loopback() -> bool:
    """Tell whether webhooks may go to this machine itself, and there without TLS: never where others are served."""
    return bool(settings.PAYMENTS_WEBHOOK_ALLOW_LOOPBACK)


def rate_limit_per_second() -> int:
    """Return how many requests a second a key may send in the long run, where it has no limit of its own."""
    return int(settings.PAYMENTS_RATE_LIMIT_PER_SECOND)


def rate_limit_burst() -> int:
    """Return how many requests a key may send at once, where it has no limit of its own."""
    return int(settings.PAYMENTS_RATE_LIMIT_BURST)


def trusted_proxies() -> int:
    """Return how many entries of X-Forwarded-For, counted from the right, our own proxies have written."""
    return int(settings.PAYMENTS_TRUSTED_PROXIES)


def stripe_api_base() -> str:
    """Return the address of Stripe's API, without a slash at the end; a test has a server of its own."""
    return str(settings.PAYMENTS_STRIPE_API_BASE)
