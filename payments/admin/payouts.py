"""Payouts: what went to merchants' banks, and what is on its way."""

from typing import Final

from django.contrib import admin
from django.db.models import Q

from payments.admin import cells, columns
from payments.admin.amounts import amount_typed
from payments.admin.columns import Column
from payments.admin.events import events_section
from payments.admin.filters import BY_MERCHANT, BY_MODE, BY_STATUS, CurrencyFilter
from payments.admin.ledger import lines_section
from payments.admin.processor_calls import calls_section
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.events import Event
from payments.models.ledger import JournalLine
from payments.models.payouts import Payout

DESTINATION: Final = columns.code("destination", "destination")
SCHEDULED_FOR: Final = columns.text("scheduled for", "scheduled_for")


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """The payouts of all merchants."""

    id_lookups = {"po": "id", "mer": "merchant_id", "call": "processor_calls__id"}
    list_display = (
        columns.PUBLIC_ID,
        columns.MERCHANT,
        columns.AMOUNT,
        columns.STATUS,
        columns.MODE,
        DESTINATION,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, BY_MODE, CurrencyFilter, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "po_…, mer_…, call_… or 19.99 EUR"
    page = (
        (columns.PUBLIC_ID, columns.MERCHANT),
        (columns.AMOUNT, columns.STATUS),
        (DESTINATION, columns.MODE),
        (SCHEDULED_FOR, columns.text("connector", "connector")),
        (
            Column("last error", lambda payout: cells.document(payout.last_error)),
            columns.code("processor reference", "processor_reference"),
        ),
        (columns.CREATED, columns.moment("last change", "updated_at")),
        (columns.text("description", "description"), Column("metadata", lambda payout: cells.lines(payout.metadata))),
    )

    def search(self, term: str) -> Q:
        """Find by an amount; payouts are few beside payments, so that this needs no index."""
        return amount_typed(term) or super().search(term)

    def sections(self, obj: Payout) -> list[Section]:
        """Return the calls to the processor, the lines in the books and the events."""
        lines = JournalLine.objects.filter(entry__payout=obj).select_related("entry", "account").order_by("id")
        events = Event.objects.filter(object_id=obj.pk).defer("data").order_by("sequence")
        return [calls_section(obj.processor_calls.order_by("id")), lines_section(lines), events_section(events)]
