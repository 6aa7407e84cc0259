"""The inbox: what processors have told us, what came of it, and what came of applying it again."""

from typing import Any, Final

from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.filters import BY_STATUS
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.processor_accounts import ProcessorAccount
from payments.models.processor_events import NewsReplay, ProcessorEvent
from payments.operations.processor_events import replay_event

TYPE: Final = columns.code("type", "type")
ABOUT: Final = columns.code("about", "object_reference")
DETAIL: Final = columns.text("what came of it", "detail")
OCCURRED: Final = columns.moment("occurred", "occurred_at")
RECEIVED: Final = columns.moment("received", "received_at")
BEFORE: Final = columns.label("before", "status_before")
AFTER: Final = columns.label("after", "status_after")
OUTCOME: Final = columns.text("what came of it", "detail_after")
BY: Final = columns.text("by", "by")
REASON: Final = columns.text("reason", "reason")


class ReplayForm(forms.Form):
    """Why news is applied again."""

    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget, max_length=1000, help_text="What has changed since it was not applied."
    )


@admin.register(ProcessorEvent)
class ProcessorEventAdmin(ReadOnlyAdmin):
    """The news of all processors."""

    id_lookups = {"pev": "id"}
    list_display = (columns.PUBLIC_ID, TYPE, ABOUT, columns.STATUS, OCCURRED, RECEIVED)
    list_filter = (BY_STATUS,)
    search_help_text = "pev_…, or what the processor calls the news or what it is about"
    page = (
        (columns.PUBLIC_ID, columns.STATUS),
        (TYPE, ABOUT),
        (columns.text("connector", "connector"), columns.code("processor's id", "event_id")),
        (columns.id_link("account", ProcessorAccount, "account_id"), OCCURRED),
        (RECEIVED, columns.moment("settled", "settled_at")),
        DETAIL,
        Column("as it came", lambda event: cells.document(event.payload)),
    )
    actions_detail = ("apply_again",)  # type: ignore[assignment]

    def search(self, term: str) -> Q:
        """Find by the processor's own names."""
        return Q(event_id=term) | Q(object_reference=term)

    def sections(self, obj: ProcessorEvent) -> list[Section]:
        """Return when it was applied again."""
        shown = (columns.CREATED, BY, REASON, BEFORE, AFTER, OUTCOME)
        return [Section(NewsReplay, "Applied again", shown, obj.replays.order_by("id"))]

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those may have news applied again who may change it."""
        return bool(request.user.has_perm("payments.change_processorevent"))

    @action(description="Apply again", url_path="apply_again", permissions=["replay"])  # type: ignore[operator]
    def apply_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, and apply the news once more."""
        event = get_object_or_404(ProcessorEvent, pk=object_id)

        def do(by: str, values: dict[str, Any]) -> str:
            replay = replay_event(event_id=event.pk, by=by, reason=values["reason"], now=timezone.now())
            why = f" ({replay.detail_after})" if replay.detail_after else ""
            return f"Applied again; it is {cells.words(replay.status_after)} now{why}."

        explanation = (
            "By the same rules as the first time: older news never overtakes newer, and what is over stays as it is."
            " What is applied resolves the discrepancy that it had opened."
        )
        act = Act(f"Apply {event} again", explanation, "Apply again", ReplayForm, do)
        return perform(act, event, model_admin=self, request=request)


@admin.register(NewsReplay)
class NewsReplayAdmin(ReadOnlyAdmin):
    """Which news was applied again, by whom and why."""

    id_lookups = {"rpl": "id", "pev": "event_id"}
    list_display = (columns.PUBLIC_ID, columns.id_link("news", ProcessorEvent, "event_id"), BY, BEFORE, AFTER)
    search_help_text = "rpl_… or pev_…"
    page = (
        (columns.id_link("news", ProcessorEvent, "event_id"), columns.CREATED),
        (BY, REASON),
        (BEFORE, columns.text("what had come of it", "detail_before")),
        (AFTER, OUTCOME),
    )
