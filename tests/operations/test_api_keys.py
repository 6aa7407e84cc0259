"""API keys: issued within bounds, rolled with an overlap, restricted and revoked."""

from datetime import timedelta
from typing import Any

import pytest

from django.utils import timezone

from payments.errors import AuthenticationFailed
from payments.lifecycles import Mode
from payments.models import ApiKey
from payments.operations.api_keys import (
    Bounds,
    IssuedKey,
    RateLimit,
    bounds_of,
    issue_api_key,
    restrict_api_key,
    revoke_api_key,
    roll_api_key,
)
from payments.operations.key_uses import use_api_key
from payments.signing import hash_api_key
from payments.staff_errors import KeyRefused
from tests.shop import Shop

BOUNDS = Bounds(
    scopes=("payments:read", "refunds:write"),
    networks=("192.0.2.0/24", "2001:db8::/32"),
    rate_limit=RateLimit(per_second=5, burst=10),
)
DAY = timedelta(days=1)


@pytest.fixture
def issued(shop: Shop) -> IssuedKey:
    """Return a key with bounds."""
    return issue(shop, BOUNDS)


def issue(shop: Shop, bounds: Bounds) -> IssuedKey:
    """Issue a key to the shop."""
    return issue_api_key(merchant=shop.merchant, mode=Mode.LIVE, name="shop", bounds=bounds, now=timezone.now())


def opens(secret: str) -> bool:
    """Tell whether a key opens anything now."""
    try:
        use_api_key(secret=secret, address="192.0.2.1")
    except AuthenticationFailed:
        return False
    return True


def test_issued_key_has_its_bounds_and_its_secret_is_not_stored(issued: IssuedKey) -> None:
    key = ApiKey.objects.get(pk=issued.key.pk)

    assert issued.secret.startswith("sk_live_")
    assert bounds_of(key) == BOUNDS
    assert (key.key_hash, key.hint) == (hash_api_key(issued.secret), f"sk_live_…{issued.secret[-4:]}")
    assert issued.secret not in str(ApiKey.objects.filter(pk=key.pk).values().get())
    assert issued.secret not in str(key) + repr(key)


def test_a_key_has_every_scope_from_anywhere_where_nothing_is_said(shop: Shop) -> None:
    use = use_api_key(secret=shop.key, address=None)

    assert bounds_of(ApiKey.objects.get()) == Bounds()
    assert (use.caller, use.scopes) == (shop.caller, {"*"})


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (("*",), ["*"]),
        (("payments:read", "*"), ["*"]),
        (("refunds:read", "payments:read", "refunds:read"), ["payments:read", "refunds:read"]),
    ],
)
def test_scopes_are_stored_once_and_in_order(shop: Shop, given: tuple[str, ...], stored: list[str]) -> None:
    assert issue(shop, Bounds(scopes=given)).key.scopes == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [("10.0.0.0/8", "10.0.0.0/8"), (" 192.0.2.7 ", "192.0.2.7/32"), ("2001:DB8::", "2001:db8::/128")],
)
def test_networks_are_stored_in_one_notation(shop: Shop, given: str, stored: str) -> None:
    key = issue(shop, Bounds(networks=(given, given))).key

    assert ApiKey.objects.get(pk=key.pk).allowed_networks == [stored]


@pytest.mark.parametrize(
    ("bounds", "param", "said"),
    [
        ({"scopes": ()}, "scopes", "would open nothing"),
        ({"scopes": ("payments:delete", "payments:read")}, "scopes", "no scope payments:delete."),
        ({"networks": ("10.0.0.1/8",)}, "networks", "has host bits set"),
        ({"networks": ("example.com",)}, "networks", "'example.com' is no network"),
        ({"networks": ("",)}, "networks", "is no network"),
        ({"networks": ("10.0.0.0/33",)}, "networks", "is no network"),
        ({"networks": ("::ffff:10.0.0.0/104",)}, "networks", "write it as IPv4"),
        ({"networks": ("fe80::1%eth0",)}, "networks", "write the address alone"),
        ({"networks": tuple(f"10.0.0.{number}" for number in range(51))}, "networks", "at most 50"),
        ({"rate_limit": RateLimit(per_second=0, burst=1)}, "rate_limit_per_second", "1 to 1000000"),
        ({"rate_limit": RateLimit(per_second=1, burst=1_000_001)}, "rate_limit_per_second", "1 to 1000000"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(
    shop: Shop, issued: IssuedKey, bounds: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(KeyRefused, match=said) as issuing:
        issue(shop, Bounds(**bounds))
    with pytest.raises(KeyRefused) as restricting:
        restrict_api_key(key_id=issued.key.pk, bounds=Bounds(**bounds), now=timezone.now())

    assert (issuing.value.param, restricting.value.param) in {(param, param), (param, "scopes")}
    assert ApiKey.objects.filter(merchant=shop.merchant).count() == 2
    assert bounds_of(ApiKey.objects.get(pk=issued.key.pk)) == BOUNDS


def test_rolled_key_is_replaced_by_one_with_the_same_bounds(shop: Shop, issued: IssuedKey) -> None:
    now = timezone.now()

    rolled = roll_api_key(key_id=issued.key.pk, overlap=2 * DAY, now=now)

    old, new = ApiKey.objects.get(pk=issued.key.pk), rolled.key
    assert (old.replaced_by, old.expires_at) == (new, now + 2 * DAY)
    assert (new.merchant, new.mode, new.name, bounds_of(new)) == (shop.merchant, "live", "shop", BOUNDS)
    assert (new.expires_at, new.replaced_by) == (None, None)
    assert rolled.secret != issued.secret
    assert opens(issued.secret) and opens(rolled.secret)


@pytest.mark.parametrize("overlap", [timedelta(0), 7 * DAY])
def test_rolled_key_ends_when_the_overlap_is_over(issued: IssuedKey, overlap: timedelta) -> None:
    rolled = roll_api_key(key_id=issued.key.pk, overlap=overlap, now=timezone.now() - overlap)

    with pytest.raises(AuthenticationFailed, match="has expired: it was rolled"):
        use_api_key(secret=issued.secret, address="192.0.2.1")
    assert opens(rolled.secret)


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_an_overlap_out_of_bounds_is_refused(issued: IssuedKey, overlap: timedelta) -> None:
    with pytest.raises(KeyRefused) as refusal:
        roll_api_key(key_id=issued.key.pk, overlap=overlap, now=timezone.now())

    assert refusal.value.param == "overlap_days"
    assert opens(issued.secret)


def test_a_key_is_rolled_once(shop: Shop, issued: IssuedKey) -> None:
    roll_api_key(key_id=issued.key.pk, overlap=DAY, now=timezone.now())

    with pytest.raises(KeyRefused, match="rolled before"):
        roll_api_key(key_id=issued.key.pk, overlap=DAY, now=timezone.now())

    assert ApiKey.objects.filter(merchant=shop.merchant).count() == 3


def test_revoked_key_ends_at_once_and_its_replacement_does_not(issued: IssuedKey) -> None:
    rolled = roll_api_key(key_id=issued.key.pk, overlap=DAY, now=timezone.now())

    revoke_api_key(key=issued.key, now=timezone.now())

    with pytest.raises(AuthenticationFailed, match="was revoked"):
        use_api_key(secret=issued.secret, address="192.0.2.1")
    assert opens(rolled.secret)


def test_a_second_revocation_changes_nothing(issued: IssuedKey) -> None:
    first = timezone.now()
    revoke_api_key(key=issued.key, now=first)

    revoke_api_key(key=issued.key, now=first + DAY)

    assert ApiKey.objects.get(pk=issued.key.pk).revoked_at == first


def test_restricted_key_is_kept_to_less(issued: IssuedKey) -> None:
    narrow = Bounds(scopes=("payments:read",), networks=("198.51.100.0/24",))

    restrict_api_key(key_id=issued.key.pk, bounds=narrow, now=timezone.now())

    assert bounds_of(ApiKey.objects.get(pk=issued.key.pk)) == narrow
    assert use_api_key(secret=issued.secret, address="198.51.100.1").scopes == {"payments:read"}


def test_a_key_with_every_scope_can_be_kept_to_some(shop: Shop) -> None:
    key = ApiKey.objects.get()

    restrict_api_key(key_id=key.pk, bounds=Bounds(scopes=("events:read",)), now=timezone.now())

    assert shop.get("/v1/events").status_code == 200
    assert shop.get("/v1/payments").status_code == 403


@pytest.mark.parametrize("wider", ["*", "payouts:write"])
def test_a_key_never_gets_more_scopes(issued: IssuedKey, wider: str) -> None:
    with pytest.raises(KeyRefused, match="never gets scopes"):
        restrict_api_key(key_id=issued.key.pk, bounds=Bounds(scopes=("payments:read", wider)), now=timezone.now())

    assert bounds_of(ApiKey.objects.get(pk=issued.key.pk)) == BOUNDS


@pytest.mark.parametrize("end", ["revoked_at", "expires_at"])
def test_a_key_that_has_ended_is_left_alone(issued: IssuedKey, end: str) -> None:
    now = timezone.now()
    ApiKey.objects.filter(pk=issued.key.pk).update(**{end: now})

    with pytest.raises(KeyRefused, match="has ended"):
        roll_api_key(key_id=issued.key.pk, overlap=DAY, now=now)
    with pytest.raises(KeyRefused, match="has ended"):
        restrict_api_key(key_id=issued.key.pk, bounds=Bounds(), now=now)


def test_whether_a_key_ever_was_one_is_told_only_to_who_has_it(issued: IssuedKey) -> None:
    revoke_api_key(key=issued.key, now=timezone.now())

    with pytest.raises(AuthenticationFailed, match="This API key is unknown."):
        use_api_key(secret=f"{issued.secret[:-4]}AAAA", address="192.0.2.1")
