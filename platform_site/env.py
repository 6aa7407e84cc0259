"""Readers for environment variables that fail loudly.

A missing or malformed variable stops the process at once, with one line that names the variable, what
was found and what is wanted. A silent default is how a test key reaches production.
"""

import os
from collections.abc import Sequence

from cryptography.fernet import Fernet

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def required(name: str, *, hint: str) -> str:
    """Return the non-empty variable `name`; `hint` tells the reader what to put there."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: {hint}")
    return value


def text(name: str, *, default: str) -> str:
    """Return the variable `name`, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def choice(name: str, *, options: Sequence[str]) -> str:
    """Return the variable `name`, which has to be one of `options`."""
    value = required(name, hint=f"choose one of {', '.join(options)}")
    if value not in options:
        raise ImproperlyConfigured(f"{name} is {value!r}: choose one of {', '.join(options)}")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return the variable `name` read as true or false."""
    value = os.environ.get(name, "").lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: write true or false")


def integer(name: str, *, default: int, minimum: int, maximum: int) -> int:
    """Return the variable `name` as an integer from `minimum` to `maximum`, both included."""
    value = os.environ.get(name, "")
    if not value:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number") from error
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} is {number}: write a number from {minimum} to {maximum}")
    return number


def words(name: str, *, default: Sequence[str]) -> list[str]:
    """Return the comma-separated words of the variable `name`."""
    value = os.environ.get(name, "")
    if not value:
        return list(default)
    return [word.strip() for word in value.split(",") if word.strip()]


def fernet_keys(name: str, *, default: Sequence[str] | None) -> list[str]:
    """Return the comma-separated Fernet keys of the variable `name`, which has to be set where `default` is None."""
    hint = "Fernet keys, separated by commas, the newest first; .env.example says how to make one"
    keys = words(name, default=()) or list(default or ())
    if not keys:
        raise ImproperlyConfigured(f"{name} is not set: {hint}")
    for number, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError as error:
            # The key itself stays out of the message, which ends in a log.
            raise ImproperlyConfigured(f"{name}: key {number} is no Fernet key; {hint}") from error
    return keys
