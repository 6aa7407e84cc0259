"""Secrets at rest: unreadable without a key, and readable through a change of keys."""

from base64 import urlsafe_b64encode
from itertools import permutations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from payments.encryption import Undecryptable, decrypt, encrypt
from payments.models.encrypted import EncryptedTextField

SECRET = "sk_live_of_a_merchant"
# The same in each of the processes that share these tests out: they are in the names of some.
FIRST, SECOND, THIRD = (urlsafe_b64encode(bytes([number]) * 32).decode() for number in range(3))


@given(st.text(st.characters(codec="utf-8")))
def test_a_secret_comes_back_as_it_was(secret: str) -> None:
    assert decrypt(encrypt(secret)) == secret


def test_what_is_stored_does_not_hold_the_secret_and_is_never_the_same() -> None:
    stored = [encrypt(SECRET) for _ in range(2)]

    assert stored[0] != stored[1]
    assert not [text for text in stored if SECRET in text]


def test_the_first_key_encrypts_and_all_decrypt(settings: Settings) -> None:
    settings.PAYMENTS_ENCRYPTION_KEYS = [FIRST]
    old = encrypt(SECRET)

    settings.PAYMENTS_ENCRYPTION_KEYS = [SECOND, FIRST]
    new = encrypt(SECRET)

    assert (decrypt(old), decrypt(new)) == (SECRET, SECRET)
    assert Fernet(SECOND).decrypt(new).decode() == SECRET


@pytest.mark.parametrize("keys", list(permutations((FIRST, SECOND, THIRD))))
def test_the_order_of_the_keys_does_not_matter_to_what_is_stored(settings: Settings, keys: tuple[str, ...]) -> None:
    settings.PAYMENTS_ENCRYPTION_KEYS = [SECOND]
    stored = encrypt(SECRET)

    settings.PAYMENTS_ENCRYPTION_KEYS = list(keys)

    assert decrypt(stored) == SECRET


def test_what_is_rotated_outlives_the_old_key(settings: Settings) -> None:
    settings.PAYMENTS_ENCRYPTION_KEYS = [FIRST]
    old = encrypt(SECRET)
    settings.PAYMENTS_ENCRYPTION_KEYS = [SECOND, FIRST]
    rotated = encrypt(decrypt(old))

    settings.PAYMENTS_ENCRYPTION_KEYS = [SECOND]

    assert decrypt(rotated) == SECRET
    with pytest.raises(Undecryptable):
        decrypt(old)


@pytest.mark.parametrize("stored", ["", "no token", SECRET, "gAAAAA", "gAAAAABk" + "x" * 92])
def test_what_no_key_fits_is_said_without_repeating_it(settings: Settings, stored: str) -> None:
    settings.PAYMENTS_ENCRYPTION_KEYS = [FIRST]

    with pytest.raises(Undecryptable, match="PAYMENTS_ENCRYPTION_KEYS") as refusal:
        decrypt(stored)

    assert not stored or stored not in str(refusal.value)


def test_a_wrong_key_opens_nothing(settings: Settings) -> None:
    settings.PAYMENTS_ENCRYPTION_KEYS = [FIRST]
    stored = encrypt(SECRET)
    settings.PAYMENTS_ENCRYPTION_KEYS = [SECOND, THIRD]

    with pytest.raises(Undecryptable):
        decrypt(stored)


def test_a_column_without_a_value_has_none() -> None:
    column = EncryptedTextField()

    assert column.get_prep_value(None) is None
    assert column.from_db_value(None, None, None) is None  # type: ignore[arg-type]
