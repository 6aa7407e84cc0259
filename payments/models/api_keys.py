"""API keys, and the meters of how much each is used."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from payments import scopes
from payments.models.base import MODE_CHOICES, SHORT_TEXT, PublicIdModel
from payments.models.merchants import Merchant


def every_scope() -> list[str]:
    """Return what a key holds that may do everything."""
    return [scopes.ALL]


class NetworkField(models.Field):  # type: ignore[type-arg]
    """An IPv4 or IPv6 network, as text: `192.0.2.0/24`. PostgreSQL takes nothing that is none."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return PostgreSQL's type of networks."""
        return "cidr"


class ApiKey(PublicIdModel):
    """A secret key of one merchant in one mode, and what it may do; only its hash is stored."""

    PREFIX: ClassVar[str] = "key"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="api_keys")
    mode = models.CharField(max_length=4, choices=MODE_CHOICES)
    name = models.CharField(max_length=200)
    key_hash = models.CharField(max_length=64)
    last_four = models.CharField(max_length=4)
    # A word that is no scope allows nothing.
    scopes = ArrayField(models.CharField(max_length=SHORT_TEXT), default=every_scope)
    # None: from anywhere.
    allowed_networks = ArrayField(NetworkField(), default=list)
    # Null: what the settings say.
    rate_limit_per_second = models.IntegerField(null=True)
    rate_limit_burst = models.IntegerField(null=True)
    created_at = models.DateTimeField()
    # To the minute.
    last_used_at = models.DateTimeField(null=True)
    # Rolled: the key that takes its place, and when it ends.
    replaced_by = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaces")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=models.Q(mode__in=["test", "live"]), name="api_key_mode_known"),
            models.UniqueConstraint(fields=["key_hash"], name="api_key_hash_once"),
            models.CheckConstraint(condition=models.Q(scopes__len__gt=0), name="api_key_has_scopes"),
            models.CheckConstraint(
                condition=models.Q(
                    rate_limit_per_second__isnull=False,
                    rate_limit_burst__isnull=False,
                    rate_limit_per_second__gt=0,
                    rate_limit_burst__gt=0,
                )
                | models.Q(rate_limit_per_second__isnull=True, rate_limit_burst__isnull=True),
                name="api_key_rate_limit_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(replaced_by__isnull=True)
                | (models.Q(expires_at__isnull=False) & ~models.Q(replaced_by=models.F("id"))),
                name="api_key_replaced_ends",
            ),
            # What a composite foreign key points to: a key is replaced by one of the same merchant and mode.
            models.UniqueConstraint(fields=["id", "merchant", "mode"], name="api_key_owner"),
        ]

    @property
    def hint(self) -> str:
        """Return enough of the key to tell it from others: `sk_test_…a1B2`."""
        return f"sk_{self.mode}_…{self.last_four}"


class ApiKeyMeter(models.Model):
    """How much of its rate limit a key has used: one moment.

    Were requests to arrive exactly at the limit's rate, this is when the next one would. The further it lies in the
    future, the more of the burst is used. The table is unlogged: a request waits for no disk, and after a crash each
    key begins with its full burst.
    """

    api_key = models.OneToOneField(ApiKey, on_delete=models.PROTECT, primary_key=True, related_name="meter")
    theoretical_arrival_at = models.DateTimeField()

    def __str__(self) -> str:
        """Return the moment."""
        return f"{self.api_key_id}: {self.theoretical_arrival_at}"
