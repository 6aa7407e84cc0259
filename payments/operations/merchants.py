"""Merchants: set up."""

from datetime import datetime

from payments.models.merchants import Merchant


def create_merchant(*, name: str, now: datetime) -> Merchant:
    """Create a merchant."""
    return Merchant.objects.create(name=name, created_at=now)
