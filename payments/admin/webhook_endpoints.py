"""Webhook endpoints: where merchants want to be told of events, since when that fails, and setting it right."""

from datetime import timedelta
from typing import Any, Final

from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.events import events_section
from payments.admin.filters import BY_MERCHANT, BY_MODE, BY_STATUS
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.admin.webhook_deliveries import EVENT_TYPE, SECRETS, NoForm, caller_of, deliveries_section
from payments.lifecycles import WebhookDeliveryStatus, WebhookEndpointStatus
from payments.models.events import Event
from payments.models.webhooks import WebhookEndpoint
from payments.operations import delivery_log, webhook_endpoints

ADDRESS: Final = columns.code("address", "url")
EVENT_TYPES: Final = Column("events", lambda endpoint: ", ".join(endpoint.event_types))
REASON: Final = Column("disabled because", lambda endpoint: cells.words(endpoint.disabled_reason or cells.EMPTY))
FAILING_SINCE: Final = columns.moment("failing since", "failing_since")

# The newest events of an endpoint, on its page.
_EVENTS_MAX: Final = 50


def last_success(endpoint: WebhookEndpoint) -> str:
    """Return when an endpoint last took a webhook."""
    taken = endpoint.deliveries.filter(status=WebhookDeliveryStatus.SUCCEEDED).order_by("-id").first()
    return cells.moment(taken.finished_at if taken else None)


def endpoints_section(endpoints: QuerySet[WebhookEndpoint]) -> Section:
    """Return endpoints as a table."""
    shown = (columns.self_link("endpoint"), ADDRESS, columns.STATUS, columns.MODE, FAILING_SINCE, columns.CREATED)
    return Section(WebhookEndpoint, "Webhook endpoints", shown, endpoints.defer(*SECRETS).order_by("-id"))


class TimeForm(forms.Form):
    """From when to when events were written."""

    created_from = forms.DateTimeField(
        label="From (UTC)",
        initial=lambda: _minutes(timedelta(days=1)),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
    )
    created_to = forms.DateTimeField(
        label="To (UTC)",
        initial=lambda: _minutes(timedelta(0)),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="Events that were written in this time, and have not been delivered, are sent, the oldest first.",
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and cleaned["created_from"] >= cleaned["created_to"]:
            self.add_error("created_to", "This is not after the beginning.")
        return cleaned


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """The endpoints of all merchants."""

    id_lookups = {"we": "id", "mer": "merchant_id"}
    list_display = (
        columns.PUBLIC_ID,
        ADDRESS,
        columns.STATUS,
        REASON,
        FAILING_SINCE,
        columns.MERCHANT,
        columns.MODE,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, ("disabled_reason", ChoicesDropdownFilter), BY_MODE, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "we_… or mer_…"
    page = (
        (columns.PUBLIC_ID, columns.STATUS),
        (ADDRESS, REASON),
        (EVENT_TYPES, Column("in order", lambda endpoint: cells.yes_no(endpoint.ordered))),
        (columns.MERCHANT, columns.MODE),
        (FAILING_SINCE, Column("last success (UTC)", last_success)),
        (columns.text("description", "description"), columns.moment("old secret until", "previous_secret_expires_at")),
        (columns.CREATED, columns.moment("last change", "updated_at")),
    )
    actions_detail = ("send_missed", "disable", "enable")  # type: ignore[assignment]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """Leave in the database what signs."""
        endpoints: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        return endpoints.defer(*SECRETS)

    def sections(self, obj: WebhookEndpoint) -> list[Section]:
        """Return the newest deliveries and events."""
        events = Event.objects.filter(object_id=obj.pk).defer("data").order_by("-sequence")[:_EVENTS_MAX]
        return [deliveries_section(obj.deliveries.all(), other_side=EVENT_TYPE), events_section(events)]

    def has_handle_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those may act on endpoints who may change them."""
        return bool(request.user.has_perm("payments.change_webhookendpoint"))

    def has_disable_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer it where there is something to switch off."""
        return self._may_switch(request, object_id, WebhookEndpointStatus.ENABLED)

    def has_enable_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer it where there is something to switch on."""
        return self._may_switch(request, object_id, WebhookEndpointStatus.DISABLED)

    def _may_switch(self, request: HttpRequest, object_id: Any, status: WebhookEndpointStatus) -> bool:
        rows = WebhookEndpoint.objects.filter(pk=object_id, status=status)
        return self.has_handle_permission(request) and (object_id is None or rows.exists())

    @action(  # type: ignore[operator]
        description="Send again what was missed", url_path="send-missed", permissions=["handle"]
    )
    def send_missed(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a time, and queue what of it was not delivered."""
        endpoint = self._endpoint(request, object_id)

        def do(_: str, values: dict[str, Any]) -> str:
            done = delivery_log.redeliver_range(
                caller=caller_of(endpoint), endpoint_id=endpoint.pk, now=timezone.now(), **values
            )
            if done.next_event_id is None:
                return f"{done.queued} events are sent."
            reached = Event.objects.values_list("created_at", flat=True).get(pk=done.next_event_id)
            return f"{done.queued} events are sent, until {cells.moment_as_text(reached)}. Go on from there."

        explanation = f"{endpoint.url} gets the events that it should have had, also those from before it was set up."
        act = Act(f"Send again what {endpoint} has missed", explanation, "Send", TimeForm, do)
        return perform(act, endpoint, model_admin=self, request=request)

    @action(description="Disable", url_path="disable", permissions=["disable"])  # type: ignore[operator]
    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and switch it off."""
        explanation = (
            "Nothing is sent there any more, and what is pending is canceled. The merchant can enable it again."
        )
        return self._switch(request, object_id, "Disable", explanation, enabled=False)

    @action(description="Enable", url_path="enable", permissions=["enable"])  # type: ignore[operator]
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, and switch it on."""
        explanation = "Events are sent there from now on. What was missed meanwhile can be sent again after that."
        return self._switch(request, object_id, "Enable", explanation, enabled=True)

    def _switch(
        self, request: HttpRequest, object_id: str, button: str, explanation: str, *, enabled: bool
    ) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)

        def do(_: str, __: dict[str, Any]) -> str:
            webhook_endpoints.update_endpoint(
                caller=caller_of(endpoint), endpoint_id=endpoint.pk, changes={"enabled": enabled}, now=timezone.now()
            )
            return f"{endpoint} is {'enabled' if enabled else 'disabled'}."

        act = Act(f"{button} {endpoint}", explanation, button, NoForm, do)
        return perform(act, endpoint, model_admin=self, request=request)

    def _endpoint(self, request: HttpRequest, object_id: str) -> WebhookEndpoint:
        return get_object_or_404(self.get_queryset(request), pk=object_id)


def _minutes(ago: timedelta) -> str:
    """Return a moment in the form that a browser's field for it wants."""
    return (timezone.now() - ago).strftime("%Y-%m-%dT%H:%M")
