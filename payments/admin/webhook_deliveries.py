"""Webhooks on their way: what was sent where, what was answered, and sending it again."""

from collections.abc import Iterable
from typing import Any, Final

from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.text import Truncator

from payments.admin import cells, columns
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.filters import BY_MODE, BY_STATUS
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.lifecycles import Mode
from payments.models.webhooks import DeliveryAttempt, WebhookDelivery, WebhookEndpoint
from payments.operations import delivery_log
from payments.operations.callers import Caller
from payments.operations.representations import represent_event

# What signs is neither shown nor read.
SECRETS: Final = ("secret", "previous_secret")
# The newest, on the page of what they belong to; the list has all of them.
DELIVERIES_MAX: Final = 50

EVENT: Final = columns.link("event", "event")
EVENT_TYPE: Final = columns.code("type", "event.type")
ENDPOINT: Final = Column("endpoint", lambda delivery: cells.link(delivery.endpoint, _short(delivery.endpoint.url)))
ATTEMPTS: Final = columns.text("attempts", "attempts")
NEXT_ATTEMPT: Final = columns.moment("next attempt", "next_attempt_at")
FINISHED: Final = columns.moment("finished", "finished_at")

_ATTEMPT: Final = (
    columns.text("no.", "number"),
    columns.moment("sent", "started_at"),
    Column("took", lambda attempt: f"{attempt.duration_ms} ms", right=True),
    Column("headers sent", lambda attempt: cells.lines(attempt.request_headers)),
    Column("answer", lambda attempt: str(attempt.response_status or attempt.error)),
    Column("answered with", lambda attempt: cells.mono(attempt.response_body)),
)


class NoForm(forms.Form):
    """Nothing to fill in."""


def caller_of(row: WebhookDelivery | WebhookEndpoint) -> Caller:
    """Return the merchant in whose place staff act."""
    return Caller(row.merchant_id, Mode(row.mode))


def deliveries_section(deliveries: QuerySet[WebhookDelivery], *, other_side: Column) -> Section:
    """Return deliveries as a table, the newest on top: of an event (with ENDPOINT), to an endpoint (EVENT_TYPE)."""
    shown = (
        columns.self_link("delivery"),
        other_side,
        columns.STATUS,
        ATTEMPTS,
        NEXT_ATTEMPT,
        FINISHED,
        columns.CREATED,
    )
    rows = _without_secrets(deliveries.select_related("endpoint", "event")).order_by("-id")[:DELIVERIES_MAX]
    return Section(WebhookDelivery, "Webhook deliveries", shown, rows)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """The deliveries to all endpoints."""

    id_lookups = {"whd": "id", "evt": "event_id", "we": "endpoint_id"}
    list_display = (
        columns.PUBLIC_ID,
        EVENT_TYPE,
        ENDPOINT,
        columns.STATUS,
        ATTEMPTS,
        NEXT_ATTEMPT,
        columns.link("merchant", "endpoint.merchant"),
        columns.MODE,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, BY_MODE, ("endpoint__merchant", AutocompleteSelectFilter))
    related = ("endpoint__merchant", "event")
    search_help_text = "whd_…, evt_… or we_…"
    page = (
        (columns.PUBLIC_ID, columns.STATUS),
        (EVENT, EVENT_TYPE),
        (ENDPOINT, columns.link("merchant", "endpoint.merchant")),
        (ATTEMPTS, columns.MODE),
        (columns.CREATED, NEXT_ATTEMPT),
        FINISHED,
        Column("body sent", lambda delivery: cells.document(represent_event(delivery.event))),
    )
    actions_detail = ("send_again",)  # type: ignore[assignment]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        """Leave in the database what signs, and the body, which only one delivery's page shows."""
        return _without_secrets(super().get_queryset(request))

    def sections(self, obj: WebhookDelivery) -> list[Section]:
        """Return every request that was made, as it was sent and answered."""
        attempts: Iterable[DeliveryAttempt] = obj.attempt_log.order_by("number")
        # Who may look at a delivery may look at its attempts.
        return [Section(WebhookDelivery, "Attempts", _ATTEMPT, attempts)]

    def has_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those may send again who may change deliveries."""
        return bool(request.user.has_perm("payments.change_webhookdelivery"))

    @action(description="Send again", url_path="send-again", permissions=["send"])  # type: ignore[operator]
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and put the delivery back into the queue."""
        delivery = get_object_or_404(self.get_queryset(request), pk=object_id)

        def do(_: str, __: dict[str, Any]) -> str:
            delivery_log.redeliver(
                caller=caller_of(delivery),
                endpoint_id=delivery.endpoint_id,
                delivery_id=delivery.pk,
                now=timezone.now(),
            )
            return f"{delivery} is sent again."

        explanation = (
            f"{delivery.endpoint.url} gets the event once more, at once; if that fails, by the whole schedule. A"
            " merchant's server tells by the event's id that it had it before."
        )
        act = Act(f"Send {delivery} again", explanation, "Send again", NoForm, do)
        return perform(act, delivery, model_admin=self, request=request)


def _short(url: str) -> str:
    """Return an address that leaves room for more."""
    return Truncator(url.partition("://")[2]).chars(40)


def _without_secrets(deliveries: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    return deliveries.defer("event__data", *(f"endpoint__{name}" for name in SECRETS))
