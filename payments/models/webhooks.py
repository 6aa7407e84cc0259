"""Outgoing webhooks: where merchants want to be told of events, and how the telling goes."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from payments.lifecycles import DisabledReason, Mode, WebhookDeliveryStatus, WebhookEndpointStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.encrypted import EncryptedTextField
from payments.models.events import Event
from payments.models.merchants import Merchant

_PENDING = Q(status=WebhookDeliveryStatus.PENDING.value)


class WebhookEndpoint(PublicIdModel):
    """An address of one merchant's in one mode, and the events that are sent there.

    `event_types` are types or patterns (see `payments.event_types`). While a secret is being rotated the previous one
    signs as well, until `previous_secret_expires_at`. `failing_since` is the first failure after the last success.
    """

    PREFIX: ClassVar[str] = "we"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="webhook_endpoints", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    url = models.CharField(max_length=2000)
    description = models.CharField(max_length=500, null=True)
    event_types = ArrayField(models.CharField(max_length=SHORT_TEXT))
    # A later event is not sent before an earlier one has been delivered or given up.
    ordered = models.BooleanField(default=False)
    secret = EncryptedTextField()
    previous_secret = EncryptedTextField(null=True)
    previous_secret_expires_at = models.DateTimeField(null=True)
    status = models.CharField(
        max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in WebhookEndpointStatus]
    )
    disabled_reason = models.CharField(
        max_length=SHORT_TEXT, choices=[(reason.value, reason.value) for reason in DisabledReason], null=True
    )
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(mode__in=[mode.value for mode in Mode]), name="webhook_endpoint_mode_known"
            ),
            models.CheckConstraint(condition=Q(event_types__len__gt=0), name="webhook_endpoint_wants_something"),
            models.CheckConstraint(
                condition=Q(previous_secret__isnull=True, previous_secret_expires_at__isnull=True)
                | Q(previous_secret__isnull=False, previous_secret_expires_at__isnull=False),
                name="webhook_endpoint_previous_secret_ends",
            ),
            models.CheckConstraint(
                condition=Q(status="disabled", disabled_reason__isnull=False)
                | (~Q(status="disabled") & Q(disabled_reason__isnull=True)),
                name="webhook_endpoint_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status="deleted", deleted_at__isnull=False)
                | (~Q(status="deleted") & Q(deleted_at__isnull=True)),
                name="webhook_endpoint_deleted_at_a_time",
            ),
            # What the composite foreign key of deliveries points to.
            models.UniqueConstraint(fields=["id", "merchant", "mode"], name="webhook_endpoint_owner"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="webhook_endpoint_list"),
            # Those that the platform has given up, which staff look at.
            models.Index(
                fields=["id"], condition=Q(disabled_reason__in=["gone", "failing"]), name="webhook_endpoint_given_up"
            ),
        ]


class WebhookDelivery(PublicIdModel):
    """One event on its way to one endpoint; all pending rows together are the queue.

    Rows are made by the database, in the transaction of the event (trigger `fan_out`). Ids sort by the database's
    clock, so that those of one object's events sort as the events do.

    `next_attempt_at` is when it falls due. Whoever sends it puts that moment off first: if the sender dies, the
    delivery falls due again by itself. `attempts` counts what has been tried in all, `tries` since it was last queued.
    """

    PREFIX: ClassVar[str] = "whd"

    # A foreign key over the owner as well stands in the migrations instead of Django's simple one.
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    status = models.CharField(
        max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in WebhookDeliveryStatus]
    )
    attempts = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=(_PENDING & Q(next_attempt_at__isnull=False, finished_at__isnull=True))
                | (~_PENDING & Q(next_attempt_at__isnull=True, finished_at__isnull=False)),
                name="webhook_delivery_due_or_finished",
            ),
            models.CheckConstraint(condition=Q(tries__lte=F("attempts")), name="webhook_delivery_tries_are_attempts"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="webhook_delivery_list"),
            # The queue: what is due of an endpoint, and the oldest of one that keeps the order.
            models.Index(fields=["endpoint", "next_attempt_at"], condition=_PENDING, name="webhook_delivery_due"),
            models.Index(fields=["endpoint", "id"], condition=_PENDING, name="webhook_delivery_in_order"),
        ]


class DeliveryAttempt(models.Model):
    """One request to an endpoint, as it was sent and answered. `response_body` holds its first 4 KiB.

    `error` says why there is no answer. Attempts are never changed.
    """

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="attempt_log", db_index=False)
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    request_headers = models.JSONField()
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField()
    error = models.CharField(max_length=1000, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once"),
            models.CheckConstraint(
                condition=Q(response_status__isnull=False) | Q(error__isnull=False),
                name="delivery_attempt_answered_or_not",
            ),
        ]

    def __str__(self) -> str:
        """Return which attempt it is, and what came of it."""
        return f"{self.number}: {self.response_status or self.error}"
