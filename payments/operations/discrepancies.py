"""What does not match: written down once, for a person to look at, and resolved with a reason."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from payments.errors import NotFound
from payments.lifecycles import DISCREPANCY, DiscrepancyStatus
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import Discrepancy, DiscrepancyKind
from payments.operations.callers import Caller
from payments.operations.events import record_events
from payments.operations.pages import Page, Slice, slice_of
from payments.public_ids import encode
from payments.staff_errors import DiscrepancyResolved

logger = logging.getLogger(__name__)

DETAIL_MAX = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not match. `subject` tells it from others of its kind.

    `amount` is what there is too much (negative: too little), in minor units; `about` are further columns of
    `Discrepancy`: merchant_id, mode, currency, and what it is about.
    """

    kind: DiscrepancyKind
    subject: str
    detail: str
    amount: int = 0
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return what keeps the same one from opening twice."""
        return f"{self.kind}:{self.subject}"


def open_discrepancy(
    kind: DiscrepancyKind, subject: str, *, detail: str, now: datetime, amount: int = 0, **about: Any
) -> None:
    """Write down, in the caller's transaction, that something does not match; the same one a second time is nothing.

    The arguments are those of `Finding`.
    """
    open_discrepancies([Finding(kind, subject, detail, amount, about)], now=now)


def about_call(call: ProcessorCall) -> dict[str, Any]:
    """Return the columns of a discrepancy about a call: its owner, and what the call is about."""
    return {
        "merchant_id": call.merchant_id,
        "mode": call.mode,
        "currency": call.currency,
        "processor_call": call,
        "payment_id": call.payment_id,
        "payout_id": call.payout_id,
    }


def open_discrepancies(findings: Sequence[Finding], *, now: datetime) -> int:
    """Write down, in the caller's transaction, what does not match; return how many of these are new."""
    rows = [
        Discrepancy(
            key=finding.key,
            kind=finding.kind,
            status=DiscrepancyStatus.OPEN,
            amount=finding.amount,
            detail=finding.detail[:DETAIL_MAX],
            created_at=now,
            **finding.about,
        )
        for finding in findings
    ]
    Discrepancy.objects.bulk_create(rows, ignore_conflicts=True)
    opened = list(Discrepancy.objects.filter(pk__in=[row.pk for row in rows]).order_by("id"))
    record_events([row for row in opened if row.merchant_id is not None], now=now, created=True)
    for row in opened:
        logger.warning("discrepancy %s: %s: %s", row.public_id, row.key, row.detail)
    return len(opened)


def clear_up(found: Iterable[tuple[UUID, str]], *, now: datetime) -> int:
    """Resolve, in the caller's transaction, discrepancies that something else has cleared up; return how many.

    Each is given by its id, with what has cleared it up. One that a person has resolved meanwhile stays as it is.
    """
    reasons = dict(found)
    locked = Discrepancy.objects.select_for_update().filter(pk__in=reasons.keys(), status=DiscrepancyStatus.OPEN)
    rows = list(locked.order_by("id"))
    for row in rows:
        _close(row, reasons[row.pk], by=None, now=now)
    Discrepancy.objects.bulk_update(rows, ("status", "resolution", "resolved_at"))
    record_events([row for row in rows if row.merchant_id is not None], now=now)
    return len(rows)


def clear_discrepancy(kind: DiscrepancyKind, subject: str, *, resolution: str, now: datetime) -> None:
    """Resolve, in the caller's transaction, what has cleared up by itself; there may be nothing to resolve."""
    found = Discrepancy.objects.filter(key=f"{kind}:{subject}", status=DiscrepancyStatus.OPEN)
    clear_up([(row_id, resolution) for row_id in found.values_list("pk", flat=True)], now=now)


def assign(*, discrepancy_id: UUID, owner: str | None) -> Discrepancy:
    """Say who of the staff looks after a discrepancy; nobody, where `owner` is None.

    Raises:
        DiscrepancyResolved: there is nothing to look after any more.
    """
    with transaction.atomic(durable=True):
        discrepancy = _locked(discrepancy_id)
        discrepancy.owner = owner
        discrepancy.save(update_fields=("owner",))
        return discrepancy


def resolve(*, discrepancy_id: UUID, resolution: str, by: str, now: datetime) -> Discrepancy:
    """Close a discrepancy with the reason why it is none any more. It moves no money.

    Raises:
        DiscrepancyResolved: somebody, or a later line, was quicker.
    """
    with transaction.atomic(durable=True):
        discrepancy = _locked(discrepancy_id)
        close(discrepancy, resolution=resolution, by=by, now=now)
        return discrepancy


def close(discrepancy: Discrepancy, *, resolution: str, by: str, now: datetime) -> None:
    """Resolve a discrepancy that the caller has locked, in the caller's transaction."""
    _close(discrepancy, resolution, by=by, now=now)
    discrepancy.save(update_fields=("status", "resolution", "resolved_by", "resolved_at"))
    if discrepancy.merchant_id is not None:
        record_events([discrepancy], now=now)


def list_discrepancies(*, caller: Caller, page: Page, filters: dict[str, Any]) -> Slice[Discrepancy]:
    """Return a page of the caller's discrepancies, newest first; `filters` are look-ups that narrow it."""
    return slice_of(Discrepancy.objects.filter(**caller.owned, **filters), page)


def get_discrepancy(*, caller: Caller, discrepancy_id: UUID) -> Discrepancy:
    """Return one discrepancy of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    found = Discrepancy.objects.filter(**caller.owned, pk=discrepancy_id).first()
    if found is None:
        raise NotFound(f"There is no discrepancy {encode(Discrepancy.PREFIX, discrepancy_id)}.")
    return found


def _locked(discrepancy_id: UUID) -> Discrepancy:
    discrepancy = Discrepancy.objects.select_for_update().get(pk=discrepancy_id)
    if discrepancy.status != DiscrepancyStatus.OPEN:
        raise DiscrepancyResolved(f"{discrepancy.public_id} is resolved already: {discrepancy.resolution}")
    return discrepancy


def _close(discrepancy: Discrepancy, resolution: str, *, by: str | None, now: datetime) -> None:
    assert DISCREPANCY.allows(discrepancy.status, DiscrepancyStatus.RESOLVED), discrepancy.status
    discrepancy.status = DiscrepancyStatus.RESOLVED
    discrepancy.resolution = resolution
    discrepancy.resolved_by = by
    discrepancy.resolved_at = now
