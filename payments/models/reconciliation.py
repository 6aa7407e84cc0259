"""Reconciliation: settlement reports and bank statements as they were read, and what does not match."""

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import DiscrepancyStatus, RepairStatus
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.disputes import Dispute
from payments.models.merchants import Merchant
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall


class ReportFormat(StrEnum):
    """What a file that is reconciled is written in."""

    SETTLEMENT_CSV = "settlement_csv"
    CAMT_053 = "camt.053"
    MT940 = "mt940"


class Report(PublicIdModel):
    """One file, known by the digest of its bytes: the same file a second time goes on where the first reading ended."""

    PREFIX: ClassVar[str] = "rpt"

    name = models.CharField(max_length=255)
    format = models.CharField(max_length=SHORT_TEXT, choices=[(format.value, format.value) for format in ReportFormat])
    digest = models.CharField(max_length=64)
    # How many lines are read and committed.
    lines_read = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    # Null while it is being read, or its reading died.
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest"], name="report_digest_once")]


class SettlementLine(PublicIdModel):
    """One line of a processor's settlement report: what it credits (or, negative, debits) us for one movement.

    `gross`, `fee` and `net` (gross less fee) are in minor units. `line_reference` is the processor's own id of the
    line, so that a line that stands in two files counts once.
    """

    PREFIX: ClassVar[str] = "stl"

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="settlement_lines")
    line_number = models.PositiveIntegerField()
    connector = models.CharField(max_length=SHORT_TEXT)
    line_reference = models.CharField(max_length=255)
    # The processor's transfer to our bank that this line is a part of.
    batch_reference = models.CharField(max_length=255)
    kind = models.CharField(max_length=SHORT_TEXT)
    processor_reference = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    gross = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    # What it settles: a payment of the same currency, and a call or dispute of that payment. All null where it matches
    # nothing of ours. Foreign keys that say so stand in the migrations instead of Django's simple ones.
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="settlement_lines", null=True)
    processor_call = models.ForeignKey(
        ProcessorCall, on_delete=models.PROTECT, related_name="settlement_lines", db_constraint=False, null=True
    )
    dispute = models.ForeignKey(
        Dispute, on_delete=models.PROTECT, related_name="settlement_lines", db_constraint=False, null=True
    )
    # The entry of its report for the payment's merchant; null while it is not booked.
    journal_entry = models.ForeignKey(
        "payments.JournalEntry", on_delete=models.PROTECT, related_name="settlement_lines", null=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connector", "line_reference"], name="settlement_line_once"),
            models.CheckConstraint(
                condition=Q(net=models.F("gross") - models.F("fee")), name="settlement_line_adds_up"
            ),
            # Foreign keys over two columns say nothing where the other one is null.
            models.CheckConstraint(
                condition=Q(payment__isnull=False) | Q(processor_call__isnull=True, dispute__isnull=True),
                name="settlement_line_names_its_payment",
            ),
            # Whatever number of lines claims a movement, one of them is booked.
            models.UniqueConstraint(
                fields=["processor_call", "kind"],
                condition=Q(journal_entry__isnull=False),
                name="settlement_line_booked_once_per_call",
            ),
            models.UniqueConstraint(
                fields=["dispute", "kind"],
                condition=Q(journal_entry__isnull=False),
                name="settlement_line_booked_once_per_dispute",
            ),
        ]
        indexes = [
            models.Index(fields=["connector", "batch_reference"], name="settlement_line_batch"),
            # What a bank's entry names, whoever transferred it.
            models.Index(fields=["batch_reference"], name="settlement_line_by_batch"),
            models.Index(fields=["processor_reference"], name="settlement_line_by_reference"),
        ]


class BankLine(PublicIdModel):
    """One entry of a bank statement: money that came in, or (negative) went out, in minor units."""

    PREFIX: ClassVar[str] = "bnk"

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="bank_lines")
    line_number = models.PositiveIntegerField()
    account = models.CharField(max_length=64)
    bank_reference = models.CharField(max_length=255)
    # The remittance information, in which the processor's batch or our payout is named.
    text = models.CharField(max_length=2000)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    booking_date = models.DateField()
    value_date = models.DateField()
    batch_reference = models.CharField(max_length=255, null=True)
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="bank_lines", null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "bank_reference"], name="bank_line_once"),
        ]
        indexes = [models.Index(fields=["batch_reference"], name="bank_line_batch")]


class SettlementKind(StrEnum):
    """What a line of a settlement report is about. An `adjustment` that names a refund gives it back to us."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    ADJUSTMENT = "adjustment"


class DiscrepancyKind(StrEnum):
    """What does not match."""

    # A processor's news says what cannot be true beside what we have on record.
    CONTRADICTORY_NEWS = "contradictory_news"
    # News about something that is not ours, or that never came to be.
    UNKNOWN_OBJECT = "unknown_object"
    # A call in doubt, of which the processor could not say for days what became of it.
    UNRESOLVED_DOUBT = "unresolved_doubt"
    # A line of a settlement report that matches nothing of ours.
    UNKNOWN_MOVEMENT = "unknown_movement"
    # Settled with another amount than what we have on record.
    WRONG_AMOUNT = "wrong_amount"
    # A movement that was settled before.
    SETTLED_TWICE = "settled_twice"
    # Money taken or given back that no report settles in time.
    NOT_SETTLED = "not_settled"
    # A batch that the bank has not seen in time, or with another amount.
    BATCH_NOT_RECEIVED = "batch_not_received"
    WRONG_BATCH_AMOUNT = "wrong_batch_amount"
    # A bank entry that belongs to no batch and no payout.
    UNKNOWN_BANK_ENTRY = "unknown_bank_entry"
    # A payout that the bank shows with another amount.
    WRONG_PAYOUT_AMOUNT = "wrong_payout_amount"


class Discrepancy(PublicIdModel):
    """Something that does not match, until somebody has said why. `key` keeps the same one from opening twice.

    `amount` is what there is too much (or, negative, too little), in minor units of `currency`.
    """

    PREFIX: ClassVar[str] = "dis"

    key = models.CharField(max_length=300)
    kind = models.CharField(max_length=SHORT_TEXT, choices=[(kind.value, kind.value) for kind in DiscrepancyKind])
    status = models.CharField(
        max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in DiscrepancyStatus]
    )
    # Null where it is not known whose it is.
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="discrepancies", null=True)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES, null=True)
    currency = models.CharField(max_length=3, null=True)
    amount = models.BigIntegerField(default=0)
    detail = models.CharField(max_length=1000)
    # One foreign key over owner and currency as well stands in the migrations instead of each of Django's simple ones.
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="discrepancies", db_constraint=False, null=True
    )
    payout = models.ForeignKey(
        Payout, on_delete=models.PROTECT, related_name="discrepancies", db_constraint=False, null=True
    )
    processor_call = models.ForeignKey(ProcessorCall, on_delete=models.PROTECT, related_name="discrepancies", null=True)
    processor_event = models.ForeignKey(
        "payments.ProcessorEvent", on_delete=models.PROTECT, related_name="discrepancies", null=True
    )
    settlement_line = models.ForeignKey(
        SettlementLine, on_delete=models.PROTECT, related_name="discrepancies", null=True
    )
    bank_line = models.ForeignKey(BankLine, on_delete=models.PROTECT, related_name="discrepancies", null=True)
    # The staff member who looks after it.
    owner = models.CharField(max_length=150, null=True)
    resolution = models.CharField(max_length=1000, null=True)
    # Null where a later line cleared it up.
    resolved_by = models.CharField(max_length=150, null=True)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "discrepancies"
        constraints = [
            models.UniqueConstraint(fields=["key"], name="discrepancy_once"),
            models.CheckConstraint(
                condition=Q(status="open", resolution__isnull=True, resolved_by__isnull=True, resolved_at__isnull=True)
                | Q(status="resolved", resolution__isnull=False, resolution__regex=r"\S", resolved_at__isnull=False),
                name="discrepancy_resolved_with_reason",
            ),
            # Foreign keys over several columns say nothing where one of them is null.
            models.CheckConstraint(
                condition=Q(payment__isnull=True, payout__isnull=True, processor_call__isnull=True)
                | Q(merchant__isnull=False, mode__isnull=False, currency__isnull=False),
                name="discrepancy_names_its_owner",
            ),
            models.CheckConstraint(
                condition=Q(processor_call__isnull=True) | Q(payment__isnull=False) | Q(payout__isnull=False),
                name="discrepancy_names_the_subject_of_its_call",
            ),
            # What the composite foreign keys of journal entries point to.
            models.UniqueConstraint(
                fields=["id", "merchant", "mode", "currency"], name="discrepancy_owner_and_currency"
            ),
            models.UniqueConstraint(fields=["id", "payment"], name="discrepancy_and_payment"),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="discrepancy_list"),
            # The open ones, oldest first: few rows at any time.
            models.Index(fields=["created_at", "id"], condition=Q(status="open"), name="discrepancy_open"),
            models.Index(fields=["kind", "created_at", "id"], condition=Q(status="open"), name="discrepancy_open_kind"),
            # For staff: the open ones first, the oldest on top.
            models.Index(fields=["status", "created_at", "id"], name="discrepancy_by_age"),
        ]


class RepairAction(StrEnum):
    """What a repair says: what the processor did of a call in doubt, or that an amount is lost."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WRITE_OFF = "write_off"


class Sweep(models.Model):
    """How far a search for what is new, or missing, has come: what is older has been looked at, once for all."""

    subject = models.CharField(max_length=SHORT_TEXT, primary_key=True)
    through = models.DateTimeField()

    def __str__(self) -> str:
        """Return what is searched."""
        return self.subject


class Repair(PublicIdModel):
    """What one member of staff proposes to end a doubt with, and another approves or rejects."""

    PREFIX: ClassVar[str] = "rep"

    # The call in doubt that it gives an answer to, or the discrepancy whose amount it writes off.
    processor_call = models.ForeignKey(ProcessorCall, on_delete=models.PROTECT, related_name="repairs", null=True)
    discrepancy = models.ForeignKey(Discrepancy, on_delete=models.PROTECT, related_name="repairs", null=True)
    action = models.CharField(max_length=SHORT_TEXT, choices=[(action.value, action.value) for action in RepairAction])
    processor_reference = models.CharField(max_length=255, null=True)
    reason = models.CharField(max_length=1000)
    status = models.CharField(max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in RepairStatus])
    proposed_by = models.CharField(max_length=150)
    decided_by = models.CharField(max_length=150, null=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [
            ("propose_repair", "Can propose a repair"),
            ("approve_repair", "Can approve or reject a repair that another has proposed"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    processor_call__isnull=False, discrepancy__isnull=True, action__in=["succeeded", "declined"]
                )
                | Q(processor_call__isnull=True, discrepancy__isnull=False, action="write_off"),
                name="repair_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(reason__regex=r"\S"), name="repair_has_reason"),
            # Two people: what one has proposed, another approves. A proposal may be taken back by who made it.
            models.CheckConstraint(
                condition=Q(status="proposed", decided_by__isnull=True, decided_at__isnull=True)
                | (
                    Q(status="approved", decided_by__isnull=False, decided_at__isnull=False)
                    & ~Q(decided_by=models.F("proposed_by"))
                )
                | Q(status="rejected", decided_by__isnull=False, decided_at__isnull=False),
                name="repair_approved_by_another",
            ),
            # One proposal at a time, and none after one that was approved.
            models.UniqueConstraint(
                fields=["processor_call"],
                condition=Q(status__in=["proposed", "approved"]),
                name="repair_one_standing_per_call",
            ),
            models.UniqueConstraint(
                fields=["discrepancy"],
                condition=Q(status__in=["proposed", "approved"]),
                name="repair_one_standing_per_discrepancy",
            ),
        ]
