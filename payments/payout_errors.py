"""What can go wrong with a request about payouts; each has a page of the docs, as those in `payments.errors`."""

from payments.errors import PaymentsError


class AmountExceedsAvailable(PaymentsError):
    """The amount is more than is available for a payout.

    Pay out at most `amount_available`: what the processor has settled, less what refunds under way and disputes will
    take. `GET /v1/balance` shows it as `available`. Nothing was paid out by this request.
    """

    code = "amount_exceeds_available"
    status = 422


class DestinationMissing(PaymentsError):
    """Nothing says where the payout goes.

    Send `destination`, or have a payout schedule set up for the currency: its destination is taken where none is sent.
    """

    code = "destination_missing"
    status = 422


class PayoutDeclined(PaymentsError):
    """The processor did not accept the payout.

    `payout` is the payout as it stands, and its amount is available again. `decline_code` says why: pay out to
    another destination, or where `retryable` is true again under a new idempotency key.
    """

    code = "payout_declined"
    status = 402
