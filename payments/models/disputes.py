"""Disputes: a payer's bank takes back what was captured, and the merchant may argue."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import DisputeStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.payments import Payment


class Dispute(PublicIdModel):
    """One dispute of a part or all of a payment, as the processor has opened it.

    `amount` and `fee` are in minor units of the payment's currency; both are held back while it is open.
    """

    PREFIX: ClassVar[str] = "dp"

    # One foreign key over owner and currency as well stands in the migrations instead of Django's simple one.
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes", db_constraint=False)
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in DisputeStatus])
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    # Why, in the payer's bank's words: `fraudulent`, `product_not_received` …
    reason = models.CharField(max_length=SHORT_TEXT)
    connector = models.CharField(max_length=SHORT_TEXT)
    processor_reference = models.CharField(max_length=255)
    # What the merchant has sent, by name; null until then.
    evidence = models.JSONField(null=True)
    evidence_due_at = models.DateTimeField()
    # Why evidence or an acceptance was refused, as the API shows it.
    last_error = models.JSONField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="dispute_amount_positive"),
            models.CheckConstraint(condition=Q(fee__gte=0), name="dispute_fee_not_negative"),
            models.UniqueConstraint(fields=["connector", "processor_reference"], name="dispute_reference_once"),
            # What the composite foreign keys of calls, journal entries and settlement lines point to.
            models.UniqueConstraint(fields=["id", "payment"], name="dispute_and_payment"),
        ]
        indexes = [models.Index(fields=["merchant_id", "mode", "-id"], name="dispute_list")]
