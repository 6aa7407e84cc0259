"""The SDK's client: pinned, with timeouts of ours, without retries of its own, telling "not sent" from "not answered".

Every account has a client; all of them share one pool of connections.
"""

from collections.abc import Mapping
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import stripe
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

import payments
from payments import conf

# The version whose objects this package reads. Webhook endpoints at Stripe have to be made with it, too.
API_VERSION: Final = "2026-10-28.endive"

_CONNECTIONS_MAX: Final = 64
_ACCOUNTS_MAX: Final = 1024

stripe.enable_telemetry = False
stripe.set_app_info("payment-platform", version=payments.__version__)


class NeverConnected(Exception):
    """No connection came about, so that nothing of a request has left us."""


class _Connecting:
    """Says of whatever goes wrong until there is a connection (names, TCP, TLS, a proxy) that it went wrong then."""

    def connect(self) -> None:
        """Connect.

        Raises:
            NeverConnected: that failed.
        """
        try:
            super().connect()  # type: ignore[misc]
        except Exception as error:
            raise NeverConnected(f"{type(error).__name__}: {error}") from error


class _PlainConnection(_Connecting, HTTPConnection):
    """A connection to a test's server."""


class _SecureConnection(_Connecting, HTTPSConnection):
    """A connection to Stripe."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """Has every connection made by these pools, be it through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _use_these_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the manager of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _use_these_pools(manager)
        return manager


def client_of(credentials: Mapping[str, str]) -> stripe.StripeClient:
    """Return the client that speaks for an account. It may be used by many threads at once."""
    return _client(credentials["secret_key"], conf.stripe_api_base(), conf.idempotency_lease_seconds())


@lru_cache(maxsize=_ACCOUNTS_MAX)
def _client(secret_key: str, api_base: str, lease_seconds: int) -> stripe.StripeClient:
    return stripe.StripeClient(
        secret_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=_transport(lease_seconds),
    )


@lru_cache(maxsize=None)
def _transport(lease_seconds: int) -> stripe.RequestsClient:
    """Return what sends. It gives up well before a retry may take the request for dead: after 5 and 30 s of 60."""
    session = requests.Session()
    session.mount("http://", _Adapter(pool_maxsize=_CONNECTIONS_MAX))
    session.mount("https://", _Adapter(pool_maxsize=_CONNECTIONS_MAX))
    # Nothing that one account's answer sets may travel with another's request.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return stripe.RequestsClient(timeout=(lease_seconds / 12, lease_seconds / 2), session=session)


def _use_these_pools(manager: Any) -> None:
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
