"""What the platform charges a merchant for captures: pure arithmetic on minor units."""

from typing import Final

# A basis point is a hundredth of a percent.
_WHOLE_BPS: Final = 10_000


def fee_for(*, captured: int, fee_bps: int, fixed_amount: int) -> int:
    """Return the fee for a payment of which `captured` minor units are captured in all.

    It is the fixed part and a share in basis points, rounded half up to a whole minor unit; never more than what was
    captured, and nothing for nothing.
    """
    if captured == 0:
        return 0
    share = (captured * fee_bps + _WHOLE_BPS // 2) // _WHOLE_BPS
    return min(captured, fixed_amount + share)


def fee_due(*, captured: int, charged: int, fee_bps: int, fixed_amount: int) -> int:
    """Return what is still to be charged once `captured` minor units are captured in all and `charged` are charged.

    Each capture adds what the total has grown by, so that captures in parts cost what one of the whole does. Where
    the terms have become better meanwhile, nothing is charged, and nothing is given back.
    """
    return max(0, fee_for(captured=captured, fee_bps=fee_bps, fixed_amount=fixed_amount) - charged)
