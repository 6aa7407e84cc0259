"""A project so small that a gate is done with it in seconds: each layer is a package with next to nothing in it."""

from tests.pipeline.trees import Tree

_SETTINGS = '''"""Settings."""

SECRET_KEY = "a key"
INSTALLED_APPS = ["django.contrib.contenttypes", "payments"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
'''
_PAYMENTS = '''"""What is done with payments."""

from payments.money import Money, Price


class Paid(Money):
    """Money that arrived."""

    def doubled(self, times: int) -> int:
        """Return it twice, and again."""
        return self.amount * 2 * times


def pay(*, amount: int) -> int:
    """Return what is paid."""
    return Price(amount).doubled(1)
'''
_MONEY = '''"""Money."""


class Money:
    """An amount."""

    def __init__(self, amount: int) -> None:
        """Take the amount."""
        self.amount = amount

    def doubled(self, times: int) -> int:
        """Return it, that many times."""
        return self.amount * times


class Price(Money):
    """What it costs."""
'''
_CONFTEST = '''"""Django, before anything else."""

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "platform_site.settings"
django.setup()
'''
_TEST = '''"""Payments are paid."""

from payments.api import GOOD
from payments.connectors.stripe import VERSION
from payments.money import Money
from payments.operations.payments import Paid, pay


def test_it_is_paid() -> None:
    assert pay(amount=2) == 2
    assert Paid(2).doubled(2) == 8
    assert Money(2).doubled(3) == 6
    assert GOOD == 200
    assert VERSION
'''
_PACKAGES = (
    *("payments.admin", "payments.ledger", "payments.management", "payments.models", "payments.tasks"),
    *("payments.connectors", "payments.connectors.stripe", "payments.webhook_sender", "payments.operations"),
    *("payments", "perf", "platform_site", "tests", "tests.unit"),
)
FILES = {
    **{f"{package.replace('.', '/')}/__init__.py": f'"""The package {package}."""\n' for package in _PACKAGES},
    "payments/api/__init__.py": '"""The API."""\n\nfrom rest_framework import status\n\nGOOD = status.HTTP_200_OK\n',
    "payments/connectors/stripe/__init__.py": '"""Stripe."""\n\nimport stripe\n\nVERSION = stripe.VERSION\n',
    "payments/money.py": _MONEY,
    "payments/operations/payments.py": _PAYMENTS,
    "platform_site/settings.py": _SETTINGS,
    "perf/load.py": '"""Load."""\n\nfrom perf import users\n\nLOAD = users\n',
    "perf/loads.py": '"""Loads."""\n\nLOADS = (\n' + "".join(f"    {load}.5,\n" for load in range(13)) + ")\n",
    "perf/users.py": '"""Users."""\n\nUSERS = 1\n',
    "manage.py": '"""Nothing to manage."""\n',
    "tests/conftest.py": _CONFTEST,
    "tests/unit/test_payments.py": _TEST,
}


def plant_skeleton(tree: Tree) -> Tree:
    """Put the small project into the copy, which has the gates and their configuration, and commit it."""
    for path, text in FILES.items():
        tree.plant(path, text)
    tree.plant(".gitignore", ".nox/\nreports/\n.mypy_cache/\n.import_linter_cache/\n__pycache__/\n")
    tree.commit("A project with little in it")
    return tree
