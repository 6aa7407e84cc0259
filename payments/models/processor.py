"""Calls to processors: written down before they are made, and answered once."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from payments.lifecycles import EXCLUSIVE_CALL_STATUSES, OPEN_CALL_STATUSES, CallKind, CallStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.refunds import Refund


def _names(*kinds: CallKind, **named: bool) -> Q:
    """Return that calls of these kinds name these subjects, and no other."""
    subjects = {f"{subject}__isnull": subject not in named for subject in ("payment", "refund", "dispute", "payout")}
    return Q(kind__in=[kind.value for kind in kinds], **subjects)


class ProcessorCall(PublicIdModel):
    """One request to a processor. Its id is the idempotency key that the processor sees, for ever.

    Only status, outcome and the processor's references may change, along `lifecycles.PROCESSOR_CALL`; the
    database refuses the rest. A payment, each of its refunds and disputes, and a payout have at most one call whose
    answer is still open; beside a call that waits for the payer there may be one that gives it up.
    """

    PREFIX: ClassVar[str] = "call"

    # What it is about: a payment, one of its refunds or disputes, or a payout. One foreign key over owner and currency
    # as well stands in the migrations instead of each of Django's simple ones.
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="processor_calls", db_constraint=False, null=True
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="processor_calls", db_constraint=False, null=True
    )
    dispute = models.ForeignKey(
        Dispute, on_delete=models.PROTECT, related_name="processor_calls", db_constraint=False, null=True
    )
    payout = models.ForeignKey(
        Payout, on_delete=models.PROTECT, related_name="processor_calls", db_constraint=False, null=True
    )
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    connector = models.CharField(max_length=SHORT_TEXT)
    kind = models.CharField(max_length=SHORT_TEXT, choices=[(kind.value, kind.value) for kind in CallKind])
    amount = models.BigIntegerField()
    # An authorization that captures at once, or a capture that releases what it leaves.
    final = models.BooleanField()
    # Of a payout: the destination.
    payment_method = models.CharField(max_length=255)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in CallStatus])
    processor_reference = models.CharField(max_length=255, null=True)
    authorization_code = models.CharField(max_length=255, null=True)
    decline_code = models.CharField(max_length=SHORT_TEXT, null=True)
    advice_code = models.CharField(max_length=SHORT_TEXT, null=True)
    message = models.CharField(max_length=1000, null=True)
    # Where the payer was sent to by it.
    action_url = models.CharField(max_length=2000, null=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="processor_call_amount_positive"),
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(
                    status__in=[status.value for status in EXCLUSIVE_CALL_STATUSES],
                    refund__isnull=True,
                    dispute__isnull=True,
                ),
                name="processor_call_one_open_per_payment",
            ),
            # Whoever waits for the payer still holds the payer's money, or may: no other card is asked meanwhile.
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(kind=CallKind.AUTHORIZE.value, status__in=[status.value for status in OPEN_CALL_STATUSES]),
                name="processor_call_one_open_authorization",
            ),
            models.UniqueConstraint(
                fields=["refund"],
                condition=Q(status__in=[status.value for status in OPEN_CALL_STATUSES]),
                name="processor_call_one_open_per_refund",
            ),
            models.UniqueConstraint(
                fields=["dispute"],
                condition=Q(status__in=[status.value for status in OPEN_CALL_STATUSES]),
                name="processor_call_one_open_per_dispute",
            ),
            models.UniqueConstraint(
                fields=["payout"],
                condition=Q(status__in=[status.value for status in OPEN_CALL_STATUSES]),
                name="processor_call_one_open_per_payout",
            ),
            models.CheckConstraint(
                condition=_names(CallKind.REFUND, payment=True, refund=True)
                | _names(CallKind.SUBMIT_EVIDENCE, CallKind.ACCEPT_DISPUTE, payment=True, dispute=True)
                | _names(CallKind.PAYOUT, payout=True)
                | _names(CallKind.AUTHORIZE, CallKind.CAPTURE, CallKind.VOID, payment=True),
                name="processor_call_names_its_subject",
            ),
            # What the composite foreign keys of journal entries, settlement lines and discrepancies point to.
            models.UniqueConstraint(fields=["id", "payment"], name="processor_call_and_payment"),
        ]
        indexes = [
            # What a processor's news and settlement reports name.
            models.Index(fields=["processor_reference"], name="processor_call_by_reference"),
            # The doubts, oldest first: few rows at any time.
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status__in=["created", "unknown"]),
                name="processor_call_doubts",
            ),
            # What was answered in a while: the search for what no report settles goes by it.
            BrinIndex(fields=["answered_at"], name="processor_call_by_answer"),
        ]


class CallInDoubt(ProcessorCall):
    """A call of which nobody knows yet what became of it: the same rows, as a queue for staff."""

    class Meta:
        proxy = True
        verbose_name = "doubt"
