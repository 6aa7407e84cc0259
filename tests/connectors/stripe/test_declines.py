"""Stripe's reasons in our words."""

import pytest

from payments.connectors.base import Declined
from payments.connectors.sandbox.methods import DECLINES as SANDBOX_DECLINES
from payments.connectors.stripe.declines import DECLINE_CODES, declined
from payments.models.base import SHORT_TEXT

ADVICE = {"do_not_try_again", "confirm_card_data", "try_again_later", None}


def test_every_code_of_ours_fits_and_has_known_advice() -> None:
    assert {advice for _, advice in DECLINE_CODES.values()} <= ADVICE
    assert all(0 < len(code) <= SHORT_TEXT for code, _ in DECLINE_CODES.values())


def test_all_of_stripe_s_documented_codes_are_in_the_table() -> None:
    assert len(DECLINE_CODES) == 50


@pytest.mark.parametrize("method", sorted(SANDBOX_DECLINES))
def test_a_reason_that_the_sandbox_has_is_the_same_word_with_the_same_advice(method: str) -> None:
    ours = SANDBOX_DECLINES[method]

    assert DECLINE_CODES[ours.decline_code] == (ours.decline_code, ours.advice_code)


@pytest.mark.parametrize(
    ("error", "decline_code", "advice_code"),
    [
        ({"decline_code": "invented_by_an_issuer"}, "generic_decline", "try_again_later"),
        ({"decline_code": "do_not_honor", "advice_code": "do_not_try_again"}, "do_not_honor", "do_not_try_again"),
        ({"decline_code": "do_not_honor", "advice_code": "invented"}, "do_not_honor", "try_again_later"),
        ({"code": "card_declined", "decline_code": "stolen_card"}, "stolen_card", "do_not_try_again"),
        ({"code": "expired_card"}, "expired_card", "confirm_card_data"),
        ({"code": "payment_intent_authentication_failure"}, "authentication_failed", "try_again_later"),
        ({"type": "invalid_request_error", "code": "charge_already_refunded"}, "amount_too_large", None),
        ({"type": "invalid_request_error", "param": "amount_to_capture"}, "amount_too_large", None),
        ({"type": "invalid_request_error", "code": "parameter_unknown"}, "invalid_request", None),
        (
            {"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"},
            *("invalid_payment_method", "confirm_card_data"),
        ),
        ({}, "generic_decline", "try_again_later"),
    ],
)
def test_an_error_is_a_decline_in_our_words(error: dict[str, str], decline_code: str, advice_code: str | None) -> None:
    outcome = declined(error | {"message": "No."})

    assert outcome == Declined(decline_code, advice_code, "No.")


def test_a_message_is_no_longer_than_what_is_kept_of_it() -> None:
    assert len(declined({"message": "x" * 5000}).message) == 1000
