"""Merchants, and what they are charged."""

from typing import ClassVar

from django.db import models

from payments.models.base import PublicIdModel


class Merchant(PublicIdModel):
    """A team or company that takes payments through the platform."""

    PREFIX: ClassVar[str] = "mer"

    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        """Return the name people know the merchant by."""
        return self.name


class PlatformFee(models.Model):
    """What the platform charges one merchant for captures in one currency: a share and a fixed part of each payment."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="platform_fees", db_index=False)
    currency = models.CharField(max_length=3)
    fee_bps = models.PositiveIntegerField("share in basis points", default=0)
    # In minor units of the currency.
    fixed_amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "currency"], name="platform_fee_once_per_currency"),
            models.CheckConstraint(condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="platform_fee_currency"),
            models.CheckConstraint(
                condition=models.Q(fee_bps__lte=10_000, fixed_amount__gte=0), name="platform_fee_within_bounds"
            ),
        ]

    def __str__(self) -> str:
        """Return the terms: `290 bps + 30 EUR (minor units)`."""
        return f"{self.fee_bps} bps + {self.fixed_amount} {self.currency} (minor units)"
