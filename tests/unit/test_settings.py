"""Settings: what is secret has no default where others are served."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from django.core.exceptions import ImproperlyConfigured

COMPLETE = {
    "PAYMENTS_ENVIRONMENT": "production",
    "PAYMENTS_SECRET_KEY": "x" * 50,
    "PAYMENTS_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "PAYMENTS_ALLOWED_HOSTS": "payments.example.com",
    "PAYMENTS_PUBLIC_URL": "https://payments.example.com/",
    "DATABASE_URL": "postgresql://payments:secret@db/payments",
}
SETTINGS = Path(__file__).parents[2] / "platform_site" / "settings.py"
DEPLOYED = ("staging", "production")


def load_settings(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> dict[str, Any]:
    """Load the settings afresh, beside those of the tests, where there are only these variables of ours."""
    for name in list(os.environ):
        if name.startswith(("PAYMENTS_", "DATABASE_")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SETTINGS))


def test_production_loads_with_everything_set(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_settings(monkeypatch, COMPLETE)

    assert (loaded["PUBLIC_URL"], loaded["SESSION_COOKIE_SECURE"]) == ("https://payments.example.com", True)


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_production_stops_at_a_missing_variable_and_names_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{name} is not set: "):
        load_settings(monkeypatch, {other: value for other, value in COMPLETE.items() if other != name})


def test_a_database_url_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="^DATABASE_URL is not a PostgreSQL URL"):
        load_settings(monkeypatch, COMPLETE | {"DATABASE_URL": "mysql://localhost/payments"})


@pytest.mark.parametrize("environment", DEPLOYED)
def test_webhooks_to_this_machine_are_refused_where_others_are_served(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    changes = {"PAYMENTS_ENVIRONMENT": environment, "PAYMENTS_WEBHOOK_ALLOW_LOOPBACK": "true"}

    with pytest.raises(ImproperlyConfigured) as refusal:
        load_settings(monkeypatch, COMPLETE | changes)

    assert str(refusal.value) == (
        f"PAYMENTS_WEBHOOK_ALLOW_LOOPBACK is for local development only, not for {environment}"
    )


@pytest.mark.parametrize("environment", DEPLOYED)
def test_another_server_than_stripe_s_is_refused_where_others_are_served(
    monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    changes = {"PAYMENTS_ENVIRONMENT": environment, "PAYMENTS_STRIPE_API_BASE": "http://127.0.0.1:8420"}

    with pytest.raises(ImproperlyConfigured, match="^PAYMENTS_STRIPE_API_BASE is 'http://127.0.0.1:8420'"):
        load_settings(monkeypatch, COMPLETE | changes)


def test_another_server_may_stand_in_for_stripe_on_one_s_own_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"PAYMENTS_ENVIRONMENT": "local", "PAYMENTS_STRIPE_API_BASE": "http://127.0.0.1:8420/"}

    assert load_settings(monkeypatch, COMPLETE | changes)["PAYMENTS_STRIPE_API_BASE"] == "http://127.0.0.1:8420"


def test_nothing_starts_where_python_leaves_out_assertions() -> None:
    command = [sys.executable, "-O", "-c", "import platform_site.settings"]

    started = subprocess.run(command, cwd=SETTINGS.parents[1], capture_output=True, text=True, check=False)

    assert started.returncode == 1
    assert "ImproperlyConfigured: start Python without -O" in started.stderr
