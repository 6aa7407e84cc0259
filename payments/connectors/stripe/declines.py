"""Why Stripe says no, in our words: a table of its decline codes, and one of its errors.

Ours are Stripe's where those say something; what Stripe has two codes for has one here, and codes that are advice are
given as advice. What is not in the tables is `generic_decline` or `invalid_request`: a merchant's code branches on
words that stay. The table follows https://docs.stripe.com/declines/codes.
"""

from collections.abc import Mapping
from typing import Any, Final

from payments.connectors.base import Declined

_MESSAGE_MAX: Final = 1000

DO_NOT_RETRY: Final = "do_not_try_again"
CHECK_CARD: Final = "confirm_card_data"
TRY_LATER: Final = "try_again_later"

_ADVICE: Final = frozenset({DO_NOT_RETRY, CHECK_CARD, TRY_LATER})

# Stripe's decline code, ours, and what the payer should do where the issuer does not say.
DECLINE_CODES: Final[Mapping[str, tuple[str, str | None]]] = {
    "approve_with_id": ("generic_decline", TRY_LATER),
    "authentication_not_handled": ("authentication_required", TRY_LATER),
    "authentication_required": ("authentication_required", TRY_LATER),
    "call_issuer": ("call_issuer", TRY_LATER),
    "card_not_supported": ("card_not_supported", DO_NOT_RETRY),
    "card_velocity_exceeded": ("card_velocity_exceeded", TRY_LATER),
    "currency_not_supported": ("currency_not_supported", DO_NOT_RETRY),
    "do_not_honor": ("do_not_honor", TRY_LATER),
    "do_not_try_again": ("generic_decline", DO_NOT_RETRY),
    "duplicate_transaction": ("duplicate_transaction", None),
    "expired_card": ("expired_card", CHECK_CARD),
    "fraudulent": ("fraudulent", DO_NOT_RETRY),
    "generic_decline": ("generic_decline", TRY_LATER),
    "incorrect_address": ("incorrect_address", CHECK_CARD),
    "incorrect_cvc": ("incorrect_cvc", CHECK_CARD),
    "incorrect_number": ("incorrect_number", CHECK_CARD),
    "incorrect_pin": ("incorrect_pin", CHECK_CARD),
    "incorrect_zip": ("incorrect_zip", CHECK_CARD),
    "insufficient_funds": ("insufficient_funds", TRY_LATER),
    "invalid_account": ("invalid_account", DO_NOT_RETRY),
    "invalid_amount": ("invalid_amount", None),
    "invalid_cvc": ("incorrect_cvc", CHECK_CARD),
    "invalid_expiry_month": ("expired_card", CHECK_CARD),
    "invalid_expiry_year": ("expired_card", CHECK_CARD),
    "invalid_number": ("incorrect_number", CHECK_CARD),
    "invalid_pin": ("incorrect_pin", CHECK_CARD),
    "issuer_not_available": ("issuer_not_available", TRY_LATER),
    "lost_card": ("lost_card", DO_NOT_RETRY),
    "merchant_blacklist": ("blocked_by_merchant", DO_NOT_RETRY),
    "mobile_device_authentication_required": ("authentication_required", TRY_LATER),
    "new_account_information_available": ("invalid_account", CHECK_CARD),
    "no_action_taken": ("generic_decline", TRY_LATER),
    "not_permitted": ("transaction_not_allowed", DO_NOT_RETRY),
    "offline_pin_required": ("pin_required", TRY_LATER),
    "online_or_offline_pin_required": ("pin_required", TRY_LATER),
    "pickup_card": ("pickup_card", DO_NOT_RETRY),
    "pin_try_exceeded": ("pin_try_exceeded", DO_NOT_RETRY),
    "processing_error": ("processing_error", TRY_LATER),
    "reenter_transaction": ("processing_error", TRY_LATER),
    "restricted_card": ("restricted_card", DO_NOT_RETRY),
    "revocation_of_all_authorizations": ("authorization_revoked", DO_NOT_RETRY),
    "revocation_of_authorization": ("authorization_revoked", DO_NOT_RETRY),
    "security_violation": ("generic_decline", TRY_LATER),
    "service_not_allowed": ("transaction_not_allowed", DO_NOT_RETRY),
    "stolen_card": ("stolen_card", DO_NOT_RETRY),
    "stop_payment_order": ("authorization_revoked", DO_NOT_RETRY),
    "testmode_decline": ("test_card_in_live_mode", DO_NOT_RETRY),
    "transaction_not_allowed": ("transaction_not_allowed", DO_NOT_RETRY),
    "try_again_later": ("generic_decline", TRY_LATER),
    "withdrawal_count_limit_exceeded": ("card_velocity_exceeded", TRY_LATER),
}

# Errors that are no issuer's: what Stripe calls them, ours, and advice.
_ERROR_CODES: Final[Mapping[str, tuple[str, str | None]]] = {
    "amount_too_large": ("amount_too_large", None),
    "amount_too_small": ("amount_too_small", None),
    "balance_insufficient": ("insufficient_funds", TRY_LATER),
    "capture_charge_authorization_expired": ("authorization_expired", None),
    "card_declined": ("generic_decline", TRY_LATER),
    "charge_already_captured": ("already_captured", None),
    "charge_already_refunded": ("amount_too_large", None),
    "charge_disputed": ("charge_disputed", None),
    "charge_expired_for_capture": ("authorization_expired", None),
    "insufficient_funds": ("insufficient_funds", TRY_LATER),
    "no_account": ("invalid_destination", None),
    "payment_intent_authentication_failure": ("authentication_failed", TRY_LATER),
    "payment_intent_payment_attempt_expired": ("authentication_expired", TRY_LATER),
    "payment_intent_unexpected_state": ("unexpected_state", None),
    "payment_method_unactivated": ("payment_method_not_activated", None),
    "payouts_not_allowed": ("payouts_not_allowed", None),
}

# Errors that have no code, or one that says little: what they are about says more.
_PARAMETERS: Final[Mapping[str, tuple[str, str | None]]] = {
    "amount": ("amount_too_large", None),
    "amount_to_capture": ("amount_too_large", None),
    "currency": ("currency_not_supported", None),
    "destination": ("invalid_destination", None),
    "final_capture": ("partial_capture_not_supported", None),
    "payment_method": ("invalid_payment_method", CHECK_CARD),
}

CANCELED: Final = Declined("canceled", None, "The payment was canceled at Stripe.")


def declined(error: Mapping[str, Any], *, reference: str | None = None) -> Declined:
    """Return the decline that an error object of Stripe's is: the answer's, or a PaymentIntent's last error."""
    code, parameter = str(error.get("code") or ""), str(error.get("param") or "")
    decline_code, advice = ("invalid_request", None) if error.get("type") == "invalid_request_error" else _GENERIC
    if error.get("decline_code"):
        decline_code, advice = DECLINE_CODES.get(str(error["decline_code"]), _GENERIC)
    elif code in DECLINE_CODES:
        decline_code, advice = DECLINE_CODES[code]
    elif code in _ERROR_CODES:
        decline_code, advice = _ERROR_CODES[code]
    elif parameter in _PARAMETERS:
        decline_code, advice = _PARAMETERS[parameter]
    given = error.get("advice_code")
    intent = error.get("payment_intent")
    return Declined(
        decline_code,
        str(given) if given in _ADVICE else advice,
        str(error.get("message") or "Stripe declined it.")[:_MESSAGE_MAX],
        processor_reference=reference or (str(intent["id"]) if isinstance(intent, Mapping) else None),
    )


_GENERIC: Final = ("generic_decline", TRY_LATER)
