"""API keys: issued, kept within bounds, rolled and revoked.

A key is looked up anew by each request (see `operations.key_uses`): nothing remembers it, so that whatever is changed
here counts at once in every process.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Network, ip_network
from typing import Final
from uuid import UUID

from django.db import transaction

from payments import scopes
from payments.lifecycles import Mode
from payments.models.api_keys import ApiKey
from payments.models.merchants import Merchant
from payments.signing import api_key_prefix, hash_api_key, new_api_key
from payments.staff_errors import KeyRefused

OVERLAP_DAYS_MAX: Final = 7
NETWORKS_MAX: Final = 50
RATE_LIMIT_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests a second in the long run, and how many at once."""

    per_second: int
    burst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a key may do, from where and how often.

    `networks` in CIDR notation, none for anywhere; `rate_limit` None is what the settings say.
    """

    scopes: tuple[str, ...] = (scopes.ALL,)
    networks: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


UNBOUND: Final = Bounds()


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key: `secret` is shown this once and stored nowhere."""

    key: ApiKey
    secret: str


def issue_api_key(
    *, merchant: Merchant, mode: Mode, name: str, now: datetime, secret: str | None = None, bounds: Bounds = UNBOUND
) -> IssuedKey:
    """Give a merchant a key for one mode; `secret` brings one that was made elsewhere.

    Raises:
        KeyRefused: the bounds make no sense.
        ValueError: `secret` does not begin as a key of this mode does.
    """
    secret = secret or new_api_key(mode)
    if not secret.startswith(api_key_prefix(mode)):
        raise ValueError(f"a key for {mode} mode begins with {api_key_prefix(mode)}")
    key = ApiKey(
        merchant=merchant,
        mode=mode,
        name=name,
        key_hash=hash_api_key(secret),
        last_four=secret[-4:],
        created_at=now,
    )
    _bind(key, bounds)
    key.save(force_insert=True)
    return IssuedKey(key, secret)


def roll_api_key(*, key_id: UUID, overlap: timedelta, now: datetime) -> IssuedKey:
    """Replace a key by a new one with the same bounds; the old one ends after `overlap`, of 0 to 7 days.

    Raises:
        KeyRefused: the key has ended, or was rolled before; or the overlap is too long.
    """
    if not timedelta(0) <= overlap <= timedelta(days=OVERLAP_DAYS_MAX):
        raise KeyRefused(f"The old key ends after 0 to {OVERLAP_DAYS_MAX} days.", param="overlap_days")
    with transaction.atomic(durable=True):
        old = _locked(key_id, now=now)
        if old.replaced_by_id is not None:
            raise KeyRefused("This key was rolled before: roll the one that has taken its place, or revoke this one.")
        issued = issue_api_key(
            merchant=old.merchant, mode=Mode(old.mode), name=old.name, now=now, bounds=bounds_of(old)
        )
        old.replaced_by = issued.key
        old.expires_at = now + overlap
        old.save(update_fields=("replaced_by", "expires_at"))
    return issued


def restrict_api_key(*, key_id: UUID, bounds: Bounds, now: datetime) -> ApiKey:
    """Change what a key may do: fewer scopes, other networks, another rate limit.

    Scopes are never added: what was handed out as a weak key does not become a strong one. Issue another.

    Raises:
        KeyRefused: the key has ended, the bounds make no sense, or they have scopes that the key has not.
    """
    with transaction.atomic(durable=True):
        key = _locked(key_id, now=now)
        if not scopes.within(bounds.scopes, key.scopes):
            raise KeyRefused("A key never gets scopes that it has not: issue another one.", param="scopes")
        _bind(key, bounds)
        key.save(update_fields=("scopes", "allowed_networks", "rate_limit_per_second", "rate_limit_burst"))
        return key


def revoke_api_key(*, key: ApiKey, now: datetime) -> None:
    """End a key at once; one that was rolled leaves its replacement alone."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=now)


def find_api_key(*, secret: str) -> ApiKey | None:
    """Return the key with this secret, whether or not it has ended."""
    return ApiKey.objects.select_related("merchant").filter(key_hash=hash_api_key(secret)).first()


def bounds_of(key: ApiKey) -> Bounds:
    """Return what a key may do."""
    limit = None
    if key.rate_limit_per_second is not None and key.rate_limit_burst is not None:
        limit = RateLimit(per_second=key.rate_limit_per_second, burst=key.rate_limit_burst)
    return Bounds(scopes=tuple(key.scopes), networks=tuple(key.allowed_networks), rate_limit=limit)


def has_ended(key: ApiKey, *, now: datetime) -> bool:
    """Tell whether a key opens nothing any more."""
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def _locked(key_id: UUID, *, now: datetime) -> ApiKey:
    """Return a key that has not ended, locked; requests that use it do not wait for this lock."""
    key = ApiKey.objects.select_for_update(no_key=True).get(pk=key_id)
    if has_ended(key, now=now):
        raise KeyRefused("This key has ended: issue another one.")
    return key


def _bind(key: ApiKey, bounds: Bounds) -> None:
    """Write the bounds into the row, once they make sense."""
    key.scopes = _scopes(bounds.scopes)
    key.allowed_networks = _networks(bounds.networks)
    limit = bounds.rate_limit
    if limit and not (0 < limit.per_second <= RATE_LIMIT_MAX and 0 < limit.burst <= RATE_LIMIT_MAX):
        raise KeyRefused(f"A limit is 1 to {RATE_LIMIT_MAX}.", param="rate_limit_per_second")
    key.rate_limit_per_second = limit.per_second if limit else None
    key.rate_limit_burst = limit.burst if limit else None


def _scopes(wanted: Iterable[str]) -> list[str]:
    """Return scopes as they are stored: each once, in the order of the vocabulary, or `*` alone."""
    found = set(wanted)
    if wrong := scopes.unknown(found):
        raise KeyRefused(f"There is no scope {', '.join(sorted(wrong))}.", param="scopes")
    if not found:
        raise KeyRefused("A key without scopes would open nothing.", param="scopes")
    return [scopes.ALL] if scopes.ALL in found else [scope.value for scope in scopes.Scope if scope in found]


def _networks(wanted: Iterable[str]) -> list[str]:
    """Return networks as PostgreSQL writes them."""
    found = list(dict.fromkeys(_network(text.strip()) for text in wanted))
    if len(found) > NETWORKS_MAX:
        raise KeyRefused(f"A key is kept to at most {NETWORKS_MAX} networks.", param="networks")
    return found


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise KeyRefused(
            f"{text!r} is no network ({error}): write 192.0.2.0/24, 2001:db8::/32 or one address.", param="networks"
        ) from error
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise KeyRefused(f"{text!r} is an IPv4 address in IPv6: write it as IPv4.", param="networks")
    if getattr(network.network_address, "scope_id", None):
        raise KeyRefused(f"{text!r} names an interface: write the address alone.", param="networks")
    return str(network)
