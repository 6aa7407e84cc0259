"""Objects as merchants see them: in answers, in events and in webhooks, always the same.

The schemas in the API documentation describe these dictionaries; a test compares the two.
"""

import json
from datetime import UTC, datetime
from typing import Any

from payments.models.disputes import Dispute
from payments.models.events import Event
from payments.models.ledger import JournalEntry
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.reconciliation import Discrepancy
from payments.models.refunds import Refund
from payments.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from payments.public_ids import encode


def represent_payment(payment: Payment) -> dict[str, Any]:
    """Return a payment; amounts are in minor units of its currency."""
    return {
        "id": payment.public_id,
        "object": "payment",
        "mode": str(payment.mode),
        "status": str(payment.status),
        "amount": payment.amount,
        "currency": payment.currency,
        "capture_method": str(payment.capture_method),
        "amount_authorized": payment.amount_authorized,
        "amount_capturable": payment.amount_capturable,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "amount_disputed": payment.amount_disputed,
        "platform_fee": payment.platform_fee,
        "payment_method": payment.payment_method,
        "merchant_reference": payment.merchant_reference,
        "description": payment.description,
        "metadata": payment.metadata,
        "connector": payment.connector,
        "processor_reference": payment.processor_reference,
        "authorization_code": payment.authorization_code,
        "last_error": payment.last_error,
        "next_action": {"type": "redirect", "url": payment.next_action_url} if payment.next_action_url else None,
        "return_url": payment.return_url,
        "expires_at": timestamp_or_none(payment.expires_at),
        "authorization_expires_at": timestamp_or_none(payment.authorization_expires_at),
        "created_at": timestamp(payment.created_at),
        "updated_at": timestamp(payment.updated_at),
    }


def represent_refund(refund: Refund) -> dict[str, Any]:
    """Return a refund; the amount is in minor units."""
    return {
        "id": refund.public_id,
        "object": "refund",
        "mode": str(refund.mode),
        "status": str(refund.status),
        "payment": encode(Payment.PREFIX, refund.payment_id),
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
        "metadata": refund.metadata,
        "processor_reference": refund.processor_reference,
        "last_error": refund.last_error,
        "created_at": timestamp(refund.created_at),
        "updated_at": timestamp(refund.updated_at),
    }


def represent_dispute(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute; amount and fee are in minor units."""
    return {
        "id": dispute.public_id,
        "object": "dispute",
        "mode": str(dispute.mode),
        "status": str(dispute.status),
        "payment": encode(Payment.PREFIX, dispute.payment_id),
        "amount": dispute.amount,
        "fee": dispute.fee,
        "currency": dispute.currency,
        "reason": dispute.reason,
        "evidence": dispute.evidence,
        "evidence_due_at": timestamp(dispute.evidence_due_at),
        "processor_reference": dispute.processor_reference,
        "last_error": dispute.last_error,
        "created_at": timestamp(dispute.created_at),
        "updated_at": timestamp(dispute.updated_at),
    }


def represent_payout(payout: Payout) -> dict[str, Any]:
    """Return a payout; the amount is in minor units."""
    return {
        "id": payout.public_id,
        "object": "payout",
        "mode": str(payout.mode),
        "status": str(payout.status),
        "amount": payout.amount,
        "currency": payout.currency,
        "destination": payout.destination,
        "scheduled_for": payout.scheduled_for.isoformat() if payout.scheduled_for else None,
        "description": payout.description,
        "metadata": payout.metadata,
        "processor_reference": payout.processor_reference,
        "last_error": payout.last_error,
        "created_at": timestamp(payout.created_at),
        "updated_at": timestamp(payout.updated_at),
    }


def represent_discrepancy(discrepancy: Discrepancy) -> dict[str, Any]:
    """Return a discrepancy; the amount is what there is too much (negative: too little), in minor units."""
    return {
        "id": discrepancy.public_id,
        "object": "discrepancy",
        "mode": str(discrepancy.mode),
        "kind": str(discrepancy.kind),
        "status": str(discrepancy.status),
        "amount": discrepancy.amount,
        "currency": discrepancy.currency,
        "payment": encode(Payment.PREFIX, discrepancy.payment_id) if discrepancy.payment_id else None,
        "payout": encode(Payout.PREFIX, discrepancy.payout_id) if discrepancy.payout_id else None,
        "detail": discrepancy.detail,
        "resolution": discrepancy.resolution,
        "created_at": timestamp(discrepancy.created_at),
        "resolved_at": timestamp(discrepancy.resolved_at) if discrepancy.resolved_at else None,
    }


def represent_endpoint(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Return a webhook endpoint, without its secrets."""
    return {
        "id": endpoint.public_id,
        "object": "webhook_endpoint",
        "mode": str(endpoint.mode),
        "status": str(endpoint.status),
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": endpoint.event_types,
        "ordered": endpoint.ordered,
        "disabled_reason": endpoint.disabled_reason and str(endpoint.disabled_reason),
        "failing_since": timestamp_or_none(endpoint.failing_since),
        "previous_secret_expires_at": timestamp_or_none(endpoint.previous_secret_expires_at),
        "created_at": timestamp(endpoint.created_at),
        "updated_at": timestamp(endpoint.updated_at),
    }


def represent_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    """Return a delivery; its event has been read along."""
    return {
        "id": delivery.public_id,
        "object": "webhook_delivery",
        "mode": delivery.mode,
        "status": str(delivery.status),
        "webhook_endpoint": encode(WebhookEndpoint.PREFIX, delivery.endpoint_id),
        "event": delivery.event.public_id,
        "event_type": delivery.event.type,
        "attempt_count": delivery.attempts,
        "next_attempt_at": timestamp_or_none(delivery.next_attempt_at),
        "created_at": timestamp(delivery.created_at),
        "finished_at": timestamp_or_none(delivery.finished_at),
    }


def represent_attempt(attempt: DeliveryAttempt) -> dict[str, Any]:
    """Return one request to an endpoint. What it sent as its body is the event."""
    return {
        "number": attempt.number,
        "started_at": timestamp(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "request_headers": attempt.request_headers,
        "response_status": attempt.response_status,
        "response_body": attempt.response_body,
        "error": attempt.error,
    }


# Whatever has a life of its own.
Subject = Payment | Refund | Dispute | Payout | Discrepancy | WebhookEndpoint


def represent(subject: Subject) -> dict[str, Any]:
    """Return whatever has a life of its own."""
    match subject:
        case Payment():
            return represent_payment(subject)
        case Refund():
            return represent_refund(subject)
        case Dispute():
            return represent_dispute(subject)
        case Payout():
            return represent_payout(subject)
        case Discrepancy():
            return represent_discrepancy(subject)
        case WebhookEndpoint():
            return represent_endpoint(subject)


def represent_event(event: Event) -> dict[str, Any]:
    """Return an event, which is the body of webhooks too; `data` is the object as it was right after the change.

    Standard Webhooks asks for `type`, `timestamp` and `data`: the moment stands there under two names.
    """
    return {
        "id": event.public_id,
        "object": "event",
        "mode": event.mode,
        "type": event.type,
        "object_id": event.data["id"],
        "sequence": event.sequence,
        "timestamp": timestamp(event.created_at),
        "data": event.data,
        "created_at": timestamp(event.created_at),
    }


def represent_entry(entry: JournalEntry) -> dict[str, Any]:
    """Return a journal entry with its lines, which `operations.balances.list_entries` has read along."""
    return {
        "id": entry.public_id,
        "object": "balance_entry",
        "mode": entry.mode,
        "kind": entry.kind,
        "currency": entry.currency,
        "payment": encode(Payment.PREFIX, entry.payment_id) if entry.payment_id else None,
        "payout": encode(Payout.PREFIX, entry.payout_id) if entry.payout_id else None,
        "lines": entry.line_items,
        "effective_at": timestamp(entry.effective_at),
    }


def timestamp(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC: `2026-01-31T12:00:00.000000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def timestamp_or_none(moment: datetime | None) -> str | None:
    """Return a moment that there may not be."""
    return None if moment is None else timestamp(moment)


def as_json(document: dict[str, Any]) -> str:
    """Return the JSON text that goes over the wire."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
