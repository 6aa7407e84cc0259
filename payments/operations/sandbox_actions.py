"""The sandbox's page, on which a payer approves a payment or refuses it, and what follows from that here."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from payments.connectors.registry import connector_names
from payments.connectors.sandbox import SandboxConnector, actions
from payments.connectors.sandbox.actions import PayerAction
from payments.errors import NotFound
from payments.lifecycles import ProcessorEventStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.models.processor_events import ProcessorEvent
from payments.operations.processor_events import apply_event, collect_news
from payments.public_ids import decode


@dataclass(frozen=True, slots=True)
class ActionPage:
    """What the page shows.

    `decision` is `approved`, `refused`, `canceled` or `expired`; None, while the payer can decide. The payer comes
    back to `return_address`, if the merchant has named one.
    """

    amount: str
    decision: str | None
    expires_at: datetime
    return_address: str | None


def read_page(*, reference: str, now: datetime) -> ActionPage:
    """Return the page of an action.

    Raises:
        NotFound: there is none, or no sandbox.
    """
    return _page_of(_action(reference, now=now))


def decide(*, reference: str, approved: bool, now: datetime) -> tuple[ActionPage, bool]:
    """Take the payer's decision to the sandbox and apply its answer; return the page, and whether this decided it.

    What was decided before, or ran out of time, stays as it is.

    Raises:
        NotFound: there is no such action, or no sandbox.
    """
    _action(reference, now=now)
    decided = actions.decide(reference, approved=approved, now=now)
    _apply_news(reference, now=now)
    return _page_of(_action(reference, now=now)), decided


def _action(reference: str, *, now: datetime) -> PayerAction:
    action = actions.read_action(reference, now=now) if SandboxConnector.name in connector_names() else None
    if action is None:
        raise NotFound("There is no such page.")
    return action


def _apply_news(reference: str, *, now: datetime) -> None:
    """Apply what the sandbox tells of an action without waiting for a worker, who finds it done."""
    collect_news(now=now)
    told = ProcessorEvent.objects.filter(
        connector=SandboxConnector.name, object_reference=reference, status=ProcessorEventStatus.RECEIVED
    )
    for event_id in told.order_by("occurred_at", "id").values_list("pk", flat=True):
        apply_event(event_id=event_id, attempt=0, now=now)


def _page_of(action: PayerAction) -> ActionPage:
    call_id = decode(ProcessorCall.PREFIX, action.idempotency_key)
    payment = Payment.objects.get(processor_calls__pk=call_id)
    return ActionPage(
        amount=str(action.amount),
        decision=action.decision,
        expires_at=action.expires_at,
        return_address=_back_to(payment),
    )


def _back_to(payment: Payment) -> str | None:
    """Return the merchant's address with the payment's id in its query."""
    if payment.return_url is None:
        return None
    parts = urlsplit(payment.return_url)
    query = "&".join(filter(None, [parts.query, urlencode({"payment": payment.public_id})]))
    return urlunsplit(parts._replace(query=query))
