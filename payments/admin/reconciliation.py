"""Reconciliation: the reports that were read, and their lines."""

from collections.abc import Iterable
from typing import Any, Final

from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from django import forms
from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.action_forms import action_page
from payments.admin.columns import Column
from payments.admin.discrepancies import discrepancies_section
from payments.admin.filters import CurrencyFilter
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.ledger import JournalEntry
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import BankLine, Discrepancy, Report, SettlementLine
from payments.operations.reconciliation import Summary, reconcile
from payments.staff_errors import BadReport

# What a web request can take in before it is given up; larger files are for `manage.py reconcile`.
UPLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
_SHOWN: Final = 200

KIND: Final = columns.text("kind", "kind")
REPORT: Final = columns.id_link("report", Report, "report_id")
LINE_NUMBER: Final = columns.text("line", "line_number")
BATCH: Final = columns.code("batch", "batch_reference")
GROSS: Final = columns.money("gross", "gross")
FEE: Final = columns.money("fee", "fee")
NET: Final = columns.money("net", "net")
PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
CALL: Final = columns.id_link("processor call", ProcessorCall, "processor_call_id")
ENTRY: Final = columns.id_link("booked by", JournalEntry, "journal_entry_id")
BANK_LINE: Final = columns.id_link("at the bank", BankLine, "bank_line_id")


def settlement_section(lines: "QuerySet[SettlementLine]") -> Section:
    """Return settlement lines as a table: the call that each settles, its batch, and where that came to the bank."""
    arrived = BankLine.objects.filter(batch_reference=OuterRef("batch_reference")).order_by("id").values("id")[:1]
    shown = (columns.self_link("line"), KIND, CALL, GROSS, FEE, NET, BATCH, BANK_LINE, ENTRY)
    return Section(SettlementLine, "Settlement", shown, lines.annotate(bank_line_id=Subquery(arrived))[:_SHOWN])


def bank_section(lines: Iterable[BankLine]) -> Section:
    """Return entries of bank statements as a table."""
    shown = (columns.self_link("entry"), columns.AMOUNT, TEXT, BATCH, PAYOUT, BOOKED)
    return Section(BankLine, "At the bank", shown, lines)


TEXT: Final = columns.text("text", "text")
PAYOUT: Final = Column(
    "payout", lambda line: cells.mono(Payout(id=line.payout_id).public_id if line.payout_id else None)
)
BOOKED: Final = columns.text("booked", "booking_date")


class UploadForm(forms.Form):
    """A file to reconcile."""

    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text="A settlement report (CSV) or a bank statement (camt.053, MT940). The same file may come again.",
    )
    connector = forms.CharField(
        widget=UnfoldAdminTextInputWidget, initial="sandbox", max_length=40, help_text="Whose settlement report it is."
    )

    def clean_file(self) -> Any:
        """Refuse what takes longer than a web request may."""
        file = self.cleaned_data["file"]
        if file.size > UPLOAD_BYTES_MAX:
            raise forms.ValidationError(
                f"The file is larger than {UPLOAD_BYTES_MAX // 1024**2} MiB. Read it with manage.py reconcile."
            )
        return file


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """The files that were read, and the page to hand one in."""

    id_lookups = {"rpt": "id"}
    list_display = (
        columns.PUBLIC_ID,
        columns.text("name", "name"),
        columns.code("format", "format"),
        columns.text("lines", "lines_read"),
        columns.CREATED,
        columns.moment("finished", "finished_at"),
    )
    list_filter = (("format", ChoicesDropdownFilter),)
    search_help_text = "rpt_…"
    page = (
        (columns.PUBLIC_ID, columns.text("name", "name")),
        (columns.code("format", "format"), columns.text("lines read", "lines_read")),
        (columns.CREATED, columns.moment("finished", "finished_at")),
        columns.code("SHA-256", "digest"),
    )
    actions_list = ("upload",)  # type: ignore[assignment]

    def has_upload_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those may hand in a file who may add reports."""
        return bool(request.user.has_perm("payments.add_report"))

    @action(description="Reconcile a file", url_path="upload", permissions=["upload"])  # type: ignore[operator]
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file, reconcile it and show what came of it."""
        form = UploadForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                summary = reconcile(
                    name=file.name, file=file, connector=form.cleaned_data["connector"], now=timezone.now()
                )
            except BadReport as error:
                form.add_error("file", f"{file.name}, {error}")
            else:
                return self._show(request, summary)
        back = reverse("admin:payments_report_changelist")
        return action_page(self, request, form, title="Reconcile a file", button="Reconcile", back=back)

    def _show(self, request: HttpRequest, summary: Summary) -> HttpResponse:
        text = (
            f"{summary.lines} lines, {summary.new} of them new, {summary.matched} matched;"
            f" {summary.opened} discrepancies opened, {summary.cleared} cleared up."
        )
        self.log_addition(request, summary.report, f"Reconciled {summary.report.name}: {text}")
        messages.add_message(request, messages.WARNING if summary.opened else messages.SUCCESS, text)
        return HttpResponseRedirect(reverse("admin:payments_report_change", args=[summary.report.pk]))

    def sections(self, obj: Report) -> list[Section]:
        """Return the discrepancies of its lines, and the first of the lines."""
        found = Discrepancy.objects.filter(Q(settlement_line__report=obj) | Q(bank_line__report=obj))
        return [
            discrepancies_section(found.order_by("status", "created_at", "id")[:_SHOWN]),
            settlement_section(obj.settlement_lines.order_by("id")),
            bank_section(obj.bank_lines.order_by("id")[:_SHOWN]),
        ]


@admin.register(SettlementLine)
class SettlementLineAdmin(ReadOnlyAdmin):
    """The lines of the processors' reports."""

    id_lookups = {"stl": "id", "pay": "payment_id", "call": "processor_call_id", "rpt": "report_id"}
    list_display = (
        columns.PUBLIC_ID,
        KIND,
        PAYMENT,
        GROSS,
        FEE,
        NET,
        BATCH,
        REPORT,
        columns.moment("moved", "occurred_at"),
    )
    list_filter = (CurrencyFilter,)
    search_help_text = "stl_…, pay_…, call_…, rpt_…, a batch or a processor's reference"
    page = (
        (columns.PUBLIC_ID, KIND),
        (GROSS, FEE),
        (NET, BATCH),
        (PAYMENT, CALL),
        (ENTRY, columns.moment("moved", "occurred_at")),
        (columns.text("connector", "connector"), columns.code("processor reference", "processor_reference")),
        (REPORT, LINE_NUMBER),
        columns.code("line reference", "line_reference"),
    )

    def search(self, term: str) -> Q:
        """Find by the batch, or by what the processor calls the movement."""
        return Q(batch_reference=term) | Q(processor_reference=term)

    def sections(self, obj: SettlementLine) -> list[Section]:
        """Return what does not match, and where its batch came to the bank."""
        return [
            discrepancies_section(obj.discrepancies.order_by("id")[:_SHOWN]),
            bank_section(BankLine.objects.filter(batch_reference=obj.batch_reference).order_by("id")[:_SHOWN]),
        ]


@admin.register(BankLine)
class BankLineAdmin(ReadOnlyAdmin):
    """The entries of bank statements."""

    id_lookups = {"bnk": "id", "po": "payout_id", "rpt": "report_id"}
    list_display = (columns.PUBLIC_ID, columns.AMOUNT, BOOKED, BATCH, PAYOUT, TEXT, REPORT)
    list_filter = (CurrencyFilter,)
    search_help_text = "bnk_…, po_…, rpt_… or a batch"
    page = (
        (columns.PUBLIC_ID, columns.AMOUNT),
        (BOOKED, columns.text("value date", "value_date")),
        (BATCH, PAYOUT),
        (columns.code("account", "account"), columns.code("bank reference", "bank_reference")),
        (REPORT, LINE_NUMBER),
        TEXT,
    )

    def search(self, term: str) -> Q:
        """Find by the batch that an entry names."""
        return Q(batch_reference=term)

    def sections(self, obj: BankLine) -> list[Section]:
        """Return what does not match, and what the batch is made of."""
        lines = SettlementLine.objects.filter(batch_reference=obj.batch_reference or "").order_by("id")
        return [discrepancies_section(obj.discrepancies.order_by("id")[:_SHOWN]), settlement_section(lines)]
