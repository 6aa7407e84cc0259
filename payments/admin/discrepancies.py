"""Discrepancies: what does not match, who looks after it, and why it is none any more."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.action_forms import action_page
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE, BY_STATUS
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import BankLine, Discrepancy, SettlementLine
from payments.operations.discrepancies import assign, resolve
from payments.operations.repairs import propose_write_off
from payments.staff_errors import DiscrepancyResolved

KIND: Final = Column("kind", lambda found: cells.words(found.kind))
AMOUNT: Final = Column(
    "amount", lambda found: cells.money(found.amount, found.currency) if found.currency else cells.EMPTY, right=True
)
AGE: Final = Column("age", lambda found: cells.age(found.created_at, found.resolved_at), right=True)
OWNER: Final = columns.text("owner", "owner")
DETAIL: Final = columns.text("what does not match", "detail")
PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
PAYOUT: Final = columns.id_link("payout", Payout, "payout_id")


def discrepancies_section(found: Iterable[Discrepancy]) -> Section:
    """Return discrepancies as a table."""
    shown = (columns.self_link("discrepancy"), KIND, columns.STATUS, AMOUNT, DETAIL, AGE)
    return Section(Discrepancy, "Discrepancies", shown, found)


class OwnerFilter(DropdownFilter):
    """The reader's own, or those that nobody looks after."""

    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return both choices."""
        return [("mine", "mine"), ("nobody", "nobody")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen owner."""
        match self.value():
            case "mine":
                return queryset.filter(owner=request.user.get_username())
            case "nobody":
                return queryset.filter(owner__isnull=True)
            case _:
                return queryset


class AssignForm(forms.Form):
    """Who looks after it."""

    owner = forms.CharField(
        widget=UnfoldAdminTextInputWidget, max_length=150, required=False, help_text="Empty, where nobody does."
    )


class ResolveForm(forms.Form):
    """Why it is none any more."""

    resolution = forms.CharField(
        widget=UnfoldAdminTextareaWidget,
        max_length=1000,
        help_text="Why it is none any more; the merchant can read it. No money is moved by this.",
    )


class ReasonForm(forms.Form):
    """Why something is proposed."""

    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget, max_length=1000, help_text="Why it will never be paid, and who says so."
    )


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """What does not match: the open ones first, the oldest on top."""

    id_lookups = {"dis": "id", "pay": "payment_id", "po": "payout_id", "call": "processor_call_id"}
    list_display = (
        columns.PUBLIC_ID,
        KIND,
        columns.STATUS,
        AMOUNT,
        AGE,
        OWNER,
        columns.MERCHANT,
        columns.MODE,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, ("kind", ChoicesDropdownFilter), OwnerFilter, BY_MODE, BY_MERCHANT)
    # `open` sorts before `resolved`.
    ordering = ("status", "created_at", "id")  # type: ignore[assignment]
    related = ("merchant",)
    search_help_text = "dis_…, pay_…, po_… or call_…"
    page = (
        (columns.PUBLIC_ID, KIND),
        (columns.STATUS, AMOUNT),
        DETAIL,
        (columns.MERCHANT, columns.MODE),
        (PAYMENT, PAYOUT),
        (
            columns.id_link("processor call", ProcessorCall, "processor_call_id"),
            columns.id_link("settlement line", SettlementLine, "settlement_line_id"),
        ),
        (columns.id_link("bank line", BankLine, "bank_line_id"), OWNER),
        (columns.CREATED, columns.moment("resolved", "resolved_at")),
        (columns.text("resolution", "resolution"), columns.text("resolved by", "resolved_by")),
    )
    actions_detail = ("assign", "resolve", "write_off")  # type: ignore[assignment]

    def has_handle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those may assign and resolve who may change discrepancies."""
        return bool(request.user.has_perm("payments.change_discrepancy"))

    @action(description="Assign", url_path="assign", permissions=["handle"])  # type: ignore[operator]
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask who looks after it, and write that down."""
        found = get_object_or_404(Discrepancy, pk=object_id)
        form = AssignForm(request.POST or None, initial={"owner": found.owner or request.user.get_username()})
        if request.method == "POST" and form.is_valid():
            owner = form.cleaned_data["owner"] or None
            return self._carry_out(
                request,
                found,
                f"Assigned to {owner or 'nobody'}.",
                lambda: assign(discrepancy_id=found.pk, owner=owner),
            )
        return action_page(self, request, form, title=f"Assign {found}", button="Assign", back=_page_of(found.pk))

    @action(description="Resolve", url_path="resolve", permissions=["handle"])  # type: ignore[operator]
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, and resolve it."""
        found = get_object_or_404(Discrepancy, pk=object_id)
        form = ResolveForm(request.POST or None)
        if form.is_valid():
            reason = form.cleaned_data["resolution"]
            return self._carry_out(
                request,
                found,
                f"Resolved: {reason}",
                lambda: resolve(
                    discrepancy_id=found.pk, resolution=reason, by=request.user.get_username(), now=timezone.now()
                ),
            )
        return action_page(self, request, form, title=f"Resolve {found}", button="Resolve", back=_page_of(found.pk))

    def has_propose_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell who may propose a repair."""
        return request.user.has_perm("payments.propose_repair")

    @action(description="Write off", url_path="write_off", permissions=["propose"])  # type: ignore[operator]
    def write_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Propose to bear the amount, for another to approve."""
        found = get_object_or_404(Discrepancy, pk=object_id)

        def do(by: str, values: dict[str, Any]) -> str:
            repair = propose_write_off(discrepancy_id=found.pk, reason=values["reason"], by=by, now=timezone.now())
            return f"{repair.public_id} is proposed. Another person has to approve it."

        explanation = "We bear what the processor will never pay, or keep what it has paid too much."
        act = Act(f"Write {found} off", explanation, "Propose", ReasonForm, do)
        return perform(act, found, model_admin=self, request=request)

    def _carry_out(
        self, request: HttpRequest, found: Discrepancy, done: str, operation: Callable[[], object]
    ) -> HttpResponse:
        try:
            operation()
        except DiscrepancyResolved as error:
            messages.error(request, str(error))
        else:
            self.log_change(request, found, done)
            messages.success(request, done)
        return HttpResponseRedirect(_page_of(found.pk))


def _page_of(discrepancy_id: UUID) -> str:
    return reverse("admin:payments_discrepancy_change", args=[discrepancy_id])
