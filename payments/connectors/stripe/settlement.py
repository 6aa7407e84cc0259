"""Stripe's payouts to the merchant's bank, as settlement reports: one a payout, one line a balance transaction.

Lines have the names that our calls have: a charge that of its PaymentIntent (or, of several captures of one, that of
the capture), a refund and a dispute their own. Amounts are in our minor units.
"""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, Final

import stripe

from payments.connectors.base import CannotAsk
from payments.connectors.stripe.intents import capture_reference, captures_of
from payments.connectors.stripe.units import from_stripe
from payments.models.reconciliation import SettlementKind
from payments.staff_errors import BadReport

HEADER: Final = (
    *("line_reference", "batch_reference", "kind", "processor_reference"),
    *("currency", "gross", "fee", "net", "occurred_at"),
)
# A payout is on its way for days before it is paid: those that were due so long before are looked at again.
_PAID_LATE: Final = timedelta(days=7)
_PAGE: Final = 100
_WITH_SOURCE: Final = ["data.source", "data.source.payment_intent"]

# What a balance transaction is about, by Stripe's reporting category.
_KINDS: Final = {
    "charge": SettlementKind.CHARGE,
    "refund": SettlementKind.REFUND,
    "dispute": SettlementKind.DISPUTE,
    "dispute_reversal": SettlementKind.DISPUTE_WON,
}
# With these the fee is a part of what was held, and comes back with it or not.
_FEE_INCLUDED: Final = frozenset({SettlementKind.DISPUTE, SettlementKind.DISPUTE_WON})
# The payout itself, and its way back: no part of what it is made of.
_THE_PAYOUT: Final = frozenset({"payout", "payout_reversal"})


def reports(client: stripe.StripeClient, *, since: datetime, now: datetime) -> list[str]:
    """Return the ids of payouts that Stripe made by itself and that are paid, oldest first.

    Raises:
        CannotAsk: Stripe does not say.
    """
    with _asking():
        paid = client.v1.payouts.list(
            params={
                "status": "paid",
                "arrival_date": {"gte": int((since - _PAID_LATE).timestamp()), "lte": int(now.timestamp())},
                "limit": _PAGE,
            }
        )
        found = [payout.to_dict() for payout in paid.auto_paging_iter()]
    return [name for _, name in sorted((made["arrival_date"], made["id"]) for made in found if made["automatic"])]


def report(client: stripe.StripeClient, name: str) -> Iterator[str]:
    """Yield the text of a report, line by line.

    Raises:
        ValueError: there is no payout of that name.
        BadReport: an amount is not exact in our units.
        CannotAsk: Stripe does not say, or no more.
    """
    with _asking():
        try:
            made_of = client.v1.balance_transactions.list(
                params={"payout": name, "limit": _PAGE, "expand": _WITH_SOURCE}
            )
        except stripe.InvalidRequestError as error:
            raise ValueError(f"Stripe has no payout {name!r}") from error
        yield _row(HEADER)
        for number, moved in enumerate(made_of.auto_paging_iter(), start=2):
            document = moved.to_dict()
            if document["reporting_category"] in _THE_PAYOUT:
                continue
            try:
                yield _row(_line(client, name, document))
            except ValueError as error:
                raise BadReport(str(error), line_number=number) from error


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        raise CannotAsk(repr(error)) from error


def _line(client: stripe.StripeClient, payout: str, moved: Mapping[str, Any]) -> tuple[str, ...]:
    kind = _KINDS.get(moved["reporting_category"], SettlementKind.ADJUSTMENT)
    currency = str(moved["currency"])
    gross, fee, net = (from_stripe(moved[name], currency).amount for name in ("amount", "fee", "net"))
    if kind in _FEE_INCLUDED:
        gross, fee = net, 0
    return (
        *(str(moved["id"]), payout, str(kind), _reference(client, kind, moved)),
        *(currency.upper(), str(gross), str(fee), str(net)),
        datetime.fromtimestamp(moved["created"], tz=UTC).isoformat(),
    )


def _reference(client: stripe.StripeClient, kind: SettlementKind, moved: Mapping[str, Any]) -> str:
    """Return what we call that which moved."""
    source = moved.get("source")
    if not isinstance(source, Mapping):
        return str(source or moved["id"])
    intent = source.get("payment_intent")
    if kind is not SettlementKind.CHARGE or intent is None:
        return str(source["id"])
    return _captured(client, intent, source, moved) if isinstance(intent, Mapping) else str(intent)


def _captured(
    client: stripe.StripeClient, intent: Mapping[str, Any], charge: Mapping[str, Any], moved: Mapping[str, Any]
) -> str:
    """Return what we call the capture that a balance transaction is of.

    Several captures of one PaymentIntent are told apart by their amounts, and those of one amount are counted.
    """
    captures = captures_of(intent)
    if len(captures) < 2 and not any(not final for _, final in captures.values()):
        return str(intent["id"])
    alike = [key for key, (amount, _) in captures.items() if amount == moved["amount"]]
    siblings = client.v1.balance_transactions.list(params={"source": str(charge["id"]), "limit": _PAGE})
    same = sorted(
        (sibling.created, sibling.id) for sibling in siblings.auto_paging_iter() if sibling.amount == moved["amount"]
    )
    place = same.index((moved["created"], moved["id"])) if (moved["created"], moved["id"]) in same else 0
    if place >= len(alike):
        raise ValueError(f"{moved['id']} of {intent['id']} is none of our captures")
    return capture_reference(intent, alike[place])


def _row(values: tuple[str, ...]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
