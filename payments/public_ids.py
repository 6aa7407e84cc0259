"""Public ids: a prefix that names the kind, and a UUIDv7 in 26 characters of Crockford's base 32.

`pay_01jv8k3x5rf2dbh0v9q2w8m7ce` sorts by time of creation, has no characters that are mistaken for each
other and is the row's primary key in another spelling: reading one needs no look-up table.
"""

from uuid import UUID

from uuid_utils.compat import uuid7

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26
# What follows the prefix and `_`, as a regular expression. The first character carries three bits only.
PATTERN = f"[0-7][0-9a-hjkmnp-tv-z]{{{_LENGTH - 1}}}"


def new_uuid() -> UUID:
    """Return a UUIDv7 (RFC 9562) of this moment, greater than every one this process returned before."""
    return uuid7()


def encode(prefix: str, value: UUID) -> str:
    """Return the public id of `value`: `encode("pay", uuid)` gives `pay_…`."""
    number = value.int
    characters = [""] * _LENGTH
    for position in range(_LENGTH - 1, -1, -1):
        characters[position] = _ALPHABET[number & 31]
        number >>= 5
    return f"{prefix}_{''.join(characters)}"


def decode(prefix: str, text: str) -> UUID:
    """Return the UUID behind the public id `text`.

    Raises:
        ValueError: `text` is not an id with this prefix.
    """
    head, _, tail = text.rpartition("_")
    # The first character carries three bits only: 26 × 5 = 130 bits for a number of 128.
    if head != prefix or len(tail) != _LENGTH or tail[0] not in "01234567":
        raise ValueError(f"{text!r} is not an id that begins with {prefix}_")
    number = 0
    for character in tail:
        if character not in _VALUES:
            raise ValueError(f"{text!r} is not an id that begins with {prefix}_")
        number = number << 5 | _VALUES[character]
    return UUID(int=number)
