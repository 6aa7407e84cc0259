"""A key that is kept to networks opens nothing from elsewhere, whatever headers say."""

from typing import Any

import pytest
from pytest_django import Settings

from payments.models import ApiKey, ApiKeyMeter
from payments.operations.api_keys import Bounds
from tests.api.answers import problem_in
from tests.api.conftest import checked
from tests.shop import Shop, open_shop
from tests.snapshot import nothing_written

PATH = "/v1/events"
NETWORKS = ("192.0.2.0/24", "203.0.113.7", "2001:db8:1::/48")


@pytest.fixture
def kept(db: None) -> Shop:
    """Return a shop whose key is kept to a few networks."""
    return checked(open_shop(bounds=Bounds(networks=NETWORKS)))


def get(shop: Shop, *, peer: str, forwarded: str | None = None) -> Any:
    """GET from an address, with an X-Forwarded-For header."""
    headers = {"Authorization": f"Bearer {shop.key}"} | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    return shop.client.get(PATH, headers=headers, REMOTE_ADDR=peer)


@pytest.mark.parametrize(
    "peer", ["192.0.2.0", "192.0.2.255", "203.0.113.7", "2001:db8:1::5", "::ffff:192.0.2.9", "2001:DB8:1:0:0::9"]
)
def test_addresses_within_are_let_in(kept: Shop, peer: str) -> None:
    assert get(kept, peer=peer).status_code == 200


@pytest.mark.parametrize(
    "peer", ["192.0.3.1", "203.0.113.8", "127.0.0.1", "2001:db8:2::1", "::192.0.2.9", "::ffff:192.0.3.1", "::1"]
)
def test_addresses_outside_are_refused_and_named(kept: Shop, peer: str) -> None:
    with nothing_written():
        response = get(kept, peer=peer)

    problem = problem_in(response, status=403, code="permission_denied")
    assert problem["detail"] == f"This key is not for use from {seen(peer)}."


def seen(peer: str) -> str:
    """Return the address as it is told."""
    return {"::192.0.2.9": "::c000:209", "::ffff:192.0.3.1": "192.0.3.1"}.get(peer, peer)


@pytest.mark.parametrize("peer", ["", "unix:", "localhost", "fe80::1%eth0", "192.0.2.1\x00", "192.0.2.1' OR 1=1"])
def test_what_is_no_address_of_the_internet_is_outside(kept: Shop, peer: str) -> None:
    problem_in(get(kept, peer=peer), status=403, code="permission_denied")


@pytest.mark.parametrize("peer", ["192.0.2.1", "", "fe80::1%eth0", "::ffff:192.0.3.1"])
def test_a_key_that_is_kept_to_nothing_is_for_use_from_anywhere(shop: Shop, peer: str) -> None:
    assert get(shop, peer=peer).status_code == 200


def test_a_refused_request_neither_counts_nor_is_a_use(kept: Shop) -> None:
    response = get(kept, peer="127.0.0.1")

    assert "RateLimit" not in response
    assert not ApiKeyMeter.objects.exists()
    assert ApiKey.objects.get().last_used_at is None


def test_without_proxies_of_ours_the_header_is_not_looked_at(kept: Shop) -> None:
    assert get(kept, peer="198.51.100.1", forwarded="192.0.2.1").status_code == 403
    assert get(kept, peer="192.0.2.1", forwarded="198.51.100.1").status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (1, "192.0.2.1", 200),
        (1, "198.51.100.1", 403),
        # What the client has written stands further left.
        (1, "192.0.2.1, 198.51.100.1", 403),
        (1, "198.51.100.1, 192.0.2.1", 200),
        (1, "192.0.2.1,198.51.100.1,192.0.2.1", 200),
        (2, "192.0.2.1, 10.0.0.1", 200),
        (2, "192.0.2.1, 198.51.100.1, 10.0.0.1", 403),
        (2, "198.51.100.1,192.0.2.1,10.0.0.1", 200),
        # It has not come through both proxies: whoever wrote this is not known.
        (2, "192.0.2.1", 403),
        (1, None, 403),
        (1, "", 403),
        (1, "192.0.2.1, ", 403),
        (1, "192.0.2.1, unknown", 403),
        (1, "::ffff:192.0.2.1", 200),
    ],
)
def test_behind_proxies_the_entry_of_the_first_of_ours_counts(
    kept: Shop, settings: Settings, proxies: int, forwarded: str | None, status: int
) -> None:
    settings.PAYMENTS_TRUSTED_PROXIES = proxies

    # The peer is the proxy, and says nothing of the client.
    assert get(kept, peer="192.0.2.99", forwarded=forwarded).status_code == status
