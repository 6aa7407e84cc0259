"""Fields that take a value as it is or refuse it: nothing is guessed, cut or converted."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from rest_framework import serializers

from django.core.validators import URLValidator

from payments import public_ids
from payments.money import AMOUNT_MAX, exponents

METADATA_KEYS_MAX = 50
EVIDENCE_TEXTS_MAX = 20
_EVIDENCE_NAME = re.compile(r"[a-z_]{1,40}")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members it does not know, so that a misspelt name is an error and not a silent default."""

    def to_internal_value(self, data: Mapping[str, Any]) -> Any:
        """Return the validated members."""
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"This field does not exist here. Known fields: {known}."] for name in unknown}, code="unknown"
            )
        return super().to_internal_value(data)


class StrictTextField(serializers.CharField):
    """A JSON string, taken as it is; numbers and booleans are not turned into text."""

    def __init__(self, **kwargs: Any) -> None:
        """Keep blanks at the ends: they are the merchant's. Say in the documentation if there must be a text."""
        if not kwargs.get("allow_blank"):
            kwargs.setdefault("min_length", 1)
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ReturnUrlField(StrictTextField):
    """An http or https address, written in ASCII and without a user name."""

    def __init__(self, **kwargs: Any) -> None:
        """Bound the address."""
        help_text = "Where the payer comes back to; `payment=pay_…` is added to its query."
        super().__init__(max_length=2000, help_text=help_text, validators=[URLValidator(["http", "https"])], **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the address."""
        address = super().to_internal_value(data)
        if not address.isascii() or "@" in address.partition("//")[2].partition("/")[0]:
            raise serializers.ValidationError(
                "Write the address in ASCII (percent-encoded, the host in punycode) and without a user name.",
                code="invalid",
            )
        return address


class StrictFlagField(serializers.BooleanField):
    """A JSON true or false; "true" and 1 are refused."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class AmountField(serializers.IntegerField):
    """A positive integer of minor units; 19.99, 1e3, "1999" and true are refused."""

    def __init__(self, **kwargs: Any) -> None:
        """Bound the amount."""
        super().__init__(min_value=1, max_value=AMOUNT_MAX, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        """Return the amount."""
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError(
                "Write an amount as a whole number of minor units: 1999 for 19.99 EUR, 500 for 500 JPY.",
                code="invalid",
            )
        return super().to_internal_value(data)


class CurrencyField(StrictTextField):
    """An ISO 4217 code in upper case."""

    def __init__(self, **kwargs: Any) -> None:
        """Bound the length for the documentation; the check is against the standard's list."""
        super().__init__(min_length=3, max_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the code."""
        code = super().to_internal_value(data)
        if code not in exponents():
            hint = f" Write {code.upper()}." if code.upper() in exponents() else ""
            raise serializers.ValidationError(
                f"{code!r} is not an ISO 4217 currency code one can pay in.{hint}", code="unknown_currency"
            )
        return code


class MetadataField(serializers.DictField):
    """Up to 50 pairs of text, names up to 40 characters and values up to 500."""

    child = StrictTextField(max_length=500, allow_blank=True)
    names_min = 0
    names_max = METADATA_KEYS_MAX

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the pairs."""
        pairs: dict[str, str] = super().to_internal_value(data)
        if len(pairs) > METADATA_KEYS_MAX:
            raise serializers.ValidationError(f"At most {METADATA_KEYS_MAX} pairs.", code="max_length")
        if too_long := [name for name in pairs if not 0 < len(name) <= 40]:
            raise serializers.ValidationError(
                f"A name has 1 to 40 characters, and {too_long[0][:50]!r} has not.", code="max_length"
            )
        return pairs


class EvidenceField(serializers.DictField):
    """1 to 20 texts by name."""

    child = StrictTextField(max_length=5000)
    names_min = 1
    names_max = EVIDENCE_TEXTS_MAX

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the texts by name."""
        texts: dict[str, str] = super().to_internal_value(data)
        if not 0 < len(texts) <= EVIDENCE_TEXTS_MAX:
            raise serializers.ValidationError(f"Send 1 to {EVIDENCE_TEXTS_MAX} texts.", code="max_length")
        if wrong := [name for name in texts if not _EVIDENCE_NAME.fullmatch(name)]:
            raise serializers.ValidationError(
                f"A name has 1 to 40 characters out of a to z and _, and {wrong[0][:50]!r} has not.", code="invalid"
            )
        return texts


class PublicIdField(serializers.CharField):
    """An id with the prefix of one kind of object, or of several; the value is the UUID behind it."""

    def __init__(self, *prefixes: str, **kwargs: Any) -> None:
        """Take the prefixes: `pay`, `evt` …"""
        super().__init__(help_text=f"An id: {', '.join(f'`{prefix}_…`' for prefix in prefixes)}.", **kwargs)
        self.prefixes = prefixes

    def to_internal_value(self, data: Any) -> UUID:  # type: ignore[override]
        """Return the UUID."""
        text = super().to_internal_value(data)
        for prefix in self.prefixes:
            with suppress(ValueError):
                return public_ids.decode(prefix, text)
        raise serializers.ValidationError(
            f"This is not an id that begins with {' or '.join(f'{prefix}_' for prefix in self.prefixes)}."
        )
