"""Which connectors there are, and how one speaks for whom.

The platform speaks to the sandbox by itself. To any other processor it speaks for a merchant, by the merchant's
account.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from payments.connectors.base import Connector
from payments.connectors.sandbox import SandboxConnector
from payments.connectors.stripe import StripeConnector
from payments.errors import NoProcessorAvailable
from payments.lifecycles import Mode
from payments.models.processor_accounts import ProcessorAccount

logger = logging.getLogger(__name__)

SANDBOX: Final = SandboxConnector.name
_CONNECTORS: Final[dict[str, Connector]] = {SANDBOX: SandboxConnector()}


class AccountConnector(Protocol):
    """A connector's class, whose instances speak for one account each."""

    # What is needed to speak for an account, by name, and where one finds it.
    CREDENTIALS: Mapping[str, str]

    def __call__(self, credentials: Mapping[str, str], /) -> Connector:
        """Return the connector that speaks for the account with these credentials."""

    def check_credentials(self, credentials: Mapping[str, str], mode: Mode) -> None:
        """Refuse credentials that cannot be right.

        Raises:
            ValueError: what is wrong with them, in words.
        """


_WITH_ACCOUNT: Final[dict[str, AccountConnector]] = {StripeConnector.name: StripeConnector}


@dataclass(frozen=True, slots=True)
class Source:
    """Where news and reports come from: a connector, and the account it speaks for, if it needs one."""

    name: str
    account: ProcessorAccount | None
    connector: Connector

    @property
    def label(self) -> str:
        """Return what tells it from all others: `sandbox`, or `stripe/pac_…`."""
        return self.name if self.account is None else f"{self.name}/{self.account.public_id}"


def connector_names() -> list[str]:
    """Return the names of the connectors that need no account."""
    return sorted(_CONNECTORS)


def account_connectors() -> Mapping[str, AccountConnector]:
    """Return the connectors that need an account, by name."""
    return dict(sorted(_WITH_ACCOUNT.items()))


def connector_named(name: str, *, merchant_id: UUID, mode: str) -> Connector:
    """Return the connector that speaks for a merchant in one mode, whether or not it takes new payments.

    Raises:
        NoProcessorAvailable: the merchant has no account there.
    """
    return source_named(name, merchant_id=merchant_id, mode=mode).connector


def source_named(name: str, *, merchant_id: UUID, mode: str) -> Source:
    """Return the same connector with the account that it speaks for, and that account's circuit breaker.

    Raises:
        NoProcessorAvailable: the merchant has no account there.
    """
    if name in _CONNECTORS:
        return source_of(name, None)
    accounts = ProcessorAccount.objects.select_related("circuit_breaker")
    account = accounts.filter(merchant_id=merchant_id, mode=mode, connector=name).first()
    if account is None:
        raise NoProcessorAvailable(f"The merchant has no account at {name} in {mode} mode.")
    return source_of(name, account)


def connector_with(account: ProcessorAccount) -> Connector:
    """Return the connector that speaks for an account."""
    return _WITH_ACCOUNT[account.connector](account.credentials)


def source_of(name: str, account: ProcessorAccount | None) -> Source:
    """Return the source that a connector, with the account it speaks for, is."""
    return Source(name, account, _CONNECTORS[name] if account is None else connector_with(account))


def sources() -> Iterator[Source]:
    """Yield everything that news and reports come from."""
    for name in connector_names():
        yield source_of(name, None)
    for account in ProcessorAccount.objects.order_by("created_at", "id").iterator():
        if account.connector in _WITH_ACCOUNT:
            yield source_of(account.connector, account)
        else:
            # Of another version than this one, perhaps; it keeps nobody else's news back.
            logger.error("account %s is at %s, which this version cannot speak to", account, account.connector)
