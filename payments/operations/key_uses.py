"""What a request does with its API key: it is recognized, counted and let in, in one statement.

The rate limit is the generic cell rate algorithm (a leaky bucket as a meter): all that is kept of a key's requests is
one moment, by which requests at exactly the limit's rate would be where this key is. It lies in PostgreSQL and is told
by PostgreSQL's clock, so that the limit is one for all processes and machines, whatever their clocks say.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from payments import conf
from payments.errors import AuthenticationFailed, PermissionDenied
from payments.lifecycles import Mode
from payments.operations.callers import Caller
from payments.signing import hash_api_key

# One statement in a transaction of its own: no further round trip, and no lock is held while the request is answered.
# The meter's table is unlogged, and a transaction that writes to no other waits for no disk. Requests of one key wait
# for each other for as long as this statement takes, those of different keys never.
#
# - statement_timestamp() moves on within a transaction, as now() does not.
# - A request that is over the limit changes nothing: ON CONFLICT ... WHERE leaves the row, and no row is returned. How
#   long to wait is then told by what the statement found when it began.
# - Only a key that is alive and comes from where it may is counted: a stolen key does not use up its owner's limit.
# - last_used_at is written at most once a minute. It is looked at in the row itself, not in `found`, so that of several
#   requests at the turn of the minute one writes; and it hangs on `metered`, so that all take the locks in one order.
_USE: Final = """
WITH found AS (
    SELECT id, merchant_id, mode, scopes, revoked_at IS NOT NULL AS revoked,
        coalesce(expires_at <= statement_timestamp(), false) AS expired,
        cardinality(allowed_networks) = 0
            OR coalesce(%(address)s::inet <<= ANY (allowed_networks), false) AS from_within,
        coalesce(rate_limit_burst, %(burst)s::integer) AS burst,
        make_interval(secs => 1.0 / coalesce(rate_limit_per_second, %(per_second)s::integer)) AS interval_between
    FROM payments_apikey WHERE key_hash = %(key_hash)s
), metered AS (
    INSERT INTO payments_apikeymeter AS meter (api_key_id, theoretical_arrival_at)
    SELECT id, statement_timestamp() + interval_between FROM found WHERE NOT revoked AND NOT expired AND from_within
    ON CONFLICT (api_key_id) DO UPDATE SET theoretical_arrival_at =
        greatest(meter.theoretical_arrival_at, statement_timestamp()) + (SELECT interval_between FROM found)
    WHERE meter.theoretical_arrival_at
        <= statement_timestamp() + (SELECT interval_between * (burst - 1) FROM found)
    RETURNING api_key_id, theoretical_arrival_at
), dated AS (
    UPDATE payments_apikey AS used SET last_used_at = statement_timestamp()
    FROM metered WHERE used.id = metered.api_key_id
        AND coalesce(used.last_used_at < statement_timestamp() - interval '1 minute', true)
)
SELECT found.id, merchant_id, mode, scopes, revoked, expired, from_within, burst,
    extract(epoch FROM interval_between)::float8,
    metered.api_key_id IS NOT NULL,
    extract(epoch FROM coalesce(metered.theoretical_arrival_at, before.theoretical_arrival_at)
        - statement_timestamp())::float8
FROM found
LEFT JOIN metered ON metered.api_key_id = found.id
LEFT JOIN payments_apikeymeter AS before ON before.api_key_id = found.id
"""
# Of a second: what floating-point numbers and PostgreSQL's microseconds may be off by.
_ROUNDING: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a key's rate limit after this request.

    `burst` requests may be sent at once, and all of them again after `window_seconds` without any. `remaining` are left
    now, and in `full_in_seconds` it is all of them. A request that may not go on has `retry_after_seconds`.
    """

    burst: int
    window_seconds: int
    remaining: int
    full_in_seconds: int
    retry_after_seconds: int | None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One request's use of a key: whom it speaks for, what it may do, and how much more of it there may be."""

    key_id: UUID
    caller: Caller
    scopes: Collection[str]
    allowance: Allowance


def use_api_key(*, secret: str, address: str | None) -> KeyUse:
    """Recognize a key and count this request, which comes from an IP `address` (None: nobody knows).

    Whether the request may go on under the rate limit, `allowance` says.

    Raises:
        AuthenticationFailed: the key is unknown or has ended.
        PermissionDenied: the key is not for use from this address.
    """
    parameters = {
        "key_hash": hash_api_key(secret),
        "address": address,
        "per_second": conf.rate_limit_per_second(),
        "burst": conf.rate_limit_burst(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_USE, parameters)
        row = cursor.fetchone()
    if row is None:
        raise AuthenticationFailed("This API key is unknown.")
    return _as_use(row, address)


def _as_use(row: tuple[Any, ...], address: str | None) -> KeyUse:
    key_id, merchant_id, mode, scopes, revoked, expired, from_within, burst, interval_seconds, passed, used_seconds = (
        row
    )
    if revoked:
        raise AuthenticationFailed("This API key was revoked.")
    if expired:
        raise AuthenticationFailed("This API key has expired: it was rolled. Use the key that has taken its place.")
    if not from_within:
        raise PermissionDenied(f"This key is not for use from {address or 'an unknown address'}.")
    allowance = _allowance(burst, interval_seconds, used_seconds or 0.0, passed=passed)
    return KeyUse(key_id, Caller(merchant_id, Mode(mode)), frozenset(scopes), allowance)


def _allowance(burst: int, interval_seconds: float, used_seconds: float, *, passed: bool) -> Allowance:
    """Return what is left, from the time that the requests so far take at the limit's rate."""
    remaining = burst - used_seconds / interval_seconds
    wait_seconds = used_seconds - interval_seconds * (burst - 1)
    return Allowance(
        burst=burst,
        window_seconds=max(1, math.ceil(burst * interval_seconds - _ROUNDING)),
        remaining=max(0, math.floor(remaining + _ROUNDING / interval_seconds)) if passed else 0,
        full_in_seconds=max(0, math.ceil(used_seconds - _ROUNDING)),
        retry_after_seconds=None if passed else max(1, math.ceil(wait_seconds - _ROUNDING)),
    )
