"""The payer, who is sent to the sandbox's page and decides there in a browser of their own, and what follows."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from procrastinate.contrib.django.models import ProcrastinateJob

from django.utils import timezone

from payments.models import Event, ProcessorCall
from payments.operations.unknown_outcomes import ask_again
from tests.shop import Shop, new_client, payment_named, uuid_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

CARD = "pm_card_authentication_required"


def ask_payer(shop: Shop, **changes: Any) -> dict[str, Any]:
    """Create a payment of 19.99 EUR that waits for its payer, and return it."""
    response = shop.pay(payment_method=CARD, **changes)
    assert response.status_code == 201, response.content
    payment: dict[str, Any] = response.json()
    assert payment["status"] == "requires_action", payment
    return payment


def page_of(payment: dict[str, Any]) -> str:
    """Return the path of the page that the payer is sent to."""
    return str(urlsplit(payment["next_action"]["url"]).path)


def decide(payment: dict[str, Any], decision: str) -> "_MonkeyPatchedWSGIResponse":
    """Press a button on the page: `approve` or `refuse`."""
    return new_client().post(page_of(payment), {"decision": decision})


def calls(payment: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Return kind, status and decline code of every call about a payment."""
    found = ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).order_by("id")
    return list(found.values_list("kind", "status", "decline_code"))


def call_of(payment: dict[str, Any], kind: str = "authorize") -> ProcessorCall:
    """Return the last call of a kind about a payment."""
    return ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"]), kind=kind).latest("id")


def status_of(payment: dict[str, Any]) -> str:
    """Return the status as it is now."""
    return str(payment_named(payment["id"]).status)


def ask(payment: dict[str, Any], *, attempt: int = 0, now: datetime | None = None, kind: str = "authorize") -> None:
    """Ask about a call as the worker does."""
    ask_again(call_id=call_of(payment, kind).pk, attempt=attempt, now=now or timezone.now())


def cancel(shop: Shop, payment: dict[str, Any], *, key: str | None = None) -> tuple[int, str]:
    """Cancel a payment, and return the answer's status and the payment's."""
    response = shop.post(f"/v1/payments/{payment['id']}/cancel", key=key)
    document = response.json()
    return response.status_code, document.get("payment", document)["status"]


def events(payment: dict[str, Any]) -> list[str]:
    """Return what happened to a payment, in order."""
    found = Event.objects.filter(object_id=uuid_of(payment["id"])).order_by("sequence")
    return [event.type.removeprefix("payment.") for event in found]


def questions(payment: dict[str, Any], kind: str = "authorize") -> list[tuple[int, datetime]]:
    """Return the attempts to ask about a call that wait for a worker, with their times."""
    call_id = str(call_of(payment, kind).pk)
    jobs = ProcrastinateJob.objects.filter(task_name="resolve_call", args__call_id=call_id, status="todo")
    return sorted((job.args["attempt"], job.scheduled_at) for job in jobs)
