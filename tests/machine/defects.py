"""Defects to plant: each takes one guard away or books one thing wrongly. The machine has to find every one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

from payments.connectors.base import Declined, Outcome, Unknown
from payments.ledger import recipes
from payments.ledger.recipes import Recipe
from payments.lifecycles import PaymentStatus
from payments.models import IdempotencyRecord, Payment, ProcessorCall, ProcessorEvent, Refund
from payments.models.ledger import EntryKind
from payments.money import Money
from payments.operations import (
    events,
    idempotency,
    outcomes,
    payment_outcomes,
    payouts,
    processor_calls,
    refund_outcomes,
    steps,
    unknown_outcomes,
)
from payments.operations.callers import Answer, IdempotentRequest
from payments.public_ids import encode, new_uuid

Plant = Callable[[pytest.MonkeyPatch], None]


def duplicate_answer_is_applied_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `record_outcome` say that it was the first to keep an outcome, though it was not."""
    real = processor_calls.record_outcome

    def record(call: ProcessorCall, outcome: Outcome, *, now: datetime) -> bool:
        real(call, outcome, now=now)
        return True

    monkeypatch.setattr(outcomes, "record_outcome", record)


def refund_stays_pending_in_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """Book a refund that went through as one that is on its way."""

    def recipe(*, amount: Money) -> Recipe:
        return Recipe(EntryKind.REFUND_SUCCEEDED, amount.currency, recipes.refund_reserved(amount=amount).lines)

    monkeypatch.setattr(recipes, "refund_succeeded", recipe)


def final_capture_releases_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give back only what a capture has taken, be it final or not."""
    real = recipes.payment_captured

    def recipe(*, captured: Money, reserved: int) -> Recipe:
        return real(captured=captured, reserved=min(reserved, captured.amount))

    monkeypatch.setattr(recipes, "payment_captured", recipe)


def stored_answer_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry a request out again that has its answer."""
    real = idempotency.claim_key

    def claim(request: IdempotentRequest, *, now: datetime) -> Any:
        found = real(request, now=now)
        if isinstance(found, Answer):
            IdempotencyRecord.objects.filter(**request.caller.owned, key=request.key).delete()
            return real(request, now=now)
        return found

    monkeypatch.setattr(steps, "claim_key", claim)


def retry_has_a_new_key_for_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every attempt under another key, so that the processor cannot tell a repetition."""
    real = processor_calls._ask  # pylint: disable=protected-access

    def ask(connector: Any, call: ProcessorCall, now: datetime) -> Outcome:
        class Renamed:
            def __getattr__(self, name: str) -> Any:
                def send(request: Any) -> Any:
                    fields = {field: getattr(request, field) for field in request.__slots__}
                    return getattr(connector, name)(type(request)(**fields | {"idempotency_key": new_key}))

                return send

        new_key = encode("call", new_uuid())
        return real(Renamed(), call, now)

    monkeypatch.setattr(processor_calls, "_ask", ask)


def failed_refund_stays_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep `amount_refund_pending` when a refund fails."""
    real = refund_outcomes._fail  # pylint: disable=protected-access

    def fail(refund: Refund, payment: Payment, call: ProcessorCall, *, now: datetime) -> None:
        payment.amount_refund_pending += refund.amount
        real(refund, payment, call, now=now)

    monkeypatch.setattr(refund_outcomes, "_fail", fail)


def processor_that_cannot_say_is_believed_to_decline(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a doubt because the processor could not be asked."""
    real = processor_calls.query_call

    def query(call: ProcessorCall, *, now: datetime) -> Outcome:
        outcome = real(call, now=now)
        return Declined("unknown", None, outcome.message) if isinstance(outcome, Unknown) else outcome

    monkeypatch.setattr(unknown_outcomes, "query_call", query)


def news_is_stored_each_time_it_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep news as often as it arrives."""
    real = ProcessorEvent.objects.bulk_create

    def create(rows: Any, **_: Any) -> Any:
        for row in rows:
            row.event_id += f"#{new_uuid()}"
        return real(rows)

    monkeypatch.setattr(ProcessorEvent.objects, "bulk_create", create)


def doubt_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a payment whose answer was lost for one that was declined."""
    real = processor_calls.send_call

    def send(call: ProcessorCall, **rest: Any) -> tuple[Outcome, datetime]:
        outcome, moment = real(call, **rest)
        lost = isinstance(outcome, Unknown)
        return (Declined("lost", None, "No answer.") if lost else outcome), moment

    monkeypatch.setattr(steps, "send_call", send)


def cancellation_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the event of a cancellation."""
    real = events.record_event

    def record(payment: Payment, *, now: datetime) -> None:
        if payment.status != PaymentStatus.CANCELED:
            real(payment, now=now)

    monkeypatch.setattr(payment_outcomes, "record_event", record)


def lost_calls_are_never_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave calls alone whose process has died."""
    monkeypatch.setattr(unknown_outcomes, "take_lease", lambda call, *, now: False)


def lost_dispute_is_booked_as_won(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give back what a lost dispute has cost."""
    real = recipes.dispute_won

    def recipe(*, held: Money) -> Recipe:
        return Recipe(EntryKind.DISPUTE_LOST, held.currency, real(held=held).lines)

    monkeypatch.setattr(recipes, "dispute_lost", recipe)


def all_that_is_posted_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pay out what the processor has not settled."""
    monkeypatch.setattr(payouts, "lock_available", lambda *, caller, currency: 10**9)


DEFECTS: Final[tuple[Plant, ...]] = (
    duplicate_answer_is_applied_again,
    refund_stays_pending_in_the_books,
    final_capture_releases_too_little,
    stored_answer_is_ignored,
    retry_has_a_new_key_for_the_processor,
    failed_refund_stays_set_aside,
    processor_that_cannot_say_is_believed_to_decline,
    news_is_stored_each_time_it_is_delivered,
    doubt_is_a_failure,
    cancellation_is_not_told,
    lost_calls_are_never_looked_for,
    lost_dispute_is_booked_as_won,
    all_that_is_posted_is_available,
)
# Found within some eight stories.
FOUND_QUICKLY: Final[tuple[Plant, ...]] = (
    duplicate_answer_is_applied_again,
    refund_stays_pending_in_the_books,
    stored_answer_is_ignored,
    failed_refund_stays_set_aside,
)
