"""The payment methods that the sandbox knows, and what each does."""

from typing import Final

from payments.connectors.base import Declined, Unknown

# With these the sandbox acts, and its answer is lost.
FAULTS_AFTER: Final = {
    "pm_fault_timeout_after": Unknown("The sandbox did not answer in time."),
    "pm_fault_error_after": Unknown("The sandbox answered with status 500."),
}
# With this one the request is lost on its way there.
TIMEOUT_BEFORE_METHOD: Final = "pm_fault_timeout_before"
UNREACHABLE_METHOD: Final = "pm_fault_unreachable"

# With these each step is only accepted at first, and the result follows as news: twice, late, or behind a later one.
DUPLICATE_NEWS_METHOD: Final = "pm_fault_duplicate_webhook"
LATE_NEWS_METHOD: Final = "pm_fault_late_webhook"
REORDERED_NEWS_METHOD: Final = "pm_fault_reordered_webhooks"
NEWS_METHODS: Final = frozenset({DUPLICATE_NEWS_METHOD, LATE_NEWS_METHOD, REORDERED_NEWS_METHOD})

# The payer has to approve it on a page first, as with 3-D Secure.
AUTHENTICATION_METHOD: Final = "pm_card_authentication_required"

# A refund of it succeeds, and comes back days later.
REFUND_FAILS_METHOD: Final = "pm_card_refund_fails"

# Whatever is captured of it is disputed at once.
DISPUTED_METHOD: Final = "pm_card_disputed"

# A charge of it is settled a tenth short.
SHORT_SETTLEMENT_METHOD: Final = "pm_fault_short_settlement"

SUCCEEDING_METHODS: Final = frozenset(
    {
        *("pm_card_visa", "pm_card_mastercard", REFUND_FAILS_METHOD, DISPUTED_METHOD, SHORT_SETTLEMENT_METHOD),
        *FAULTS_AFTER,
        *NEWS_METHODS,
    }
)

# Decline and advice codes in the words of the field (those of Stripe's API).
_DO_NOT_RETRY: Final = "do_not_try_again"
CHECK_CARD: Final = "confirm_card_data"
_TRY_LATER: Final = "try_again_later"
DECLINES: Final = {
    "pm_card_declined": Declined("generic_decline", _TRY_LATER, "The card was declined."),
    "pm_card_insufficient_funds": Declined("insufficient_funds", _TRY_LATER, "The card has insufficient funds."),
    "pm_card_lost": Declined("lost_card", _DO_NOT_RETRY, "The card was reported lost."),
    "pm_card_stolen": Declined("stolen_card", _DO_NOT_RETRY, "The card was reported stolen."),
    "pm_card_expired": Declined("expired_card", CHECK_CARD, "The card has expired."),
    "pm_card_incorrect_cvc": Declined("incorrect_cvc", CHECK_CARD, "The card's security code is incorrect."),
    "pm_card_processing_error": Declined("processing_error", _TRY_LATER, "An error occurred at the processor."),
}


_OTHERS: Final = frozenset({UNREACHABLE_METHOD, TIMEOUT_BEFORE_METHOD, AUTHENTICATION_METHOD})


def unknown_method() -> Declined:
    """Return the answer to a payment method that is none of these."""
    known = ", ".join(sorted(SUCCEEDING_METHODS | DECLINES.keys() | _OTHERS))
    return Declined(
        "invalid_payment_method", CHECK_CARD, f"The sandbox knows no such payment method. It knows {known}."
    )
