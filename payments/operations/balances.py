"""What a merchant is owed, and the journal behind it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from payments.ledger.accounts import lock_account
from payments.ledger.balances import balances_by_currency, take_checkpoints
from payments.models.ledger import AccountCode, JournalEntry, JournalLine
from payments.operations.callers import Caller
from payments.operations.pages import Page, Slice, slice_of


def merchant_balance(*, caller: Caller, at: datetime | None = None) -> list[dict[str, Any]]:
    """Return by currency what the merchant is owed (`posted`), what is authorized (`pending`) and what can be paid out
    (`available`), in minor units.

    With `at`, as of the entries effective then or before; what was available then is not known.
    """
    return [
        {
            "currency": balance.currency,
            "pending": balance.pending,
            "posted": balance.posted,
            "available": balance.available if at is None else None,
        }
        for balance in balances_by_currency(**caller.owned, at=at)
    ]


def lock_available(*, caller: Caller, currency: str) -> int:
    """Return what can be paid out, in minor units, and keep other payouts off until the transaction ends.

    What payouts have taken before is seen, because it is read after the lock is held; what refunds and disputes take
    from now on may make the balance negative.
    """
    lock_account(**caller.owned, currency=currency, code=AccountCode.MERCHANT_PAYABLE)
    found = [balance for balance in balances_by_currency(**caller.owned) if balance.currency == currency]
    return found[0].available


def list_entries(*, caller: Caller, page: Page, payment_id: UUID | None = None) -> Slice[JournalEntry]:
    """Return a page of journal entries, newest first, each with its lines read along as `line_items`."""
    lines = JournalLine.objects.filter(entry=OuterRef("pk")).order_by("id")
    as_shown = JSONObject(account="account__code", direction="direction", layer="layer", amount="amount")
    entries = JournalEntry.objects.filter(**caller.owned).annotate(
        # Through a mapping, because the type checker would have the model's annotation and this one clash.
        **{"line_items": ArraySubquery(lines.values(line=as_shown))}
    )
    if payment_id is not None:
        entries = entries.filter(payment_id=payment_id)
    return slice_of(entries, page)


def checkpoint_balances(*, now: datetime) -> int:
    """Sum up the journal so far for every account with new lines; return how many checkpoints that made."""
    with transaction.atomic():
        return take_checkpoints(now=now)
