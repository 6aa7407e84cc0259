"""The double-entry ledger: accounts, entries, lines, and checkpoints of balances.

Entries and lines are written once and never changed; a mistake is corrected by another entry. A balance is
the last checkpoint plus the lines after it, so that no row is updated on the way of a payment.
"""

from enum import StrEnum
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.disputes import Dispute
from payments.models.merchants import Merchant
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall
from payments.models.reconciliation import Discrepancy, Report
from payments.models.transaction_ids import TransactionIdField, transactions_index


class Direction(StrEnum):
    """The side of a line."""

    DEBIT = "debit"
    CREDIT = "credit"


class Layer(StrEnum):
    """Money that is only promised (`pending`, an authorization) or that is owed (`posted`)."""

    PENDING = "pending"
    POSTED = "posted"


class AccountCode(StrEnum):
    """The chart of accounts; each merchant has one account of a code in every currency and mode."""

    PSP_RECEIVABLE = "psp_receivable"
    MERCHANT_PAYABLE = "merchant_payable"
    FEE_INCOME = "fee_income"
    PSP_FEE_EXPENSE = "psp_fee_expense"
    CASH = "cash"
    PAYOUT_IN_TRANSIT = "payout_in_transit"
    DISPUTE_HOLD = "dispute_hold"


class EntryKind(StrEnum):
    """What happened, in the ledger's words."""

    PAYMENT_AUTHORIZED = "payment_authorized"
    PAYMENT_CAPTURED = "payment_captured"
    PAYMENT_CANCELED = "payment_canceled"
    PAYMENT_EXPIRED = "payment_expired"
    PLATFORM_FEE = "platform_fee"
    REFUND_RESERVED = "refund_reserved"
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_RELEASED = "refund_released"
    REFUND_RETURNED = "refund_returned"
    SETTLEMENT = "settlement"
    PAYOUT_CREATED = "payout_created"
    PAYOUT_PAID = "payout_paid"
    PAYOUT_RELEASED = "payout_released"
    PAYOUT_RETURNED = "payout_returned"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    WRITE_OFF = "write_off"


def _written_by() -> TransactionIdField:
    return TransactionIdField(db_default=models.Func(function="pg_current_xact_id"), editable=False)


class LedgerAccount(models.Model):
    """An account of one merchant, in one currency and mode."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="ledger_accounts", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    code = models.CharField(max_length=SHORT_TEXT, choices=[(code.value, code.value) for code in AccountCode])

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "mode", "currency", "code"], name="ledger_account_once_per_currency"
            ),
            models.UniqueConstraint(
                fields=["id", "merchant", "mode", "currency"], name="ledger_account_owner_and_currency"
            ),
        ]

    def __str__(self) -> str:
        """Return the code and currency."""
        return f"{self.code} {self.currency}"


_CAUSES = ("processor_call", "dispute", "payout", "report", "discrepancy")


def _caused_by(cause: str, **also: bool) -> Q:
    return Q(**{f"{name}__isnull": name != cause for name in _CAUSES}, **also)


class JournalEntry(PublicIdModel):
    """One event in the books; its lines sum to zero in each layer, which is checked at commit.

    It has exactly one cause: a processor call, a dispute, a payout, a settlement report or a discrepancy that was
    written off. A cause is booked in one way once at most; a report has an entry for each merchant in it.
    """

    PREFIX: ClassVar[str] = "je"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="journal_entries", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=SHORT_TEXT, choices=[(kind.value, kind.value) for kind in EntryKind])
    # One foreign key over owner and currency as well stands in the migrations instead of Django's simple one.
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="journal_entries", db_constraint=False, null=True
    )
    processor_call = models.ForeignKey(
        ProcessorCall,
        on_delete=models.PROTECT,
        related_name="journal_entries",
        db_constraint=False,
        db_index=False,
        null=True,
    )
    dispute = models.ForeignKey(
        Dispute,
        on_delete=models.PROTECT,
        related_name="journal_entries",
        db_constraint=False,
        db_index=False,
        null=True,
    )
    payout = models.ForeignKey(
        Payout,
        on_delete=models.PROTECT,
        related_name="journal_entries",
        db_constraint=False,
        db_index=False,
        null=True,
    )
    report = models.ForeignKey(
        Report, on_delete=models.PROTECT, related_name="journal_entries", db_index=False, null=True
    )
    discrepancy = models.ForeignKey(
        Discrepancy,
        on_delete=models.PROTECT,
        related_name="journal_entries",
        db_constraint=False,
        db_index=False,
        null=True,
    )
    effective_at = models.DateTimeField()
    # The entry's lines as the API shows them, where `operations.balances.list_entries` has read them along.
    line_items: list[dict[str, Any]]
    # Lines are taken in by this transaction only: an entry is closed for good when it commits.
    transaction_id = _written_by()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(
                fields=["id", "merchant", "mode", "currency"], name="journal_entry_owner_and_currency"
            ),
            models.UniqueConstraint(fields=["processor_call", "kind"], name="journal_entry_once_per_call"),
            # The rarer causes have indexes of their own entries alone, so that a payment's do not pay for them.
            *(
                models.UniqueConstraint(
                    fields=[cause, "kind"],
                    condition=Q(**{f"{cause}__isnull": False}),
                    name=f"journal_entry_once_per_{cause}",
                )
                for cause in ("dispute", "payout", "discrepancy")
            ),
            models.CheckConstraint(
                condition=_caused_by("processor_call", payment__isnull=False)
                | _caused_by("dispute", payment__isnull=False)
                | _caused_by("payout", payment__isnull=True)
                | _caused_by("report", payment__isnull=True)
                | _caused_by("discrepancy"),
                name="journal_entry_has_one_cause",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="journal_entry_list"),
            models.Index(fields=["report"], condition=Q(report__isnull=False), name="journal_entry_of_report"),
            transactions_index("journal_entry_transactions"),
        ]


class JournalLine(models.Model):
    """One side of an entry: `amount` minor units, debited or credited to an account."""

    # One foreign key over owner and currency as well stands in the migrations instead of Django's simple one.
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines", db_constraint=False)
    account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False
    )
    merchant_id = models.UUIDField()
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    currency = models.CharField(max_length=3)
    direction = models.CharField(max_length=6, choices=[(side.value, side.value) for side in Direction])
    layer = models.CharField(max_length=7, choices=[(layer.value, layer.value) for layer in Layer])
    amount = models.BigIntegerField()
    transaction_id = _written_by()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="journal_line_amount_positive"),
            models.CheckConstraint(
                condition=Q(direction__in=[side.value for side in Direction]), name="journal_line_direction_known"
            ),
            models.CheckConstraint(
                condition=Q(layer__in=[layer.value for layer in Layer]), name="journal_line_layer_known"
            ),
        ]
        indexes = [
            # Balances are summed from this index alone.
            models.Index(
                fields=["account", "layer", "transaction_id"],
                include=["direction", "amount"],
                name="journal_line_balance",
            ),
        ]


class BalanceCheckpoint(models.Model):
    """The sums of one account's layer over every line that transactions below `below_transaction_id` wrote.

    Checkpoints are derived and may be deleted at any time. Transaction ids mean something within one database
    cluster only, so a checkpoint names its cluster: after a dump and restore the old ones are passed over.
    """

    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="checkpoints", db_index=False)
    layer = models.CharField(max_length=7, choices=[(layer.value, layer.value) for layer in Layer])
    cluster_id = models.BigIntegerField()
    below_transaction_id = TransactionIdField()
    debit_total = models.BigIntegerField()
    credit_total = models.BigIntegerField()
    # The latest effective_at among the lines that are summed up here.
    effective_through = models.DateTimeField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "layer", "cluster_id", "below_transaction_id"], name="balance_checkpoint_once"
            ),
        ]
