"""Credentials: looked at before anything is asked of Stripe, and never repeated in a message."""

import pytest

from payments.connectors.stripe import StripeConnector
from payments.lifecycles import Mode

GOOD = {"secret_key": "sk_test_51AbcDEF", "webhook_secret": "whsec_AbcDEF"}


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({}, Mode.TEST),
        ({"secret_key": "rk_test_51AbcDEF"}, Mode.TEST),
        ({"secret_key": "sk_live_51AbcDEF"}, Mode.LIVE),
        ({"secret_key": "rk_live_51AbcDEF"}, Mode.LIVE),
        ({"webhook_secret": "whsec_old, whsec_new"}, Mode.TEST),
    ],
)
def test_credentials_of_the_mode_are_accepted(changes: dict[str, str], mode: Mode) -> None:
    StripeConnector.check_credentials(GOOD | changes, mode)


@pytest.mark.parametrize(
    ("credentials", "mode", "words"),
    [
        (GOOD | {"secret_key": "sk_live_51AbcDEF"}, Mode.TEST, "is a live key, and this account is in test mode"),
        (GOOD | {"secret_key": "rk_live_51AbcDEF"}, Mode.TEST, "is a live key, and this account is in test mode"),
        (GOOD, Mode.LIVE, "is a test key, and this account is in live mode"),
        (GOOD | {"secret_key": "pk_test_51AbcDEF"}, Mode.TEST, "secret_key is none of Stripe's"),
        (GOOD | {"secret_key": "sk_test_51AbcDEF\n"}, Mode.TEST, "secret_key is none of Stripe's"),
        (GOOD | {"webhook_secret": "51AbcDEF"}, Mode.TEST, "webhook_secret is none of Stripe's"),
        (GOOD | {"webhook_secret": "whsec_old,"}, Mode.TEST, "webhook_secret is none of Stripe's"),
        ({"secret_key": GOOD["secret_key"]}, Mode.TEST, "Without webhook_secret nothing"),
        ({}, Mode.TEST, "Without secret_key and webhook_secret nothing"),
        (GOOD | {"password": "51AbcDEF"}, Mode.TEST, "no credentials named password"),
    ],
)
def test_others_are_refused_in_words_without_the_secret(credentials: dict[str, str], mode: Mode, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        StripeConnector.check_credentials(credentials, mode)

    assert "51AbcDEF" not in str(refusal.value)


def test_each_credential_is_explained() -> None:
    assert list(StripeConnector.CREDENTIALS) == ["secret_key", "webhook_secret"]
    assert all(text.endswith(".") for text in StripeConnector.CREDENTIALS.values())
