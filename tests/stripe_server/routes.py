"""Addresses, and what stands behind each."""

import re
from collections.abc import Callable
from typing import Any, Final

from tests.stripe_server import intents, movements
from tests.stripe_server.books import Books
from tests.stripe_server.wire import Object, Problem

_Create = Callable[[Books, Object], Object]
_Change = Callable[[Books, Object, Object], Object]

_CREATED: Final[dict[str, tuple[_Create, set[str]]]] = {
    "payment_intents": (intents.create, intents.CREATE_PARAMETERS),
    "refunds": (movements.refund, movements.REFUND_PARAMETERS),
    "payouts": (movements.pay_out, movements.PAYOUT_PARAMETERS),
}
CHANGED: Final[dict[tuple[str, str], tuple[_Change, set[str]]]] = {
    ("payment_intents", "capture"): (intents.capture, intents.CAPTURE_PARAMETERS),
    ("payment_intents", "cancel"): (intents.cancel, set()),
    ("disputes", ""): (movements.update_dispute, movements.EVIDENCE_PARAMETERS),
    ("disputes", "close"): (movements.close_dispute, set()),
}
_KINDS: Final = {
    "balance_transactions": "balance_transaction",
    "disputes": "dispute",
    "payment_intents": "payment_intent",
    "payouts": "payout",
    "refunds": "refund",
}
_PATH: Final = re.compile(r"/v1/(\w+)(?:/(\w+))?(?:/(\w+))?")
_LIST_FILTERS: Final = {"payment_intent", "payout", "source", "status"}


def carry_out(books: Books, method: str, path: str, params: Object) -> Object:
    """Return what Stripe would answer.

    Raises:
        Problem: it would answer with an error.
    """
    found = _PATH.fullmatch(path)
    plural, identity, verb = found.groups() if found else ("", None, None)
    if plural not in _KINDS:
        raise Problem(404, f"Unrecognized request URL ({method}: {path}).")
    if method == "GET":
        return _list(books, path, _KINDS[plural], params) if identity is None else books.get(identity, _KINDS[plural])
    if identity is None:
        create, known = _CREATED[plural]
        _refuse_unknown(params, known)
        return create(books, params)
    change, known = CHANGED[plural, verb or ""]
    _refuse_unknown(params, known)
    return change(books, books.get(identity, _KINDS[plural]), params)


def _refuse_unknown(params: Object, known: set[str]) -> None:
    unknown = sorted(params.keys() - known - {"expand"})
    if unknown:
        raise Problem(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])


def _list(books: Books, path: str, kind: str, params: Object) -> Object:
    """Return a page of objects, newest first."""
    filters = {name: value for name, value in params.items() if name in _LIST_FILTERS}
    if "payout" in filters:
        books.get(str(filters["payout"]), "payout")
    found = books.all(kind, **filters)
    for name in ("created", "arrival_date"):
        found = [document for document in found if _within(document.get(name), params.get(name) or {})]
    if "starting_after" in params:
        place = [document["id"] for document in found].index(params["starting_after"])
        found = found[place + 1 :]
    limit = int(params.get("limit", 10))
    return {"object": "list", "url": path, "data": found[:limit], "has_more": len(found) > limit}


def _within(value: Any, bounds: Object) -> bool:
    if "gte" in bounds and not value >= int(bounds["gte"]):
        return False
    return "lte" not in bounds or value <= int(bounds["lte"])
