"""The inbox: what processors tell us, stored as it came and applied later."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import ProcessorEventStatus
from payments.models.base import SHORT_TEXT, PublicIdModel
from payments.models.processor_accounts import ProcessorAccount


class ProcessorEvent(PublicIdModel):
    """One piece of news, once, however often it is delivered.

    `object_reference` names what it is about in the processor's words; of two about the same object the one with the
    later `occurred_at`, which is the processor's clock, is the truth.
    """

    PREFIX: ClassVar[str] = "pev"

    connector = models.CharField(max_length=SHORT_TEXT)
    # Whose account it is news of; null of what comes to the platform itself.
    account = models.ForeignKey(ProcessorAccount, on_delete=models.PROTECT, null=True, db_index=False)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=SHORT_TEXT)
    object_reference = models.CharField(max_length=255)
    payload = models.JSONField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    status = models.CharField(
        max_length=SHORT_TEXT, choices=[(status.value, status.value) for status in ProcessorEventStatus]
    )
    # What came of it, for people.
    detail = models.CharField(max_length=1000, null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connector", "account", "event_id"], nulls_distinct=False, name="processor_event_once"
            ),
            models.CheckConstraint(
                condition=Q(status="received", settled_at__isnull=True)
                | (~Q(status="received") & Q(settled_at__isnull=False)),
                name="processor_event_settled_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["object_reference", "connector", "occurred_at"], name="processor_event_of_object"),
            # For staff, who search over all connectors.
            models.Index(fields=["event_id"], name="processor_event_by_id"),
        ]


class NewsReplay(PublicIdModel):
    """Staff had a piece of news applied again: who and why, where it stood before, and what came of it."""

    PREFIX: ClassVar[str] = "rpl"

    event = models.ForeignKey(ProcessorEvent, on_delete=models.PROTECT, related_name="replays")
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=1000)
    status_before = models.CharField(max_length=SHORT_TEXT)
    detail_before = models.CharField(max_length=1000, null=True)
    status_after = models.CharField(max_length=SHORT_TEXT)
    detail_after = models.CharField(max_length=1000, null=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "replay"
        constraints = [
            models.CheckConstraint(condition=~Q(by="") & ~Q(reason=""), name="news_replay_says_who_and_why"),
            models.CheckConstraint(condition=~Q(status_before="applied"), name="news_replay_was_not_applied"),
        ]
