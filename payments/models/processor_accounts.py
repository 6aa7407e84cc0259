"""A merchant's own accounts at processors."""

import json
from typing import ClassVar

from django.db import models
from django.db.models import Q

from payments.lifecycles import Mode
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.encrypted import EncryptedTextField
from payments.models.merchants import Merchant


class ProcessorAccount(PublicIdModel):
    """One merchant's account at one processor, in one mode, with what it takes to speak for it.

    A disabled account takes no new payments; what it has taken is captured, refunded and asked about as before. The
    sandbox needs none.
    """

    PREFIX: ClassVar[str] = "pac"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="processor_accounts", db_index=False)
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    connector = models.CharField(max_length=SHORT_TEXT)
    is_enabled = models.BooleanField("takes new payments", default=True)
    # A JSON object of texts; which, the connector says.
    encrypted_credentials = EncryptedTextField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "mode", "connector"], name="processor_account_once"),
            models.CheckConstraint(
                condition=Q(mode__in=[mode.value for mode in Mode]), name="processor_account_mode_known"
            ),
        ]

    @property
    def credentials(self) -> dict[str, str]:
        """Return what the connector needs, by name. It is secret."""
        found: dict[str, str] = json.loads(self.encrypted_credentials)
        return found
