"""The contract of any connector: what was lost is Unknown, what never left us NotSent; and both can be asked about."""

from collections.abc import Callable

import pytest

from payments.connectors.base import NEVER_RECEIVED, Declined, NotSent, Outcome, Succeeded, Unknown
from payments.lifecycles import CallKind
from payments.money import Money
from tests.connectors.contract.asking import (
    TEN_EUROS,
    authorize,
    authorized,
    capture,
    charged,
    euros,
    fresh_key,
    query,
    reference_of,
    refund,
    void,
)
from tests.connectors.contract.subjects import Breaks, Subject

everywhere = pytest.mark.parametrize("subject", ["sandbox", "stripe"], indirect=True)
however_it_breaks = pytest.mark.parametrize("breaks", list(Breaks), ids=lambda breaks: breaks.name.lower())

# What is asked of an authorization or a charge, with a key.
Step = Callable[[Subject, str, str], Outcome]


def _capture(subject: Subject, reference: str, key: str) -> Outcome:
    return capture(subject.connector, reference, euros(400), final=False, key=key)


def _final_capture(subject: Subject, reference: str, key: str) -> Outcome:
    return capture(subject.connector, reference, euros(400), key=key)


def _void(subject: Subject, reference: str, key: str) -> Outcome:
    return void(subject.connector, reference, key=key)


def _refund(subject: Subject, reference: str, key: str) -> Outcome:
    return refund(subject.connector, reference, euros(400), key=key)


every_step = pytest.mark.parametrize(
    ("begin", "kind", "step", "taken"),
    [
        (authorized, CallKind.CAPTURE, _capture, (400, 0)),
        (authorized, CallKind.CAPTURE, _final_capture, (400, 0)),
        (authorized, CallKind.VOID, _void, (0, 0)),
        (charged, CallKind.REFUND, _refund, (1000, 400)),
    ],
    ids=["part", "capture", "void", "refund"],
)


@everywhere
@however_it_breaks
@pytest.mark.parametrize("at_once", [True, False])
def test_an_authorization_without_an_answer_is_unknown_until_it_is_asked_about(
    breaks: Breaks, at_once: bool, subject: Subject
) -> None:
    key, card = fresh_key(), subject.card_for(breaks)
    subject.break_next(breaks)

    outcome = authorize(subject.connector, card, capture=at_once, key=key)
    word = query(subject.connector, CallKind.AUTHORIZE, key)

    assert isinstance(outcome, Unknown)
    if breaks is Breaks.LOST_BEFORE:
        assert word == NEVER_RECEIVED
    else:
        assert isinstance(word, Succeeded)
        assert subject.taken(word.processor_reference) == (euros(1000 if at_once else 0), euros(0))


@everywhere
@every_step
@pytest.mark.parametrize("breaks", [Breaks.LOST_AFTER, Breaks.ERROR_AFTER], ids=lambda breaks: breaks.name.lower())
def test_a_step_whose_answer_is_lost_is_unknown_and_was_taken_once(
    *, breaks: Breaks, begin: Callable[..., str], kind: CallKind, step: Step, taken: tuple[int, int], subject: Subject
) -> None:
    reference, key = begin(subject, breaking=breaks), fresh_key()
    subject.break_next(breaks)

    outcome = step(subject, reference, key)
    word = query(subject.connector, kind, key, about=reference)
    step(subject, reference, key)

    assert isinstance(outcome, Unknown)
    assert isinstance(word, Succeeded)
    assert query(subject.connector, kind, key, about=reference) == word
    assert subject.taken(reference) == (euros(taken[0]), euros(taken[1]))


@everywhere
@every_step
def test_a_step_that_was_never_asked_for_was_never_received(
    begin: Callable[..., str], kind: CallKind, step: Step, taken: tuple[int, int], subject: Subject
) -> None:
    reference = begin(subject)
    step(subject, reference, fresh_key())

    word = query(subject.connector, kind, fresh_key(), about=reference)

    # Of a void nobody can tell who asked for it; what was reserved is given back in either case.
    assert word == (Succeeded(reference) if kind is CallKind.VOID and word != NEVER_RECEIVED else NEVER_RECEIVED)


@everywhere
@every_step
def test_a_step_asked_about_says_what_it_was_answered(
    begin: Callable[..., str], kind: CallKind, step: Step, taken: tuple[int, int], subject: Subject
) -> None:
    reference, key = begin(subject), fresh_key()

    outcome = step(subject, reference, key)

    assert query(subject.connector, kind, key, about=reference) == outcome
    assert isinstance(outcome, Succeeded)


@everywhere
def test_a_decline_is_remembered(subject: Subject) -> None:
    key = fresh_key()
    outcome = authorize(subject.connector, subject.cards["insufficient_funds"], key=key)

    word = query(subject.connector, CallKind.AUTHORIZE, key)

    assert isinstance(outcome, Declined) and isinstance(word, Declined)
    assert (word.decline_code, word.advice_code) == (outcome.decline_code, outcome.advice_code)


@everywhere
def test_to_ask_does_nothing(subject: Subject) -> None:
    reference = authorized(subject)

    for kind in (CallKind.CAPTURE, CallKind.VOID, CallKind.REFUND):
        query(subject.connector, kind, fresh_key(), about=reference)

    assert subject.taken(reference) == (euros(0), euros(0))
    assert isinstance(capture(subject.connector, reference, TEN_EUROS), Succeeded)


@everywhere
def test_what_could_not_be_sent_is_not_sent_and_safe_to_ask_again(subject: Subject) -> None:
    key = fresh_key()
    with subject.closed():
        outcome = authorize(subject.connector, subject.cards["unreachable"], capture=True, key=key)

    word = query(subject.connector, CallKind.AUTHORIZE, key)
    again = authorize(subject.connector, subject.cards["works"], capture=True, key=key)

    assert isinstance(outcome, NotSent)
    assert word == NEVER_RECEIVED
    assert subject.taken(reference_of(again)) == (TEN_EUROS, euros(0))


@everywhere
def test_a_retry_of_an_authorization_whose_answer_was_lost_charges_once(subject: Subject) -> None:
    key, card = fresh_key(), subject.card_for(Breaks.LOST_AFTER)
    subject.break_next(Breaks.LOST_AFTER)
    authorize(subject.connector, card, capture=True, key=key)
    first = query(subject.connector, CallKind.AUTHORIZE, key)

    authorize(subject.connector, card, capture=True, key=key)

    assert query(subject.connector, CallKind.AUTHORIZE, key) == first
    assert subject.taken(reference_of(first)) == (Money(1000, "EUR"), euros(0))
