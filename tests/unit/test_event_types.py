"""The catalogue of events."""

import ast
from pathlib import Path

import payments
from payments.event_types import EVENT_TYPES, known_patterns, patterns_of
from payments.models.base import SHORT_TEXT

OPERATIONS = Path(payments.__file__).parent / "operations"


def test_the_catalogue_has_a_type_for_every_status_that_is_reached() -> None:
    assert {
        *("payment.created", "payment.succeeded", "payment.requires_capture", "payment.expired"),
        *("refund.created", "refund.failed", "payout.submitted", "dispute.won", "discrepancy.resolved"),
        *("webhook_endpoint.created", "webhook_endpoint.disabled", "webhook_endpoint.deleted"),
    } <= EVENT_TYPES
    assert "payment.paid" not in EVENT_TYPES
    # A refund begins as pending and never becomes it again.
    assert "refund.pending" not in EVENT_TYPES


def test_every_type_that_the_code_names_is_in_the_catalogue() -> None:
    named = {
        keyword.value.value
        for path in OPERATIONS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "event_type" and isinstance(keyword.value, ast.Constant)
    }

    assert len(named) >= 5
    assert named <= EVENT_TYPES


def test_every_type_fits_its_column() -> None:
    assert max(map(len, known_patterns())) <= SHORT_TEXT


def test_a_type_is_chosen_by_itself_its_noun_and_the_star() -> None:
    assert patterns_of("payment.succeeded") == ("payment.succeeded", "payment.*", "*")
    assert known_patterns() >= EVENT_TYPES | {"*", "payment.*", "webhook_endpoint.*"}
    assert "payments.*" not in known_patterns()
