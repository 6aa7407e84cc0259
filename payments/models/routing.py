"""Which of its connectors takes a merchant's payment."""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from payments.lifecycles import Mode
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.merchants import Merchant

# So many connectors are tried for one payment at most.
CONNECTORS_MAX: Final = 3


class RoutingRule(PublicIdModel):
    """One rule of a merchant's: what it matches, and the connectors that take it, the first choice first.

    Of a merchant's rules the one with the lowest position that matches takes the payment. What is null matches
    everything. The database keeps `connectors` filled, short and without repetition (see the migration).
    """

    PREFIX: ClassVar[str] = "rule"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="routing_rules", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    position = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, null=True, blank=True)
    # Both included, in minor units of the currency.
    amount_from = models.BigIntegerField("from an amount of", null=True, blank=True)
    amount_to = models.BigIntegerField("up to an amount of", null=True, blank=True)
    payment_method_prefix = models.CharField("payment method begins with", max_length=255, null=True, blank=True)
    percentage = models.PositiveSmallIntegerField(default=100)
    connectors = ArrayField(models.CharField(max_length=SHORT_TEXT))
    is_enabled = models.BooleanField("in force", default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "position"], name="routing_rule_position_once"),
            models.CheckConstraint(condition=Q(mode__in=[mode.value for mode in Mode]), name="routing_rule_mode_known"),
            models.CheckConstraint(
                condition=Q(percentage__gte=1, percentage__lte=100), name="routing_rule_percentage_of_a_hundred"
            ),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="routing_rule_currency"),
            models.CheckConstraint(
                condition=Q(amount_from__isnull=True, amount_to__isnull=True) | Q(currency__isnull=False),
                name="routing_rule_amounts_have_currency",
            ),
            models.CheckConstraint(
                condition=Q(amount_from__gt=0) & Q(amount_to__gt=0) & Q(amount_from__lte=F("amount_to")),
                name="routing_rule_amounts_in_order",
            ),
            models.CheckConstraint(condition=~Q(payment_method_prefix=""), name="routing_rule_prefix_not_empty"),
        ]
