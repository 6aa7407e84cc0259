"""`manage.py issue_api_key`."""

from io import StringIO

import pytest

from django.core.management import CommandError, call_command

from payments.models import ApiKey
from payments.operations.api_keys import Bounds, RateLimit, bounds_of
from payments.operations.key_uses import use_api_key
from tests.shop import Shop


def issue(shop: Shop, *arguments: str, merchant: str | None = None) -> tuple[str, str]:
    """Issue a key to the shop; return the output and what is said beside it."""
    out, err = StringIO(), StringIO()
    owner = ("--merchant", merchant or shop.merchant.public_id)
    call_command("issue_api_key", *owner, "--mode", "live", "--name", "ci", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_output_is_the_secret_alone(shop: Shop) -> None:
    out, err = issue(shop)

    key = ApiKey.objects.get(name="ci")
    use = use_api_key(secret=out.removesuffix("\n"), address=None)
    assert (use.key_id, use.caller.mode, bounds_of(key)) == (key.pk, "live", Bounds())
    assert key.public_id in err and out.strip() not in err


def test_key_has_the_bounds_that_were_given(shop: Shop) -> None:
    issue(
        shop,
        *("--scopes", "payments:read", "events:read", "--rate-limit", "5", "10"),
        *("--network", "192.0.2.0/24", "--network", "2001:db8::/32"),
    )

    assert bounds_of(ApiKey.objects.get(name="ci")) == Bounds(
        scopes=("payments:read", "events:read"),
        networks=("192.0.2.0/24", "2001:db8::/32"),
        rate_limit=RateLimit(per_second=5, burst=10),
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scopes", "money:print"), "There is no scope money:print."),
        (("--network", "10.0.0.1/8"), "is no network"),
        (("--rate-limit", "0", "1"), "A limit is"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(shop: Shop, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        issue(shop, *arguments)

    assert not ApiKey.objects.filter(name="ci").exists()


@pytest.mark.parametrize("merchant", ["mer_01jv8k3x5rf2dbh0v9q2w8m7ce", "Test shop", "pay_01jv8k3x5rf2dbh0v9q2w8m7ce"])
def test_unknown_merchant_is_refused(shop: Shop, merchant: str) -> None:
    with pytest.raises(CommandError, match=f"There is no merchant {merchant}."):
        issue(shop, merchant=merchant)
