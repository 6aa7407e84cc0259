"""Whether an account's processor answers, as all processes know it together."""

from django.db import models
from django.db.models import Q

from payments.lifecycles import CircuitBreakerStatus
from payments.models.base import SHORT_TEXT
from payments.models.processor_accounts import ProcessorAccount


class CircuitBreaker(models.Model):
    """The calls of one account that went unanswered, one after the other; `open` keeps new payments away from it.

    There is no row for an account that has always answered. The sandbox has none: its faults are ordered.
    """

    account = models.OneToOneField(ProcessorAccount, on_delete=models.PROTECT, related_name="circuit_breaker")
    status = models.CharField(
        max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in CircuitBreakerStatus]
    )
    # Since the last answer, the first of them at `failing_since`.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    # From then on one payment may try whether the processor answers again.
    retry_at = models.DateTimeField(null=True)
    # How long it was opened for.
    open_seconds = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status="closed", retry_at__isnull=True) | (~Q(status="closed") & Q(retry_at__isnull=False)),
                name="circuit_breaker_retried_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(failures=0, failing_since__isnull=True) | Q(failures__gt=0, failing_since__isnull=False),
                name="circuit_breaker_failing_since_a_time",
            ),
        ]

    def __str__(self) -> str:
        """Return whose it is."""
        return f"{self.account.connector}/{self.account.public_id}"
