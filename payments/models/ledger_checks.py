"""Runs of check_ledger: when, over how much, and with what result."""

from typing import ClassVar

from django.db import models

from payments.models.base import PublicIdModel
from payments.models.transaction_ids import TransactionIdField


class LedgerCheck(PublicIdModel):
    """One finished run of check_ledger.

    It has seen everything that transactions below `below_transaction_id` wrote. Transaction ids mean something within
    one database cluster only, so a run names its cluster.
    """

    PREFIX: ClassVar[str] = "chk"

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    seconds = models.FloatField()
    # Over everything, or over what was touched since the run before.
    full = models.BooleanField()
    differences = models.PositiveIntegerField()
    cluster_id = models.BigIntegerField()
    below_transaction_id = TransactionIdField()
    # SHA-256 of the rules, in hexadecimal: what other rules found clean, these have yet to look at.
    rules_digest = models.CharField(max_length=64)
