"""Payouts: what goes to a merchant's bank, by request or by a schedule."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import Mode, PayoutInterval, PayoutStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.merchants import Merchant


class Payout(PublicIdModel):
    """One transfer of what a merchant is owed to the merchant's bank.

    Its amount leaves `merchant_payable` when the payout is written, under a lock on that account.
    """

    PREFIX: ClassVar[str] = "po"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="payouts", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in PayoutStatus])
    amount = models.BigIntegerField()
    # The processor's token for the merchant's bank account.
    destination = models.CharField(max_length=255)
    connector = models.CharField(max_length=SHORT_TEXT)
    # The day whose schedule made it; null, if somebody asked for it.
    scheduled_for = models.DateField(null=True)
    description = models.CharField(max_length=1000, null=True)
    metadata = models.JSONField(default=dict)
    processor_reference = models.CharField(max_length=255, null=True)
    # Why it failed or came back, as the API shows it.
    last_error = models.JSONField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=[mode.value for mode in Mode]), name="payout_mode_known"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="payout_currency_upper_case"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payout_amount_positive"),
            models.UniqueConstraint(
                fields=["merchant", "mode", "currency", "scheduled_for"], name="payout_once_a_scheduled_day"
            ),
            models.UniqueConstraint(fields=["connector", "processor_reference"], name="payout_reference_once"),
            # What the composite foreign keys of calls, journal entries and discrepancies point to.
            models.UniqueConstraint(fields=["id", "merchant", "mode", "currency"], name="payout_owner_and_currency"),
        ]
        indexes = [models.Index(fields=["merchant", "mode", "-id"], name="payout_list")]


class PayoutSchedule(models.Model):
    """Where, and how often, one merchant's money in one currency is paid out."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="payout_schedules", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    interval = models.CharField(
        max_length=SHORT_TEXT, choices=[(interval.value, interval.value) for interval in PayoutInterval]
    )
    # 0 is Monday; null, unless the interval is weekly.
    weekday = models.PositiveSmallIntegerField(null=True, blank=True)
    destination = models.CharField(max_length=255)
    # Less than this many minor units stays until the next time.
    minimum_amount = models.BigIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "currency"], name="payout_schedule_once_per_currency"),
            models.CheckConstraint(
                condition=Q(mode__in=[mode.value for mode in Mode]), name="payout_schedule_mode_known"
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="payout_schedule_currency"),
            # That there is a weekday is said too: of a null, PostgreSQL would take any bounds for kept.
            models.CheckConstraint(
                condition=Q(interval="weekly", weekday__isnull=False, weekday__lte=6)
                | Q(interval__in=["manual", "daily"], weekday__isnull=True),
                name="payout_schedule_weekday",
            ),
            models.CheckConstraint(condition=Q(minimum_amount__gt=0), name="payout_schedule_minimum_positive"),
        ]

    def __str__(self) -> str:
        """Return what the schedule says."""
        return f"{self.currency} {self.interval} ({self.mode})"
