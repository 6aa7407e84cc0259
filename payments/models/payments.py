"""Payments: what a payer owes a merchant, and how much of it was authorized and captured."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from payments.lifecycles import CaptureMethod, Mode, PaymentStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.merchants import Merchant

_CLOSED_WITHOUT_RESERVE = [
    status.value
    for status in (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED, PaymentStatus.FAILED, PaymentStatus.EXPIRED)
]


class Payment(PublicIdModel):
    """One payment; amounts are integers of the currency's minor unit.

    The database refuses every status that `lifecycles.PAYMENT` does not allow after the present one, and
    every change of merchant, mode, amount, currency or capture method.
    """

    PREFIX: ClassVar[str] = "pay"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="payments", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in PaymentStatus])
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    capture_method = models.CharField(
        max_length=SHORT_TEXT, choices=[(method.value, method.value) for method in CaptureMethod]
    )
    amount_authorized = models.BigIntegerField(default=0)
    amount_capturable = models.BigIntegerField(default=0)
    amount_captured = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    # Refunds in flight: reserved, and not yet given back or failed.
    amount_refund_pending = models.BigIntegerField(default=0)
    amount_disputed = models.BigIntegerField(default=0)
    # What we have charged the merchant for its captures, by the terms of `PlatformFee`.
    platform_fee = models.BigIntegerField(default=0)
    payment_method = models.CharField(max_length=255, null=True)
    merchant_reference = models.CharField(max_length=255, null=True)
    description = models.CharField(max_length=1000, null=True)
    metadata = models.JSONField(default=dict)
    connector = models.CharField(max_length=SHORT_TEXT, null=True)
    # The processor's own id for the authorization: what captures and voids refer to.
    processor_reference = models.CharField(max_length=255, null=True)
    authorization_code = models.CharField(max_length=255, null=True)
    # What the last attempt failed with, as the API shows it; null once an attempt succeeds.
    last_error = models.JSONField(null=True)
    # Where the payer has to go while the payment `requires_action`, and comes back to afterwards.
    next_action_url = models.CharField(max_length=2000, null=True)
    return_url = models.CharField(max_length=2000, null=True)
    # Until when it may be paid (null: for ever), and, once authorized, until when the reserve holds.
    expires_at = models.DateTimeField(null=True)
    authorization_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=[mode.value for mode in Mode]), name="payment_mode_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="payment_currency_upper_case"),
            models.CheckConstraint(
                condition=Q(amount_capturable__gte=0, amount_captured__gte=0, amount_refunded__gte=0)
                & Q(amount_refund_pending__gte=0, amount_disputed__gte=0, platform_fee__gte=0),
                name="payment_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(amount_authorized__lte=F("amount")), name="payment_authorized_within_amount"
            ),
            models.CheckConstraint(
                condition=Q(amount_authorized__gte=F("amount_captured") + F("amount_capturable")),
                name="payment_captured_within_authorized",
            ),
            models.CheckConstraint(
                condition=Q(amount_captured__gte=F("amount_refunded") + F("amount_refund_pending")),
                name="payment_refunded_within_captured",
            ),
            models.CheckConstraint(
                condition=Q(amount_disputed__lte=F("amount_captured")), name="payment_disputed_within_captured"
            ),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(amount_captured__gt=0),
                name="payment_succeeded_has_captured",
            ),
            models.CheckConstraint(
                condition=~Q(status="requires_capture") | Q(amount_capturable__gt=0),
                name="payment_requires_capture_has_capturable",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=_CLOSED_WITHOUT_RESERVE) | Q(amount_capturable=0),
                name="payment_closed_reserves_nothing",
            ),
            models.CheckConstraint(
                condition=Q(amount_captured__gte=F("platform_fee")), name="payment_fee_within_captured"
            ),
            models.CheckConstraint(
                condition=Q(status="requires_action", next_action_url__isnull=False)
                | (~Q(status="requires_action") & Q(next_action_url__isnull=True)),
                name="payment_requires_action_has_address",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"], name="payment_merchant_reference_once"
            ),
            # What the composite foreign keys of everything about a payment point to.
            models.UniqueConstraint(fields=["id", "merchant", "mode", "currency"], name="payment_owner_and_currency"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="payment_list"),
            models.Index(fields=["merchant", "mode", "status", "-id"], name="payment_list_by_status"),
            # For staff, who search over all merchants.
            models.Index(fields=["merchant_reference"], name="payment_by_reference"),
            models.Index(fields=["processor_reference"], name="payment_by_processor_ref"),
            models.Index(fields=["amount", "-id"], name="payment_by_amount"),
            # What the sweeps look for: few rows at any time.
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=["requires_payment_method", "requires_confirmation"]),
                name="payment_expiring",
            ),
            models.Index(
                fields=["authorization_expires_at"],
                condition=Q(status="requires_capture"),
                name="payment_authorization_expiring",
            ),
            BrinIndex(fields=["created_at"], name="payment_by_day"),
        ]
