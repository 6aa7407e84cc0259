"""API keys: recognisable by their mode, random, and stored as a hash alone. Webhooks: signed by the standard."""

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from payments.lifecycles import Mode
from payments.signing import api_key_prefix, hash_api_key, new_api_key, new_webhook_secret, webhook_signatures


@pytest.mark.parametrize(("mode", "prefix"), [(Mode.TEST, "sk_test_"), (Mode.LIVE, "sk_live_")])
def test_a_key_says_its_mode_and_is_random_after_that(mode: Mode, prefix: str) -> None:
    key = new_api_key(mode)

    assert api_key_prefix(mode) == prefix
    assert re.fullmatch(prefix + "[A-Za-z0-9]{32}", key)


def test_no_two_keys_are_the_same() -> None:
    assert len({new_api_key(Mode.TEST) for _ in range(1000)}) == 1000


def test_the_stored_form_is_the_sha_256_in_hexadecimal() -> None:
    assert hash_api_key("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_webhook_secret_is_32_random_bytes_in_base64() -> None:
    secrets = {new_webhook_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert all(secret.startswith("whsec_") for secret in secrets)
    assert {len(b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in secrets} == {32}


@pytest.mark.parametrize(
    ("secret", "message_id", "seconds", "body", "signature"),
    [
        # Examples of Standard Webhooks' specification and of its reference implementations.
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1649367553,
            b'{"email":"test@example.com","username":"test_user"}',
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
)
def test_a_published_webhook_gets_its_published_signature(
    secret: str, message_id: str, seconds: int, body: bytes, signature: str
) -> None:
    at = datetime.fromtimestamp(seconds, UTC)

    assert webhook_signatures(secrets=[secret], message_id=message_id, at=at, body=body) == signature


@pytest.mark.parametrize("body", [b'{"id":"evt_1"}', '{"name":"Bücher, 本, 🧾"}'.encode(), b'{"a": "\\u0000 \\n"}\n'])
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=45))])
def test_each_of_two_secrets_verifies_a_webhook(body: bytes, zone: tzinfo) -> None:
    old, new, at = new_webhook_secret(), new_webhook_secret(), datetime.now(zone)

    signatures = webhook_signatures(secrets=[new, old], message_id="evt_1", at=at, body=body)

    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }
    assert re.fullmatch("v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=", signatures)
    Webhook(old).verify(body, headers)
    Webhook(new).verify(body, headers)
    for changed in ({"webhook-id": "evt_2"}, {"webhook-timestamp": str(int(at.timestamp()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(new).verify(body, headers | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_webhook_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)
