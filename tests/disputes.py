"""Disputes as the tests come by them: a card that the sandbox disputes, and its news brought in and applied."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from payments.connectors.base import DisputeClosed, DisputeOpened
from payments.models import Dispute, Event, JournalEntry, Payment, ProcessorEvent
from payments.money import Money
from payments.operations.dispute_outcomes import close_dispute, open_dispute
from payments.operations.news import Origin, Result
from payments.operations.processor_events import apply_event, collect_news
from tests.shop import Shop, uuid_of

DISPUTED = "pm_card_disputed"
# More than a dispute takes, from its opening to its end.
LATER = timedelta(days=30)


def bring_news(shop: Shop, *, now: datetime | None = None) -> None:
    """Fetch the sandbox's news as of a moment (a second from now, if not given), and apply what is about the shop's."""
    now = now or timezone.now() + timedelta(seconds=1)
    collect_news(now=now)
    for event in unapplied(shop):
        apply_event(event_id=event.pk, attempt=0, now=now)


def unapplied(shop: Shop) -> Sequence[ProcessorEvent]:
    """Return the stored news about the shop's payments and disputes that waits, oldest first."""
    references = [payment.processor_reference for payment in shop.merchant.payments.all()]
    waiting = ProcessorEvent.objects.filter(status="received").order_by("occurred_at", "id")
    opened = {event.object_reference for event in waiting if event.payload["data"].get("charge") in references}
    known = Dispute.objects.filter(merchant_id=shop.merchant.id).values_list("processor_reference", flat=True)
    return [event for event in waiting if event.object_reference in opened | set(known)]


def disputed(shop: Shop, **changes: Any) -> Dispute:
    """Take a payment that is disputed as soon as it is captured, and return the dispute, open for an answer."""
    response = shop.pay(payment_method=DISPUTED, **changes)
    assert response.status_code == 201, response.content
    bring_news(shop)
    return Dispute.objects.get(payment_id=uuid_of(response.json()["id"]))


def open_news(payment: Payment, *, amount: int = 1000, reference: str = "dsp_1", **changes: Any) -> DisputeOpened:
    """Return the news that a part of a payment is disputed, for a fee of 15.00."""
    members: dict[str, Any] = {
        "processor_reference": reference,
        "charge_reference": payment.processor_reference,
        "amount": Money(amount, payment.currency),
        "fee": 1500,
        "reason": "fraudulent",
        "evidence_due_at": timezone.now() + timedelta(days=7),
    }
    return DisputeOpened(**members | changes)


def tell_opened(news: DisputeOpened, *, connector: str = "sandbox") -> Result:
    """Apply the news as the inbox does."""
    with transaction.atomic():
        return open_dispute(news=news, origin=Origin(connector), now=timezone.now())


def tell_closed(dispute: Dispute, *, won: bool) -> Result:
    """Tell that a dispute is decided."""
    with transaction.atomic():
        news = DisputeClosed(dispute.processor_reference, won=won)
        return close_dispute(news=news, origin=Origin("sandbox"), now=timezone.now())


def evidence(shop: Shop, dispute: Dispute, text: str = "The parcel arrived.") -> Any:
    """Send evidence."""
    return shop.post(f"/v1/disputes/{dispute.public_id}/evidence", {"evidence": {"text": text}})


def accept(shop: Shop, dispute: Dispute) -> Any:
    """Give a dispute up."""
    return shop.post(f"/v1/disputes/{dispute.public_id}/accept")


def status_of(dispute: Dispute) -> str:
    """Return the dispute's status now."""
    dispute.refresh_from_db()
    return str(dispute.status)


def payment_of(dispute: Dispute) -> Payment:
    """Return the dispute's payment as it is now."""
    return Payment.objects.get(pk=dispute.payment_id)


def types_of(row: Dispute | Payment) -> list[str]:
    """Return what happened to a dispute or payment, in order."""
    return list(Event.objects.filter(object_id=row.pk).order_by("sequence").values_list("type", flat=True))


def kinds_of(dispute: Dispute) -> list[str]:
    """Return how a dispute is booked, in order."""
    return list(JournalEntry.objects.filter(dispute=dispute).order_by("id").values_list("kind", flat=True))
