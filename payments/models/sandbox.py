"""The sandbox processor's own books.

They stand for another company's machine: nothing but `connectors.sandbox` reads or writes them, and no
foreign key leads here.
"""

from django.db import models
from django.db.models import F, Q

from payments.models.base import SHORT_TEXT


class SandboxCharge(models.Model):
    """What the sandbox knows of one card payment; the reference is what it gives us."""

    reference = models.CharField(max_length=SHORT_TEXT)
    payment_method = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    amount_authorized = models.BigIntegerField()
    amount_captured = models.BigIntegerField(default=0)
    amount_voided = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_authorized__gte=F("amount_captured") + F("amount_voided")),
                name="sandbox_charge_within_authorized",
            ),
            models.CheckConstraint(
                condition=Q(amount_captured__gte=F("amount_refunded")), name="sandbox_charge_refunded_within_captured"
            ),
            models.UniqueConstraint(fields=["reference"], name="sandbox_charge_reference_once"),
        ]


class SandboxPayout(models.Model):
    """What the sandbox knows of one transfer to a merchant's bank; the reference is what it gives us."""

    reference = models.CharField(max_length=SHORT_TEXT)
    destination = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    created_at = models.DateTimeField()
    # In transit until then.
    paid_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="sandbox_payout_amount_positive"),
            models.UniqueConstraint(fields=["reference"], name="sandbox_payout_reference_once"),
        ]


class SandboxRequest(models.Model):
    """One request the sandbox has executed, with its answer: the same key gets the same answer again."""

    idempotency_key = models.CharField(max_length=255)
    kind = models.CharField(max_length=SHORT_TEXT)
    answer = models.JSONField()
    created_at = models.DateTimeField()
    # What it moved, for the settlement report: null where nothing moved, negative where it went back to the payer.
    charge_reference = models.CharField(max_length=SHORT_TEXT, null=True)
    currency = models.CharField(max_length=3, null=True)
    moved = models.BigIntegerField(null=True)
    # The batch it is settled in; null until then.
    batch_reference = models.CharField(max_length=SHORT_TEXT, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["idempotency_key"], name="sandbox_request_once"),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(moved__isnull=False, batch_reference__isnull=True),
                name="sandbox_request_unsettled",
            ),
            models.Index(
                fields=["batch_reference", "id"],
                condition=Q(batch_reference__isnull=False),
                name="sandbox_request_batch",
            ),
        ]


class SandboxMovement(models.Model):
    """Money that the sandbox moved without a request of ours: a refund that came back, a dispute.

    `moved` is in minor units, negative where it was taken from us; `kind` is that of the line which settles it.
    """

    kind = models.CharField(max_length=SHORT_TEXT)
    processor_reference = models.CharField(max_length=SHORT_TEXT)
    currency = models.CharField(max_length=3)
    moved = models.BigIntegerField()
    # May lie ahead: it is settled once it has happened.
    occurred_at = models.DateTimeField()
    batch_reference = models.CharField(max_length=SHORT_TEXT, null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["occurred_at"], condition=Q(batch_reference__isnull=True), name="sandbox_movement_unsettled"
            ),
            models.Index(
                fields=["batch_reference", "id"],
                condition=Q(batch_reference__isnull=False),
                name="sandbox_movement_batch",
            ),
        ]


class SandboxBatch(models.Model):
    """One transfer to our bank: what moved in one currency between two settlement reports, less the fees."""

    reference = models.CharField(max_length=SHORT_TEXT, primary_key=True)
    # The report that lists it, together with the batches of other currencies.
    report = models.CharField(max_length=SHORT_TEXT)
    currency = models.CharField(max_length=3)
    closed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["closed_at", "reference"], name="sandbox_batch_by_time")]


class SandboxAction(models.Model):
    """What a payer has to decide on the sandbox's page, once; the reference is the page's secret name."""

    reference = models.CharField(max_length=SHORT_TEXT)
    # Of the authorization that waits for it.
    idempotency_key = models.CharField(max_length=255)
    payment_method = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    captures = models.BooleanField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decision = models.CharField(max_length=SHORT_TEXT, null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="sandbox_action_reference_once"),
            models.UniqueConstraint(fields=["idempotency_key"], name="sandbox_action_once"),
            models.CheckConstraint(
                condition=Q(decision__isnull=True, decided_at__isnull=True)
                | Q(decision__isnull=False, decided_at__isnull=False),
                name="sandbox_action_decided_at_a_moment",
            ),
        ]


class SandboxDispute(models.Model):
    """One dispute at the sandbox, and how it ends as things stand: lost when evidence falls due, unless it is answered.

    The sandbox takes `amount` and `fee` (minor units) back at `opened_at`, and gives both back at `closed_at` where it
    is `won`. A `closed_at` in the future has not come yet.
    """

    reference = models.CharField(max_length=SHORT_TEXT)
    charge_reference = models.CharField(max_length=SHORT_TEXT)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    opened_at = models.DateTimeField()
    evidence_due_at = models.DateTimeField()
    # When evidence or an acceptance came.
    responded_at = models.DateTimeField(null=True)
    won = models.BooleanField()
    closed_at = models.DateTimeField()
    # The news that nobody has answered in time, which is withdrawn once somebody does.
    expiry_event_id = models.CharField(max_length=SHORT_TEXT)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, fee__gte=0), name="sandbox_dispute_amounts"),
            models.UniqueConstraint(fields=["reference"], name="sandbox_dispute_reference_once"),
        ]
        indexes = [models.Index(fields=["charge_reference"], name="sandbox_dispute_of_charge")]


class SandboxNotice(models.Model):
    """News that the sandbox has for us, to be delivered at its time; two rows with one `event_id` are a duplicate."""

    event_id = models.CharField(max_length=SHORT_TEXT)
    payload = models.JSONField()
    deliver_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["deliver_at", "id"], condition=Q(delivered_at__isnull=True), name="sandbox_notice_due"
            ),
        ]
