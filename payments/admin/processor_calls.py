"""Calls to processors: what was asked, and what was answered."""

from collections.abc import Iterable
from typing import Final

from unfold.contrib.filters.admin import ChoicesDropdownFilter

from django.contrib import admin

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MODE, BY_STATUS, CurrencyFilter
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall

KIND: Final = columns.text("kind", "kind")
PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
PAYOUT: Final = columns.id_link("payout", Payout, "payout_id")
CONNECTOR: Final = columns.text("connector", "connector")
PAYMENT_METHOD: Final = columns.code("payment method", "payment_method")
OUTCOME: Final = columns.label("outcome", "status")
DECLINE_CODE: Final = columns.code("decline code", "decline_code")
MESSAGE: Final = columns.text("message", "message")
SENT: Final = columns.moment("sent", "created_at")
TOOK: Final = Column("took", lambda call: cells.duration(call.created_at, call.answered_at), right=True)


def calls_section(calls: Iterable[ProcessorCall]) -> Section:
    """Return calls as a table."""
    asked = (columns.self_link("call"), KIND, CONNECTOR, columns.AMOUNT, PAYMENT_METHOD)
    shown = (*asked, OUTCOME, DECLINE_CODE, SENT, TOOK)
    return Section(ProcessorCall, "Processor calls", shown, calls)


@admin.register(ProcessorCall)
class ProcessorCallAdmin(ReadOnlyAdmin):
    """The calls of all payments."""

    id_lookups = {"call": "id", "pay": "payment_id", "dp": "dispute_id", "po": "payout_id"}
    list_display = (columns.PUBLIC_ID, PAYMENT, KIND, columns.AMOUNT, OUTCOME, DECLINE_CODE, SENT)
    list_filter = (BY_STATUS, ("kind", ChoicesDropdownFilter), BY_MODE, CurrencyFilter)
    search_help_text = "call_…, pay_…, dp_… or po_…"
    page = (
        (columns.PUBLIC_ID, PAYMENT, PAYOUT),
        (KIND, OUTCOME),
        (columns.AMOUNT, DECLINE_CODE),
        (
            Column("final", lambda call: cells.yes_no(call.final)),
            columns.code("advice code", "advice_code"),
        ),
        (PAYMENT_METHOD, MESSAGE),
        (
            CONNECTOR,
            columns.code("processor reference", "processor_reference"),
        ),
        (columns.MODE, columns.code("authorization code", "authorization_code")),
        (SENT, columns.moment("answered", "answered_at")),
        columns.id_link("dispute", Dispute, "dispute_id"),
    )
