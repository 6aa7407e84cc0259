"""`manage.py seed_demo`: fill a developer's platform with something to look at."""

import os
import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments import conf
from payments.operations.demo import ensure_admin, ensure_demo

_VARIABLES = ("PAYMENTS_API_KEY", "PAYMENTS_ADMIN_USER", "PAYMENTS_ADMIN_PASSWORD")


class Command(BaseCommand):
    """Makes the demo merchants, their payments, one API key and one admin user; a second run changes nothing."""

    help = (
        "Make the demo merchants with their payments, the API key PAYMENTS_API_KEY and the admin user"
        " PAYMENTS_ADMIN_USER with PAYMENTS_ADMIN_PASSWORD. For local development only."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        """Seed, or say in one line why not."""
        if conf.environment() not in {"local", "test"}:
            raise CommandError(f"seed_demo is for local development, not for {conf.environment()}")
        missing = [name for name in _VARIABLES if not os.environ.get(name)]
        if missing:
            raise CommandError(f"seed_demo needs these variables in the environment: {', '.join(missing)}")
        api_key, username, password = (os.environ[name] for name in _VARIABLES)
        if not re.fullmatch("sk_test_[A-Za-z0-9]{32}", api_key):
            raise CommandError("PAYMENTS_API_KEY has to be sk_test_ and 32 letters or digits")
        try:
            merchant = ensure_demo(api_key=api_key, now=timezone.now())
        except ValueError as error:
            raise CommandError(f"PAYMENTS_API_KEY cannot be used: {error}; put another one there") from error
        ensure_admin(username=username, password=password)
        self.stdout.write(f"{merchant.name} takes payments with this key; {username} may look at them in the admin")
