"""How tests ask the sandbox what became of a request."""

from datetime import datetime

from payments.connectors.base import StatusQuery
from payments.lifecycles import CallKind
from payments.money import Money

ANYTHING = Money(1999, "EUR")
BACK = "https://shop.example/back"


def query_of(key: str, *, now: datetime, kind: CallKind = CallKind.AUTHORIZE) -> StatusQuery:
    """Return the question about a request by its key, which is all that the sandbox looks at."""
    return StatusQuery(key, kind=kind, processor_reference=None, amount=ANYTHING, requested_at=now, now=now)
