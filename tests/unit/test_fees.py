"""The platform's fee: exact, never more than what was captured, and the same however a payment is captured."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.ledger.fees import fee_due, fee_for
from payments.money import AMOUNT_MAX

amounts = st.integers(min_value=1, max_value=AMOUNT_MAX)
shares = st.integers(min_value=0, max_value=10_000)
fixed_parts = st.one_of(st.integers(0, 500), st.integers(0, AMOUNT_MAX))


@pytest.mark.parametrize(
    ("captured", "fee_bps", "fixed_amount", "fee"),
    [
        (0, 290, 30, 0),
        (10_000, 0, 0, 0),
        (10_000, 290, 30, 320),
        (10_000, 290, 0, 290),
        (10_000, 0, 30, 30),
        # Half a unit is rounded up, and less than half down.
        (50, 100, 0, 1),
        (49, 100, 0, 0),
        (150, 100, 0, 2),
        (149, 100, 0, 1),
        # No more than there is.
        (20, 290, 30, 20),
        (1, 10_000, 0, 1),
        (AMOUNT_MAX, 10_000, 30, AMOUNT_MAX),
    ],
)
def test_fee_is_the_fixed_part_and_a_rounded_share(captured: int, fee_bps: int, fixed_amount: int, fee: int) -> None:
    assert fee_for(captured=captured, fee_bps=fee_bps, fixed_amount=fixed_amount) == fee


@given(captured=amounts, fee_bps=shares, fixed_amount=fixed_parts)
def test_fee_is_within_half_a_unit_of_the_terms_and_within_what_was_captured(
    captured: int, fee_bps: int, fixed_amount: int
) -> None:
    fee = fee_for(captured=captured, fee_bps=fee_bps, fixed_amount=fixed_amount)

    exact_by_10_000 = fixed_amount * 10_000 + captured * fee_bps
    assert 0 <= fee <= captured
    assert fee == captured or -5000 < fee * 10_000 - exact_by_10_000 <= 5000


@given(parts=st.lists(amounts, min_size=1, max_size=8), fee_bps=shares, fixed_amount=fixed_parts)
def test_captures_in_parts_cost_what_one_of_the_whole_does(parts: list[int], fee_bps: int, fixed_amount: int) -> None:
    charged = 0

    for captured in accumulate(parts):
        charged += fee_due(captured=captured, charged=charged, fee_bps=fee_bps, fixed_amount=fixed_amount)
        assert charged <= captured

    assert charged == fee_for(captured=sum(parts), fee_bps=fee_bps, fixed_amount=fixed_amount)


def test_terms_that_became_better_charge_nothing_and_give_nothing_back() -> None:
    charged = fee_due(captured=1000, charged=0, fee_bps=1000, fixed_amount=0)

    later = fee_due(captured=1500, charged=charged, fee_bps=100, fixed_amount=0)

    assert (charged, later) == (100, 0)
