"""Refunds: what went back to the payer, and what is on its way."""

from collections.abc import Iterable
from typing import Final

from django.contrib import admin

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.events import events_section
from payments.admin.filters import BY_MODE, BY_STATUS, CurrencyFilter
from payments.admin.processor_calls import calls_section
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.events import Event
from payments.models.payments import Payment
from payments.models.refunds import Refund

PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
REASON: Final = columns.text("reason", "reason")


def refunds_section(refunds: Iterable[Refund]) -> Section:
    """Return refunds as a table."""
    shown = (columns.self_link("refund"), columns.AMOUNT, columns.STATUS, REASON, columns.CREATED)
    return Section(Refund, "Refunds", shown, refunds)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """The refunds of all payments."""

    id_lookups = {"re": "id", "pay": "payment_id", "call": "processor_calls__id"}
    list_display = (columns.PUBLIC_ID, PAYMENT, columns.AMOUNT, columns.STATUS, columns.MODE, columns.CREATED)
    list_filter = (BY_STATUS, BY_MODE, CurrencyFilter)
    search_help_text = "re_…, pay_… or call_…"
    page = (
        (columns.PUBLIC_ID, PAYMENT),
        (columns.AMOUNT, columns.STATUS),
        (REASON, columns.MODE),
        (
            Column(
                "last error", lambda refund: cells.document(refund.last_error) if refund.last_error else cells.EMPTY
            ),
            columns.code("processor reference", "processor_reference"),
        ),
        (columns.CREATED, columns.moment("last change", "updated_at")),
        Column("metadata", lambda refund: cells.lines(refund.metadata)),
    )

    def sections(self, obj: Refund) -> list[Section]:
        """Return the calls to the processor and the events."""
        events = Event.objects.filter(object_id=obj.pk).defer("data").order_by("sequence")
        return [calls_section(obj.processor_calls.order_by("id")), events_section(events)]
