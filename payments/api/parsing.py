"""Reading bodies: JSON objects only, of bounded size, and with nothing in them that must not come in."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from rest_framework.parsers import BaseParser

from payments.errors import BodyTooLarge, CardNumberRefused, InvalidRequest, MalformedBody

BODY_BYTES_MAX: Final = 65_536

# ISO/IEC 7812. Cards are embossed in groups; a group of one or two digits is more likely a day or a count.
CARD_DIGITS_MIN: Final = 12
CARD_DIGITS_MAX: Final = 19
_CARD_GROUP_MIN: Final = 3

# Digits in one piece or in groups.
_DIGITS = re.compile(r"(?<![0-9A-Za-z])\d+(?:[ -]\d+)*(?![0-9A-Za-z])")
# One random UUID in some three thousand ends in what would pass for a card number.
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE)


class StrictJSONParser(BaseParser):
    """Takes one JSON object of at most 64 KiB.

    Refuses what Python's reader lets pass (NaN, the same name twice), what PostgreSQL cannot store (NUL and lone
    surrogates), and card numbers.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the body's object.

        Raises:
            BodyTooLarge, MalformedBody, InvalidRequest, CardNumberRefused: see `errors`.
        """
        body = stream.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
        try:
            document = json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_without_repeats)
            for path, text in _strings(document, ""):
                _inspect(path, text)
        except RecursionError as error:
            raise MalformedBody("The body is nested too deeply.") from error
        except ValueError as error:
            raise MalformedBody(f"The body is not JSON: {error}.") from error
        if not isinstance(document, dict):
            raise MalformedBody("The body is JSON, but not an object: send {…}.")
        return document


def holds_card_number(text: str) -> bool:
    """Tell whether digits of a card's length in `text` pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    return any(_passes_luhn(digits) for digits in _card_lengths(text))


def _card_lengths(text: str) -> Iterator[str]:
    """Yield every row of whole groups of digits, without what parts them, that is as long as a card number."""
    for found in _DIGITS.finditer(_UUID.sub("", text)):
        groups = re.split("[ -]", found.group())
        for first in range(len(groups)):
            digits = ""
            for last in range(first, len(groups)):
                digits += groups[last]
                if len(digits) > CARD_DIGITS_MAX:
                    break
                whole = last - first in (0, len(groups) - 1)
                if len(digits) >= CARD_DIGITS_MIN and (whole or _embossed(groups[first : last + 1])):
                    yield digits


def _embossed(groups: list[str]) -> bool:
    return min(map(len, groups)) >= _CARD_GROUP_MIN


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _inspect(path: str, text: str) -> None:
    if holds_card_number(text):
        raise CardNumberRefused(
            f"{path} holds what looks like a card number. Send a payment method token instead.", param=path
        )
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(
            f"{path} holds a character that cannot be stored (NUL or half of a surrogate pair).", param=path
        )


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every string in a document with the path that leads to it, names of members included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield path or "(a field's name)", name
            yield from _strings(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _strings(member, f"{path}.{index}")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON value")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name appears twice in one object")
    return document
