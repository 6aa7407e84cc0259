"""The only writer of the journal."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from payments.ledger.accounts import account_ids
from payments.ledger.recipes import Recipe
from payments.lifecycles import Mode
from payments.models.disputes import Dispute
from payments.models.ledger import JournalEntry, JournalLine
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import Discrepancy, Report

Cause = ProcessorCall | Dispute | Payout | Report | Discrepancy

_COLUMNS: Final[dict[type[Cause], str]] = {
    ProcessorCall: "processor_call",
    Dispute: "dispute",
    Payout: "payout",
    Report: "report",
    Discrepancy: "discrepancy",
}


def post(
    recipe: Recipe, *further: Recipe, cause: ProcessorCall | Dispute | Payout, effective_at: datetime
) -> JournalEntry:
    """Write one entry a recipe for the merchant whose `cause` it is, inside the caller's transaction.

    All are of one currency, and together they take as many statements as one; the first one's entry is returned.

    Raises:
        IntegrityError: the cause is booked this way already, currencies or merchants differ; and, at commit, the
            lines do not balance.
    """
    payment_id = None if isinstance(cause, Payout) else cause.payment_id
    return _write(
        cause.merchant_id,
        Mode(cause.mode),
        (recipe, *further),
        cause=cause,
        payment_id=payment_id,
        effective_at=effective_at,
    )[0]


def post_for(
    merchant_id: UUID, mode: Mode, recipe: Recipe, *, cause: Cause, payment_id: UUID | None, effective_at: datetime
) -> JournalEntry:
    """Write one entry for a merchant that the cause does not name by itself. It raises what `post` does."""
    (entry,) = _write(merchant_id, mode, (recipe,), cause=cause, payment_id=payment_id, effective_at=effective_at)
    return entry


def _write(
    merchant_id: UUID,
    mode: Mode,
    recipes: Sequence[Recipe],
    *,
    cause: Cause,
    payment_id: UUID | None,
    effective_at: datetime,
) -> list[JournalEntry]:
    currency = recipes[0].currency
    ids = account_ids(
        merchant_id=merchant_id,
        mode=mode,
        currency=currency,
        codes={line.account for recipe in recipes for line in recipe.lines},
    )
    owner = {"merchant_id": merchant_id, "mode": mode, "currency": currency}
    entries = JournalEntry.objects.bulk_create(
        JournalEntry(
            **owner,
            kind=recipe.kind,
            payment_id=payment_id,
            effective_at=effective_at,
            **{_COLUMNS[type(cause)]: cause},
        )
        for recipe in recipes
    )
    JournalLine.objects.bulk_create(
        JournalLine(
            **owner,
            entry=entry,
            account_id=ids[line.account],
            direction=line.direction,
            layer=line.layer,
            amount=line.amount,
        )
        for entry, recipe in zip(entries, recipes, strict=True)
        for line in recipe.lines
    )
    return entries
