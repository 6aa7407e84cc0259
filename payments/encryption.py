"""Secrets at rest: what has to be sent or signed with again is stored encrypted, never in the clear.

Fernet (AES-128-CBC with HMAC-SHA256). The first key encrypts, all of them decrypt: to rotate, put a new key in front,
run `manage.py rotate_encryption`, and take the old one out.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from payments import conf


class Undecryptable(Exception):
    """A stored secret was encrypted with a key that is not configured."""


def encrypt(secret: str) -> str:
    """Return the secret in the form that is stored."""
    return _keys(conf.encryption_keys()).encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """Return the secret that is stored in this form.

    Raises:
        Undecryptable: no configured key fits.
    """
    try:
        return _keys(conf.encryption_keys()).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Undecryptable(
            "A stored secret was encrypted with a key that is not among PAYMENTS_ENCRYPTION_KEYS."
        ) from error


@lru_cache(maxsize=4)
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
