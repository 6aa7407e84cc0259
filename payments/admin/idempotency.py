"""Idempotency keys: whether a request was answered, and by which call. What was answered is not shown."""

from typing import Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from payments.admin import columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE
from payments.admin.read_only import ReadOnlyAdmin
from payments.lifecycles import Mode
from payments.models.idempotency import IdempotencyRecord
from payments.models.merchants import Merchant
from payments.models.processor import ProcessorCall

KEY: Final = columns.code("key", "key")
ANSWER: Final = Column("answer", lambda record: str(record.response_status or "under way"))
EXPIRES: Final = columns.moment("expires", "expires_at")


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnlyAdmin):
    """The keys that merchants have used in the last days."""

    id_lookups = {"mer": "merchant_id"}
    list_display = (KEY, columns.MERCHANT, columns.MODE, ANSWER, columns.CREATED, EXPIRES)
    list_filter = (BY_MODE, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "an idempotency key, or mer_…"
    page = (
        (KEY, columns.MERCHANT),
        (ANSWER, columns.MODE),
        (columns.id_link("processor call", ProcessorCall, "processor_call_id"), columns.CREATED),
        (columns.moment("lease until", "lease_expires_at"), EXPIRES),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[IdempotencyRecord]:
        """Leave in the database what a merchant was answered."""
        records: QuerySet[IdempotencyRecord] = super().get_queryset(request)
        return records.defer("response_body", "fingerprint")

    def search(self, term: str) -> Q:
        """Find by the key. The index begins with merchant and mode, so each of them is looked into."""
        return Q(merchant__in=Merchant.objects.all(), mode__in=list(Mode), key=term)
