"""Doubts: calls of which nobody knows what became of them, oldest first; and the repairs that end them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from procrastinate.contrib.django.models import ProcrastinateJob
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.action_forms import NoForm
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.filters import BY_MODE, BY_STATUS, CurrencyFilter
from payments.admin.processor_calls import DECLINE_CODE, KIND, OUTCOME, PAYMENT, SENT
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.processor import CallInDoubt, ProcessorCall
from payments.models.reconciliation import Discrepancy, Repair, RepairAction
from payments.operations import repairs

ACTION: Final = columns.label("action", "action")
REASON: Final = columns.text("reason", "reason")
PROPOSED_BY: Final = columns.text("proposed by", "proposed_by")
DECIDED_BY: Final = columns.text("decided by", "decided_by")


AGE: Final = Column("age", lambda call: cells.age(call.created_at), right=True)


def next_question(call: ProcessorCall) -> datetime | None:
    """Return when the processor is asked the next time; None, when it was asked for the last time."""
    job = ProcrastinateJob.objects.filter(status="todo", task_name="resolve_call", args__call_id=str(call.pk)).first()
    return None if job is None else job.scheduled_at


class AnswerForm(forms.Form):
    """What became of a call, and who says so."""

    action = forms.ChoiceField(
        label="What became of it",
        choices=[
            (RepairAction.SUCCEEDED.value, "The processor did it"),
            (RepairAction.DECLINED.value, "The processor did not do it"),
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    reference = forms.CharField(
        label="The processor's reference",
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text="What the processor calls it, where it did it.",
    )
    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget,
        help_text="Who at the processor told it, when, and where it is written.",
    )


@admin.register(CallInDoubt)
class DoubtAdmin(ReadOnlyAdmin):
    """The queue of doubts."""

    actions_detail = ("propose",)  # type: ignore[assignment]
    id_lookups = {"call": "id", "pay": "payment_id"}
    list_display = (columns.PUBLIC_ID, AGE, KIND, columns.AMOUNT, OUTCOME, PAYMENT, columns.MODE, SENT)
    list_filter = (BY_STATUS, ("kind", ChoicesDropdownFilter), BY_MODE, CurrencyFilter)
    # Ids sort by time: the oldest doubt is the first.
    ordering = ("id",)
    search_help_text = "call_… or pay_…"
    page = (
        (columns.PUBLIC_ID, PAYMENT),
        (KIND, OUTCOME),
        (columns.AMOUNT, AGE),
        (columns.text("connector", "connector"), columns.text("message", "message")),
        (SENT, Column("next question (UTC)", lambda call: cells.moment(next_question(call)))),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallInDoubt]:
        """Keep the calls whose answer is not known; those without any answer may still be on their way."""
        calls: QuerySet[CallInDoubt] = super().get_queryset(request)
        return calls.filter(status__in=("created", *repairs.REPAIRABLE))

    def sections(self, obj: CallInDoubt) -> list[Section]:
        """Return what was proposed."""
        shown = (columns.self_link("repair"), ACTION, REASON, PROPOSED_BY, columns.STATUS, columns.CREATED)
        return [Section(Repair, "Repairs", shown, Repair.objects.filter(processor_call=obj).order_by("-id"))]

    def has_propose_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Tell who may propose a repair."""
        return request.user.has_perm("payments.propose_repair")

    @action(description="Propose a repair", permissions=["propose"])  # type: ignore[operator]
    def propose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say what became of a call, for another to approve."""
        call = get_object_or_404(self.get_queryset(request), pk=object_id)

        def do(by: str, values: dict[str, Any]) -> str:
            repair = repairs.propose_answer(
                call_id=call.pk,
                action=RepairAction(values["action"]),
                processor_reference=values["reference"],
                reason=values["reason"],
                by=by,
                now=timezone.now(),
            )
            return f"{repair.public_id} is proposed. Another person has to approve it."

        explanation = (
            "Only where the processor itself has said, outside of the platform, what became of this call."
            " Nothing changes until somebody else approves."
        )
        act = Act(f"Propose a repair of {call}", explanation, "Propose", AnswerForm, do)
        return perform(act, call, model_admin=self, request=request)


@admin.register(Repair)
class RepairAdmin(ReadOnlyAdmin):
    """What was proposed, approved and rejected, by whom and why."""

    actions_detail = ("approve", "reject")  # type: ignore[assignment]
    id_lookups = {"rep": "id", "call": "processor_call_id", "dis": "discrepancy_id"}
    list_display = (columns.PUBLIC_ID, ACTION, columns.STATUS, PROPOSED_BY, DECIDED_BY, columns.CREATED)
    list_filter = (BY_STATUS,)
    related = ("processor_call",)
    search_help_text = "rep_…, call_… or dis_…"
    page = (
        (columns.PUBLIC_ID, columns.STATUS),
        (columns.link("call", "processor_call"), columns.id_link("discrepancy", Discrepancy, "discrepancy_id")),
        (ACTION, columns.code("processor reference", "processor_reference")),
        REASON,
        (PROPOSED_BY, columns.CREATED),
        (DECIDED_BY, columns.moment("decided", "decided_at")),
    )

    def sections(self, obj: Repair) -> list[Section]:
        """Return the call that it is about."""
        if obj.processor_call is None:
            return []
        shown = (columns.self_link("call"), KIND, columns.AMOUNT, OUTCOME, DECLINE_CODE, SENT)
        return [Section(ProcessorCall, "Processor call", shown, [obj.processor_call])]

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Tell who may approve and reject what another has proposed."""
        return request.user.has_perm("payments.approve_repair")

    @action(description="Approve", permissions=["decide"])  # type: ignore[operator]
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Carry a repair out."""
        return self._decide(request, object_id, "Approve", "It takes effect at once, and cannot be taken back.")

    @action(description="Reject", permissions=["decide"])  # type: ignore[operator]
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Turn a repair down."""
        return self._decide(request, object_id, "Reject", "Nothing changes; another repair may be proposed.")

    def _decide(self, request: HttpRequest, object_id: str, verb: str, effect: str) -> HttpResponse:
        repair = get_object_or_404(Repair, pk=object_id)
        decide = repairs.approve_repair if verb == "Approve" else repairs.reject_repair

        def do(by: str, _: dict[str, Any]) -> str:
            decided = decide(repair_id=UUID(object_id), by=by, now=timezone.now())
            return f"{decided.public_id} is {decided.status}."

        explanation = f"{cells.words(repair.action).capitalize()}: {repair.reason} ({repair.proposed_by}). {effect}"
        act = Act(f"{verb} {repair}", explanation, verb, NoForm, do)
        return perform(act, repair, model_admin=self, request=request)
