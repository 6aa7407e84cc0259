"""Merchants' accounts at processors: opened, given other credentials, switched on and off. They are never closed:
what an account has taken is refunded and asked about for years.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from payments import conf
from payments.connectors.registry import SANDBOX, account_connectors
from payments.lifecycles import Mode
from payments.models.merchants import Merchant
from payments.models.processor_accounts import ProcessorAccount


def credentials_needed() -> dict[str, dict[str, str]]:
    """Return by connector what an account there needs: the name of each credential, and where one finds it."""
    return {name: dict(connector.CREDENTIALS) for name, connector in account_connectors().items()}


def known_connectors() -> list[str]:
    """Return every connector that a routing rule can name."""
    return [*account_connectors(), SANDBOX]


def connectors_to_route_to(*, merchant_id: UUID, mode: str) -> list[str]:
    """Return the connectors that new payments can go to: the enabled accounts, and in test mode the sandbox."""
    accounts = ProcessorAccount.objects.filter(merchant_id=merchant_id, mode=mode, is_enabled=True)
    names = list(accounts.order_by("created_at", "id").values_list("connector", flat=True))
    return names if mode == Mode.LIVE else [*names, SANDBOX]


def check_credentials(*, connector: str, credentials: Mapping[str, str], mode: Mode) -> None:
    """Refuse credentials that are not complete, or cannot be right.

    Raises:
        ValueError: what is wrong with them, in words, and without repeating any.
    """
    made = account_connectors()[connector]
    missing = [name for name in made.CREDENTIALS if not credentials.get(name)]
    if missing or credentials.keys() - made.CREDENTIALS.keys():
        raise ValueError(f"{connector} needs {' and '.join(made.CREDENTIALS)}.")
    made.check_credentials(credentials, mode)


def open_account(
    *,
    merchant: Merchant,
    mode: Mode,
    connector: str,
    credentials: Mapping[str, str],
    now: datetime,
    is_enabled: bool = True,
) -> ProcessorAccount:
    """Give a merchant an account at a processor; it takes new payments at once, where it is enabled.

    Raises:
        ValueError: the credentials cannot be right.
        IntegrityError: the merchant has one there in this mode.
    """
    check_credentials(connector=connector, credentials=credentials, mode=mode)
    return ProcessorAccount.objects.create(
        merchant=merchant,
        mode=mode,
        connector=connector,
        is_enabled=is_enabled,
        encrypted_credentials=_stored(credentials),
        created_at=now,
        updated_at=now,
    )


def change_credentials(*, account: ProcessorAccount, changed: Mapping[str, str], now: datetime) -> None:
    """Replace some of an account's credentials; the others stay.

    Raises:
        ValueError: together they cannot be right.
    """
    credentials = {**account.credentials, **changed}
    check_credentials(connector=account.connector, credentials=credentials, mode=Mode(account.mode))
    _update(account, now=now, encrypted_credentials=_stored(credentials))


def enable_account(*, account: ProcessorAccount, is_enabled: bool, now: datetime) -> None:
    """Say whether an account takes new payments."""
    _update(account, now=now, is_enabled=is_enabled)


def webhook_address(account: ProcessorAccount) -> str:
    """Return the address that the processor has to be told to send its news to."""
    return f"{conf.public_url()}/v1/processor_webhooks/{account.connector}/{account.public_id}"


def _stored(credentials: Mapping[str, str]) -> str:
    return json.dumps(dict(credentials), sort_keys=True)


def _update(account: ProcessorAccount, *, now: datetime, **changes: object) -> None:
    ProcessorAccount.objects.filter(pk=account.pk).update(updated_at=now, **changes)
    for field, value in changes.items():
        setattr(account, field, value)
