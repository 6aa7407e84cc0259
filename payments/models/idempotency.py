"""Idempotency keys: what was asked under each, and what was answered."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from payments.models.base import MODE_CHOICES
from payments.models.merchants import Merchant
from payments.models.processor import ProcessorCall


class IdempotencyRecord(models.Model):
    """One key of one merchant and mode.

    The row is written in the same transaction as the work it stands for. While there is no answer it names the
    processor call under way, which is all that a retry needs to carry a dead request to its end.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="idempotency_records", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    key = models.CharField(max_length=255)
    # SHA-256 of method, path and canonical body, in hexadecimal.
    fingerprint = models.CharField(max_length=64)
    processor_call = models.ForeignKey(
        ProcessorCall, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    # Until then the first request counts as running; after it a retry may take over.
    lease_expires_at = models.DateTimeField()
    response_status = models.PositiveSmallIntegerField(null=True)
    # The exact text of the answer, so that a replay is the same byte for byte.
    response_body = models.TextField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "key"], name="idempotency_key_once"),
            models.CheckConstraint(
                condition=Q(response_status__isnull=True, response_body__isnull=True, processor_call__isnull=False)
                | Q(response_status__isnull=False, response_body__isnull=False),
                name="idempotency_answered_or_under_way",
            ),
        ]
        # Rows come in the order in which they expire.
        indexes = [BrinIndex(fields=["expires_at"], name="idempotency_expiring")]
