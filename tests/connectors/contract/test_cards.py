"""The contract of any connector: cards are authorized, captured, voided and refunded, exactly once and exactly so."""

import pytest

from payments.connectors.base import Declined, Outcome, Succeeded, Unknown
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
from tests.connectors.contract.subjects import Subject

everywhere = pytest.mark.parametrize("subject", ["sandbox", "stripe", "localstripe"], indirect=True)
# What localstripe cannot be asked: it lets refunds through, forgets keys, and has one reason to decline.
where_it_is_strict = pytest.mark.parametrize("subject", ["sandbox", "stripe"], indirect=True)

DECLINES = [
    ("declined", "generic_decline", "try_again_later"),
    ("insufficient_funds", "insufficient_funds", "try_again_later"),
    ("lost", "lost_card", "do_not_try_again"),
    ("stolen", "stolen_card", "do_not_try_again"),
    ("expired", "expired_card", "confirm_card_data"),
    ("incorrect_cvc", "incorrect_cvc", "confirm_card_data"),
    ("processing_error", "processing_error", "try_again_later"),
    ("unheard_of", "invalid_payment_method", "confirm_card_data"),
]


def is_declined(outcome: Outcome, decline_code: str) -> bool:
    """Tell whether something was declined for a reason."""
    return isinstance(outcome, Declined) and outcome.decline_code == decline_code


@everywhere
def test_a_good_card_is_authorized_and_nothing_is_taken(subject: Subject) -> None:
    reference = authorized(subject)

    assert subject.taken(reference) == (euros(0), euros(0))


@where_it_is_strict
def test_an_authorization_has_the_issuer_s_code(subject: Subject) -> None:
    outcome = authorize(subject.connector, subject.cards["works"])

    assert isinstance(outcome, Succeeded) and outcome.authorization_code


@everywhere
def test_a_good_card_is_charged_at_once_where_asked(subject: Subject) -> None:
    reference = charged(subject)

    assert subject.taken(reference) == (TEN_EUROS, euros(0))


@everywhere
def test_a_card_that_is_declined_can_be_tried_again_later(subject: Subject) -> None:
    outcome = authorize(subject.connector, subject.cards["declined"])

    assert isinstance(outcome, Declined)
    assert (outcome.decline_code, outcome.advice_code) == ("generic_decline", "try_again_later")


@where_it_is_strict
@pytest.mark.parametrize(("card", "decline_code", "advice_code"), DECLINES)
def test_a_bad_card_is_declined_with_a_reason_and_advice(
    card: str, decline_code: str, advice_code: str, subject: Subject
) -> None:
    outcome = authorize(subject.connector, subject.cards[card])

    assert isinstance(outcome, Declined)
    assert (outcome.decline_code, outcome.advice_code) == (decline_code, advice_code)
    assert outcome.message


@everywhere
def test_all_of_it_is_captured(subject: Subject) -> None:
    reference = authorized(subject)

    outcome = capture(subject.connector, reference, TEN_EUROS)

    assert isinstance(outcome, Succeeded)
    assert subject.taken(reference) == (TEN_EUROS, euros(0))


@where_it_is_strict
def test_captures_add_up_and_have_names_of_their_own(subject: Subject) -> None:
    reference = authorized(subject)

    outcomes = [
        capture(subject.connector, reference, euros(400), final=False),
        capture(subject.connector, reference, euros(400), final=False),
        capture(subject.connector, reference, euros(200)),
    ]

    assert subject.taken(reference) == (TEN_EUROS, euros(0))
    assert len({reference_of(outcome) for outcome in outcomes}) == 3


@where_it_is_strict
def test_a_capture_over_the_rest_is_declined_and_takes_nothing(subject: Subject) -> None:
    reference = authorized(subject)
    capture(subject.connector, reference, euros(400), final=False)

    outcome = capture(subject.connector, reference, euros(601))

    assert is_declined(outcome, "amount_too_large")
    assert subject.taken(reference) == (euros(400), euros(0))


@everywhere
def test_a_final_capture_gives_the_rest_back(subject: Subject) -> None:
    reference = authorized(subject)

    capture(subject.connector, reference, euros(400))

    assert isinstance(capture(subject.connector, reference, euros(1)), Declined)
    assert subject.taken(reference) == (euros(400), euros(0))


@where_it_is_strict
@pytest.mark.parametrize("captured", [0, 400])
def test_a_void_gives_back_what_is_left(captured: int, subject: Subject) -> None:
    reference = authorized(subject)
    if captured:
        capture(subject.connector, reference, euros(captured), final=False)

    outcome = void(subject.connector, reference)

    assert outcome == Succeeded(reference)
    assert isinstance(capture(subject.connector, reference, euros(1)), Declined)
    if captured:
        assert subject.taken(reference) == (euros(captured), euros(0))


@everywhere
def test_a_refund_gives_back_a_part(subject: Subject) -> None:
    reference = charged(subject)

    outcomes = [refund(subject.connector, reference, euros(amount)) for amount in (400, 100)]

    assert len({reference_of(outcome) for outcome in outcomes}) == 2
    assert subject.taken(reference) == (TEN_EUROS, euros(500))


@everywhere
def test_what_was_captured_is_refunded(subject: Subject) -> None:
    reference = authorized(subject)
    capture(subject.connector, reference, TEN_EUROS)

    refund(subject.connector, reference, TEN_EUROS)

    assert subject.taken(reference) == (TEN_EUROS, TEN_EUROS)


@everywhere
def test_a_void_leaves_nothing_to_capture(subject: Subject) -> None:
    reference = authorized(subject)

    outcome = void(subject.connector, reference)

    assert outcome == Succeeded(reference)
    assert isinstance(capture(subject.connector, reference, TEN_EUROS), Declined | Unknown)


@where_it_is_strict
def test_refunds_add_up_and_never_exceed_what_was_captured(subject: Subject) -> None:
    reference = charged(subject)

    parts = [refund(subject.connector, reference, euros(400)) for _ in range(2)]
    too_much = refund(subject.connector, reference, euros(201))
    rest = refund(subject.connector, reference, euros(200))
    nothing_left = refund(subject.connector, reference, euros(1))

    assert len({reference_of(outcome) for outcome in (*parts, rest)}) == 3
    assert is_declined(too_much, "amount_too_large")
    assert is_declined(nothing_left, "amount_too_large")
    assert subject.taken(reference) == (TEN_EUROS, TEN_EUROS)


@where_it_is_strict
def test_an_authorization_asked_for_again_gets_the_first_answer_and_charges_once(subject: Subject) -> None:
    key = fresh_key()
    card = subject.cards["works"]
    first = authorize(subject.connector, card, capture=True, key=key)

    again = authorize(subject.connector, card, capture=True, key=key)

    assert reference_of(again) == reference_of(first)
    assert query(subject.connector, CallKind.AUTHORIZE, key) == first


@where_it_is_strict
def test_a_decline_asked_for_again_is_the_same_decline(subject: Subject) -> None:
    key = fresh_key()
    first = authorize(subject.connector, subject.cards["insufficient_funds"], key=key)

    again = authorize(subject.connector, subject.cards["insufficient_funds"], key=key)

    assert again == first


@where_it_is_strict
def test_a_capture_asked_for_again_takes_once(subject: Subject) -> None:
    reference, key = authorized(subject), fresh_key()
    first = capture(subject.connector, reference, euros(400), final=False, key=key)

    again = capture(subject.connector, reference, euros(400), final=False, key=key)

    assert again == first
    assert subject.taken(reference) == (euros(400), euros(0))


@where_it_is_strict
def test_a_refund_asked_for_again_gives_back_once(subject: Subject) -> None:
    reference, key = charged(subject), fresh_key()
    first = refund(subject.connector, reference, euros(400), key=key)

    again = refund(subject.connector, reference, euros(400), key=key)

    assert again == first
    assert subject.taken(reference) == (TEN_EUROS, euros(400))


@where_it_is_strict
def test_a_void_asked_for_again_is_answered_alike(subject: Subject) -> None:
    reference, key = authorized(subject), fresh_key()
    first = void(subject.connector, reference, key=key)

    assert void(subject.connector, reference, key=key) == first


@everywhere
@pytest.mark.parametrize(
    "amount",
    [
        *(Money(500, "JPY"), Money(10_000, "KWD"), Money(1999, "EUR"), Money(700, "ISK"), Money(9_000, "UGX")),
        *(Money(12_300, "MGA"), Money(2_500_000, "IDR"), Money(999, "HUF")),
    ],
    ids=str,
)
def test_an_amount_is_the_same_there_in_every_currency(amount: Money, subject: Subject) -> None:
    reference = charged(subject, amount=amount)

    outcome = refund(subject.connector, reference, amount)

    assert isinstance(outcome, Succeeded)
    assert subject.taken(reference) == (amount, amount)
