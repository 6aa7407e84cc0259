"""What the code promises about itself: short modules and functions, one version, protected rows, two transactions."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from django.apps import apps
from django.db.models import PROTECT, ForeignKey

import payments

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# Written by Django, and as long as the tables are many.
GENERATED = {"payments/migrations/0001_initial.py"}
# Where a transaction may be a part of the caller's: each is one statement or one snapshot of its own.
ATOMIC_WITHOUT_DURABLE = {
    "payments/operations/balances.py:checkpoint_balances",
    "payments/operations/ledger_check/runs.py:_look",
}

SOURCES = sorted(
    path
    for folder in ("payments", "platform_site", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if str(path.relative_to(ROOT)) not in GENERATED
)
every_module = pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function of a module, those within others too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def opens_a_nested_transaction(node: ast.AST) -> bool:
    """Tell whether the node is `atomic` without `durable=True`, be it called or used as a decorator."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("atomic"):
        return not any(keyword.arg == "durable" and ast.unparse(keyword.value) == "True" for keyword in node.keywords)
    if isinstance(node, ast.FunctionDef):
        return any(ast.unparse(decorator).endswith("atomic") for decorator in node.decorator_list)
    return False


@every_module
def test_a_module_is_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")

    assert lines <= MODULE_LINES_MAX


@every_module
def test_a_function_is_short(path: Path) -> None:
    long = {
        node.name for node in functions(path) if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    }

    assert long == set()


def test_there_is_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert payments.__version__ == project["version"]


def test_every_foreign_key_protects_what_it_points_to() -> None:
    keys = {
        f"{model.__name__}.{field.name}": field.remote_field.on_delete
        for model in apps.get_app_config("payments").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey)
    }

    assert {"Payment.merchant", "JournalLine.entry", "JournalEntry.processor_call"} <= keys.keys()
    assert {name for name, on_delete in keys.items() if on_delete is not PROTECT} == set()


def test_operations_write_in_transactions_that_are_nobody_s_part() -> None:
    nested = {
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in (ROOT / "payments" / "operations").rglob("*.py")
        for function in functions(path)
        for node in ast.walk(function)
        if opens_a_nested_transaction(node)
    }

    assert nested == ATOMIC_WITHOUT_DURABLE


@pytest.mark.parametrize(
    ("code", "nested"),
    [
        ("with transaction.atomic(): pass", True),
        ("with atomic(durable=False): pass", True),
        ("with transaction.atomic(durable=True): pass", False),
        ("@transaction.atomic\ndef work(): pass", True),
        ("@transaction.atomic()\ndef work(): pass", True),
        ("work()", False),
    ],
)
def test_a_nested_transaction_is_recognised(code: str, nested: bool) -> None:
    assert any(opens_a_nested_transaction(node) for node in ast.walk(ast.parse(code))) is nested
