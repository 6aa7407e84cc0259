"""Stripe's wire format: nested forms in, JSON with expandable members out, errors in one shape."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qsl

Object = dict[str, Any]


class Problem(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, message: str, *, kind: str = "invalid_request_error", **members: Any) -> None:
        """Take the status, and the members of the error object."""
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message} | members


def read_form(text: str) -> Object:
    """Return a form with names like `card[exp]` and `expand[0]` as nested members and lists."""
    found: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = re.findall(r"[^\[\]]+", name)
        inner = found
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
    for name in ("expand",):
        if isinstance(found.get(name), dict):
            found[name] = [found[name][number] for number in sorted(found[name], key=int)]
    return found


def whole(params: Object, name: str) -> int:
    """Return a whole number.

    Raises:
        Problem: it is none.
    """
    text = str(params.get(name, ""))
    if not re.fullmatch(r"\d+", text):
        raise Problem(400, f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
    return int(text)


def flag(params: Object, name: str, *, default: bool) -> bool:
    """Return a `true` or `false`."""
    text = params.get(name)
    return default if text is None else text == "true"


def expanded(document: Object, paths: list[str], find: Callable[[str], Object | None]) -> Object:
    """Return a copy in which the ids at these paths are the objects themselves."""
    answer = deepcopy(document)
    for path in sorted(paths):
        _expand(answer, path.split("."), find)
    return answer


def _expand(document: Any, path: list[str], find: Callable[[str], Object | None]) -> None:
    name, *rest = path
    if not isinstance(document, dict) or document.get(name) is None:
        return
    if isinstance(document[name], list):
        for item in document[name]:
            _expand(item, rest, find)
        return
    if isinstance(document[name], str):
        document[name] = deepcopy(find(document[name])) or document[name]
    if rest:
        _expand(document[name], rest, find)
