"""The event log: one row for every change of state, in the order of each object's changes."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.merchants import Merchant
from payments.models.transaction_ids import TransactionIdField, transactions_index


class Event(PublicIdModel):
    """One change of one object, with the object as the API showed it right after.

    `sequence` is given out by the database, from 1 and without a gap for each object. Events are never changed.
    """

    PREFIX: ClassVar[str] = "evt"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="events", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    type = models.CharField(max_length=SHORT_TEXT)
    object_id = models.UUIDField()
    sequence = models.PositiveIntegerField(db_default=0, editable=False)
    data = models.JSONField()
    created_at = models.DateTimeField()
    # Given out by the database, too. Null in rows from before there was this column.
    transaction_id = TransactionIdField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["object_id", "sequence"], name="event_sequence_once_per_object"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="event_list"),
            transactions_index("event_transactions"),
            # For webhooks, which are sent again by time.
            BrinIndex(fields=["created_at"], autosummarize=True, name="event_by_time"),
        ]
