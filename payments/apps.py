"""The app's configuration."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """Registers the payments app."""

    name = "payments"
    verbose_name = "Payments"
