"""How the ledger's tests read the books: entries as rows of text, balances as amounts people can read."""

from datetime import datetime
from textwrap import dedent
from typing import Any

import time_machine

from django.db import connection

from payments.ledger.balances import balances
from payments.models import JournalEntry
from payments.money import Money
from payments.operations.balances import merchant_balance
from tests.shop import Shop, uuid_of


def journal(shop: Shop, payment: dict[str, Any] | None = None) -> str:
    """Return a shop's journal, or that of one payment, oldest entry first, one line of text a line."""
    entries = JournalEntry.objects.filter(merchant_id=shop.merchant.id, mode=shop.mode).order_by("id")
    if payment is not None:
        entries = entries.filter(payment_id=uuid_of(payment["id"]))
    return "\n".join(row for entry in entries for row in _rows(entry))


def written(text: str) -> str:
    """Return a journal as a test has written it down."""
    return dedent(text).strip()


def balance(shop: Shop, *, at: datetime | None = None) -> dict[str, str]:
    """Return what the shop is owed in every layer and currency, now or at a date; zeros are left out."""
    return {
        layer: str(Money(row[layer], row["currency"]))
        for row in merchant_balance(caller=shop.caller, at=at)
        for layer in ("posted", "pending")
        if row[layer]
    }


def every_balance(shop: Shop, *, at: datetime | None = None) -> list[tuple[str, str, str, int]]:
    """Return the balance of each account of the shop's in each layer."""
    return [
        (found.currency, str(found.account), str(found.layer), found.amount)
        for found in balances(merchant_id=shop.merchant.id, mode=shop.mode, at=at)
    ]


def pay_at(shop: Shop, moment: datetime, amount: int, **changes: Any) -> dict[str, Any]:
    """Take a payment as if it were that moment."""
    with time_machine.travel(moment, tick=False):
        response = shop.pay(amount=amount, **changes)
    assert response.status_code == 201, response.content
    return dict(response.json())


def step(shop: Shop, payment: dict[str, Any], verb: str, **body: Any) -> dict[str, Any]:
    """Confirm, capture or cancel a payment, and return it as it then stands."""
    response = shop.post(f"/v1/payments/{payment['id']}/{verb}", body)
    assert response.status_code == 200, response.content
    return dict(response.json())


def one_value(statement: str) -> Any:
    """Return what a statement with one row and column says."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        ((value,),) = cursor.fetchall()
    return value


def _rows(entry: JournalEntry) -> list[str]:
    lines = entry.lines.select_related("account").order_by("id")
    return [
        str(entry.kind),
        *(
            f"    {line.direction:<6} {line.account.code:<16} {line.layer:<7} {Money(line.amount, line.currency)}"
            for line in lines
        ),
    ]
