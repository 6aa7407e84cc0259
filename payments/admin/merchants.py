"""Merchants, and where to find what is theirs."""

from typing import Final

from unfold.decorators import action

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html_join

from payments.admin import columns
from payments.admin.api_keys import NAME, issue_key_page, keys_section
from payments.admin.columns import Column
from payments.admin.processor_accounts import accounts_section
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.admin.routing import rules_section
from payments.admin.terms import DESTINATION, MINIMUM
from payments.admin.webhook_endpoints import endpoints_section
from payments.lifecycles import WebhookEndpointStatus
from payments.models.events import Event
from payments.models.ledger import JournalEntry, LedgerAccount
from payments.models.merchants import Merchant, PlatformFee
from payments.models.payments import Payment
from payments.models.payouts import Payout, PayoutSchedule
from payments.models.processor_accounts import ProcessorAccount
from payments.models.routing import RoutingRule
from payments.models.webhooks import WebhookEndpoint

_LISTS: Final = {
    "Payments": Payment,
    "Payouts": Payout,
    "Journal entries": JournalEntry,
    "Ledger accounts": LedgerAccount,
    "Events": Event,
    "Platform fees": PlatformFee,
    "Payout schedules": PayoutSchedule,
    "Webhook endpoints": WebhookEndpoint,
    "Processor accounts": ProcessorAccount,
    "Routing rules": RoutingRule,
}


def _lists(merchant: Merchant) -> str:
    """Return links to the lists, narrowed to this merchant."""
    return format_html_join(
        " · ",
        '<a href="{}?merchant__id__exact={}" class="text-link">{}</a>',
        (
            (reverse(f"admin:payments_{model._meta.model_name}_changelist"), merchant.pk, title)
            for title, model in _LISTS.items()
        ),
    )


@admin.register(Merchant)
class MerchantAdmin(ReadOnlyAdmin):
    """The merchants."""

    actions_detail = ("issue_key",)  # type: ignore[assignment]
    id_lookups = {"mer": "id"}
    list_display = (NAME, columns.PUBLIC_ID, columns.CREATED)
    # Django asks for it where a merchant is chosen in a form; what is searched, `search` says.
    search_fields = ("name",)
    search_help_text = "mer_… or the beginning of the name"
    page = ((NAME, columns.PUBLIC_ID), columns.CREATED, Column("see", _lists))

    def search(self, term: str) -> Q:
        """Find by the beginning of the name; merchants are few, so that this needs no index."""
        return Q(name__istartswith=term)

    def sections(self, obj: Merchant) -> list[Section]:
        """Return the merchant's keys, terms, webhook endpoints, accounts and rules."""
        fees = obj.platform_fees.order_by("currency")
        schedules = obj.payout_schedules.order_by("mode", "currency")
        to_schedule = (columns.self_link("schedule"), DESTINATION, MINIMUM)
        return [
            keys_section(obj.api_keys.defer("key_hash").order_by("-id")),
            Section(PlatformFee, "Platform fees", (columns.self_link("terms"),), fees),
            Section(PayoutSchedule, "Payout schedules", to_schedule, schedules),
            endpoints_section(obj.webhook_endpoints.exclude(status=WebhookEndpointStatus.DELETED)),
            accounts_section(obj.processor_accounts.order_by("mode", "created_at", "id")),
            rules_section(obj.routing_rules.order_by("mode", "position")),
        ]

    def has_issue_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Tell who may issue keys: those who may add them."""
        return request.user.has_perm("payments.add_apikey")

    @action(description="Issue a key", url_path="issue_key", permissions=["issue"])  # type: ignore[operator]
    def issue_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the merchant an API key."""
        return issue_key_page(get_object_or_404(Merchant, pk=object_id), model_admin=self, request=request)
