"""News that processors send by themselves: verified, stored once with the job that applies it, and nothing else."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import DataError

from payments.connectors.base import NotAuthentic, Notice
from payments.connectors.registry import Source, account_connectors, source_of
from payments.errors import MalformedBody, NotFound
from payments.models.processor_accounts import ProcessorAccount
from payments.operations.news import Origin
from payments.operations.processor_events import store_news
from payments.webhook_errors import SignatureInvalid

logger = logging.getLogger(__name__)

_UNREADABLE: Final = "The body is signed as it should be, but it is no news that can be read."


def receive_news(*, connector: str, account_id: UUID, body: bytes, headers: Mapping[str, str], now: datetime) -> int:
    """Store what a processor sends to a merchant's account; return how many pieces of it are new: one, or none.

    `body` is what was signed, byte for byte; `headers` have lower-case names. An account that takes no new payments
    hears of its old ones.

    Raises:
        NotFound: there is no such account at this connector.
        SignatureInvalid: it is not from the processor.
        MalformedBody: it is, and cannot be read or stored.
    """
    source = _source(connector, account_id)
    notice = _received(source, body, headers, now=now)
    if notice is None:
        return 0
    try:
        return store_news(Origin(source.name, source.account), [notice], now=now)
    except (DataError, UnicodeEncodeError) as error:
        # Longer than anything that the processor says, or with characters that PostgreSQL does not take.
        raise MalformedBody(_UNREADABLE) from error


def _source(name: str, account_id: UUID) -> Source:
    account = ProcessorAccount.objects.filter(pk=account_id, connector=name).first()
    if account is None or name not in account_connectors():
        raise NotFound("There is no such account at this processor.")
    return source_of(name, account)


def _received(source: Source, body: bytes, headers: Mapping[str, str], *, now: datetime) -> Notice | None:
    try:
        return source.connector.receive(body, headers, now=now)
    except NotAuthentic as error:
        logger.warning("what came to %s (%s bytes) is not from its processor: %s", source.label, len(body), error)
        raise SignatureInvalid("The signature does not fit the body and this address, or it is too old.") from error
    except (ValueError, RecursionError) as error:
        # What the error says may repeat the body.
        logger.warning("what came to %s (%s bytes) cannot be read: %s", source.label, len(body), type(error).__name__)
        raise MalformedBody(_UNREADABLE) from error
