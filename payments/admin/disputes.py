"""Disputes: what payers' banks have taken back, until when they can be answered, and how they ended."""

from collections.abc import Iterable
from typing import Final

from django.contrib import admin

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.events import events_section
from payments.admin.filters import BY_MODE, BY_STATUS, CurrencyFilter
from payments.admin.ledger import lines_section
from payments.admin.processor_calls import calls_section
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.disputes import Dispute
from payments.models.events import Event
from payments.models.ledger import JournalLine
from payments.models.payments import Payment

PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
FEE: Final = columns.money("fee", "fee")
REASON: Final = columns.text("reason", "reason")
EVIDENCE_DUE: Final = columns.moment("evidence due", "evidence_due_at")


def disputes_section(disputes: Iterable[Dispute]) -> Section:
    """Return disputes as a table."""
    shown = (columns.self_link("dispute"), columns.AMOUNT, FEE, columns.STATUS, REASON, EVIDENCE_DUE, columns.CREATED)
    return Section(Dispute, "Disputes", shown, disputes)


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """The disputes of all payments."""

    id_lookups = {"dp": "id", "pay": "payment_id", "call": "processor_calls__id"}
    list_display = (
        columns.PUBLIC_ID,
        PAYMENT,
        columns.AMOUNT,
        columns.STATUS,
        REASON,
        EVIDENCE_DUE,
        columns.MODE,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, BY_MODE, CurrencyFilter)
    search_help_text = "dp_…, pay_… or call_…"
    page = (
        (columns.PUBLIC_ID, PAYMENT),
        (columns.AMOUNT, FEE),
        (columns.STATUS, columns.MODE),
        (REASON, EVIDENCE_DUE),
        (columns.text("connector", "connector"), columns.code("processor reference", "processor_reference")),
        (columns.CREATED, columns.moment("last change", "updated_at")),
        Column("evidence", lambda dispute: cells.lines(dispute.evidence or {})),
        Column("last error", lambda dispute: cells.document(dispute.last_error)),
    )

    def sections(self, obj: Dispute) -> list[Section]:
        """Return the calls to the processor, the lines in the books and the events."""
        lines = JournalLine.objects.filter(entry__dispute=obj).select_related("entry", "account").order_by("id")
        events = Event.objects.filter(object_id=obj.pk).defer("data").order_by("sequence")
        return [calls_section(obj.processor_calls.order_by("id")), lines_section(lines), events_section(events)]
