"""Refunds: what goes back to the payer of a captured payment."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import RefundStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.payments import Payment


class Refund(PublicIdModel):
    """One refund of a part or all of a payment.

    Its amount is reserved on the payment (`amount_refund_pending`) before the processor is called, where a CHECK
    keeps all refunds together within what was captured.
    """

    PREFIX: ClassVar[str] = "re"

    # One foreign key over owner and currency as well stands in the migrations instead of Django's simple one.
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds", db_constraint=False)
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in RefundStatus])
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=255, null=True)
    metadata = models.JSONField(default=dict)
    processor_reference = models.CharField(max_length=255, null=True)
    # Why it failed, as the API shows it.
    last_error = models.JSONField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            # What the composite foreign key of calls points to.
            models.UniqueConstraint(fields=["id", "payment"], name="refund_and_payment"),
        ]
        indexes = [
            models.Index(fields=["merchant_id", "mode", "-id"], name="refund_list"),
            # What is on its way back, which is not available for a payout.
            models.Index(
                fields=["merchant_id", "mode", "currency"],
                include=["amount"],
                condition=Q(status__in=["pending", "submitted", "unknown"]),
                name="refund_under_way",
            ),
        ]
