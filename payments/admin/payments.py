"""Payments, each with everything that happened to it on one page."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from payments.admin import cells, columns
from payments.admin.amounts import amount_typed
from payments.admin.columns import Column
from payments.admin.discrepancies import discrepancies_section
from payments.admin.disputes import disputes_section
from payments.admin.events import events_section
from payments.admin.filters import BY_MERCHANT, BY_MODE, BY_STATUS, CurrencyFilter, DayFilter
from payments.admin.ledger import lines_section
from payments.admin.processor_calls import calls_section
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.admin.reconciliation import settlement_section
from payments.admin.refunds import refunds_section
from payments.models.events import Event
from payments.models.ledger import JournalLine
from payments.models.payments import Payment

REFERENCE: Final = columns.code("reference", "merchant_reference")

_SUMMARY: Final = (
    columns.AMOUNT,
    columns.money("authorized", "amount_authorized"),
    columns.money("capturable", "amount_capturable"),
    columns.money("captured", "amount_captured"),
    columns.money("refunded", "amount_refunded"),
    columns.money("disputed", "amount_disputed"),
)

# More than any payment has: a limit, so that no page ever reads without end.
_RECORDS_MAX: Final = 200


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """The payments, and the page where support sees what happened to one."""

    change_form_before_template = "admin/payments/payment_summary.html"
    id_lookups = {"pay": "id", "call": "processor_calls__id"}
    list_display = (
        columns.PUBLIC_ID,
        columns.MERCHANT,
        columns.AMOUNT,
        columns.STATUS,
        columns.MODE,
        REFERENCE,
        columns.CREATED,
    )
    list_filter = (BY_STATUS, BY_MODE, CurrencyFilter, ("created_at", DayFilter), BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "pay_…, a merchant reference or 19.99 EUR"
    page = (
        (columns.MERCHANT, columns.text("capture method", "capture_method")),
        (REFERENCE, columns.code("payment method", "payment_method")),
        (columns.text("description", "description"), columns.text("connector", "connector")),
        (
            Column("metadata", lambda payment: cells.lines(payment.metadata)),
            columns.code("processor reference", "processor_reference"),
        ),
        (columns.CREATED, columns.code("authorization code", "authorization_code")),
        (columns.moment("expires", "expires_at"), columns.moment("authorized until", "authorization_expires_at")),
        (columns.code("next action", "next_action_url"), columns.code("return address", "return_url")),
        (columns.moment("last change", "updated_at"), columns.money("platform fee", "platform_fee")),
    )

    def search(self, term: str) -> Q:
        """Find by the merchant's reference, or by an amount."""
        return Q(merchant_reference=term) | (amount_typed(term) or Q(pk__in=[]))

    def sections(self, obj: Payment) -> list[Section]:
        """Return what went back, calls, what settles them, what does not match, lines in the books and events."""
        lines = JournalLine.objects.filter(entry__payment=obj).select_related("entry", "account").order_by("id")
        events = Event.objects.filter(object_id=obj.pk).defer("data").order_by("sequence")
        return [
            refunds_section(obj.refunds.order_by("id")[:_RECORDS_MAX]),
            disputes_section(obj.disputes.order_by("id")[:_RECORDS_MAX]),
            calls_section(obj.processor_calls.order_by("id")[:_RECORDS_MAX]),
            settlement_section(obj.settlement_lines.order_by("id")),
            discrepancies_section(obj.discrepancies.order_by("id")[:_RECORDS_MAX]),
            lines_section(lines[:_RECORDS_MAX]),
            events_section(events[:_RECORDS_MAX]),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the summary above the fields."""
        payment: Payment = context["original"]
        context["status"] = cells.label(payment.status)
        context["mode"] = cells.label(payment.mode)
        context["summary"] = [(column.title, column(payment)) for column in _SUMMARY]
        return super().render_change_form(request, context, *args, **kwargs)
