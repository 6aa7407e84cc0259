"""`manage.py rotate_encryption`: afterwards the newest key alone reads everything."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet

from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone

from payments.encryption import Undecryptable
from payments.models import WebhookEndpoint
from payments.operations import encryption_rotation
from payments.operations.encryption_rotation import encrypted_columns
from payments.operations.webhook_endpoints import rotate_secret
from tests.shop import Shop
from tests.webhooks import new_endpoint

NEW_KEY = Fernet.generate_key().decode()


def rotated_endpoints(shop: Shop, number: int) -> dict[str, tuple[str, str | None]]:
    """Return the secrets of endpoints that are in the middle of a rotation."""
    for _ in range(number):
        endpoint, now = new_endpoint(shop), timezone.now()
        rotate_secret(caller=shop.caller, endpoint_id=endpoint.pk, overlap=timedelta(hours=1), now=now)
    new_endpoint(shop)
    return secrets_of(shop)


def secrets_of(shop: Shop) -> dict[str, tuple[str, str | None]]:
    """Return the secrets of the shop's endpoints, decrypted."""
    found = WebhookEndpoint.objects.filter(merchant=shop.merchant)
    return {str(endpoint.pk): (endpoint.secret, endpoint.previous_secret) for endpoint in found}


def test_afterwards_the_newest_key_alone_reads_every_secret(
    shop: Shop, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption_rotation, "ROWS_AT_ONCE", 2)
    before = rotated_endpoints(shop, 4)
    written = StringIO()

    settings.PAYMENTS_ENCRYPTION_KEYS = [NEW_KEY, *settings.PAYMENTS_ENCRYPTION_KEYS]
    call_command("rotate_encryption", stdout=written)
    settings.PAYMENTS_ENCRYPTION_KEYS = [NEW_KEY]

    assert "the secrets of 5 rows" in written.getvalue()
    assert secrets_of(shop) == before
    assert len({secret for pair in before.values() for secret in pair if secret}) == 9


def test_without_it_the_newest_key_reads_nothing(shop: Shop, settings: Any) -> None:
    new_endpoint(shop)

    settings.PAYMENTS_ENCRYPTION_KEYS = [NEW_KEY]

    with pytest.raises(Undecryptable):
        secrets_of(shop)


def test_a_key_that_is_missing_is_one_line(shop: Shop, settings: Any) -> None:
    new_endpoint(shop)
    settings.PAYMENTS_ENCRYPTION_KEYS = [NEW_KEY]

    with pytest.raises(CommandError, match="PAYMENTS_ENCRYPTION_KEYS"):
        call_command("rotate_encryption")


def test_every_encrypted_column_is_found() -> None:
    found = {
        f"{model.__name__}.{column}"
        for model in apps.get_app_config("payments").get_models()
        for column in encrypted_columns(model)
    }

    assert {"WebhookEndpoint.secret", "WebhookEndpoint.previous_secret"} <= found
