"""Stripe's test payment methods, and what each does. See https://docs.stripe.com/testing."""

from typing import Final

# The issuer's decline code, the error's code, and the issuer's advice.
DECLINES: Final[dict[str, tuple[str, str, str | None]]] = {
    "pm_card_visa_chargeDeclined": ("generic_decline", "card_declined", "try_again_later"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("insufficient_funds", "card_declined", "try_again_later"),
    "pm_card_visa_chargeDeclinedLostCard": ("lost_card", "card_declined", "do_not_try_again"),
    "pm_card_visa_chargeDeclinedStolenCard": ("stolen_card", "card_declined", "do_not_try_again"),
    "pm_card_chargeDeclinedExpiredCard": ("", "expired_card", "confirm_card_data"),
    "pm_card_chargeDeclinedIncorrectCvc": ("", "incorrect_cvc", "confirm_card_data"),
    "pm_card_chargeDeclinedProcessingError": ("", "processing_error", None),
}
SUCCEEDING: Final = frozenset(
    {
        *("pm_card_visa", "pm_card_mastercard", "pm_card_credit_disableEnterpriseCardFeatures"),
        *("pm_card_authenticationRequired", "pm_card_createDispute", "pm_card_createInquiry"),
        *("pm_card_pendingRefund", "pm_card_refundFail", "pm_slow_debit"),
    }
)
# A page of the issuer's first.
NEEDS_PAYER: Final = "pm_card_authenticationRequired"
# Disputed, or asked about, as soon as it is captured.
DISPUTED: Final = "pm_card_createDispute"
INQUIRED: Final = "pm_card_createInquiry"
# A refund of it waits; or succeeds, and fails later.
PENDING_REFUND: Final = "pm_card_pendingRefund"
FAILING_REFUND: Final = "pm_card_refundFail"
# No card: it is processed for a while.
SLOW: Final = "pm_slow_debit"
# It is captured once and no more.
ONE_CAPTURE: Final = "pm_card_credit_disableEnterpriseCardFeatures"

# Of a charge Stripe takes so many thousandths.
FEE_PER_MILLE: Final = 15
DISPUTE_FEE: Final = 1500

THREE_DECIMALS: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_ONLY: Final = frozenset({"isk", "ugx"})
