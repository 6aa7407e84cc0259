"""The contract of any connector: the payer decides on a page, a dispute is answered once, a payout arrives later."""

import pytest

from django.utils import timezone

from payments.connectors.base import (
    NEVER_RECEIVED,
    AcceptDisputeRequest,
    ActionRequired,
    Declined,
    EvidenceRequest,
    Outcome,
    PayoutRequest,
    Submitted,
    Succeeded,
)
from payments.lifecycles import CallKind
from payments.money import Money
from tests.connectors.contract.asking import (
    TEN_EUROS,
    authorize,
    euros,
    fresh_key,
    query,
    reference_of,
    refund,
    void,
)
from tests.connectors.contract.subjects import Subject

everywhere = pytest.mark.parametrize("subject", ["sandbox", "stripe"], indirect=True)


def ask_payer(subject: Subject, *, capture: bool = True) -> tuple[str, ActionRequired]:
    """Ask for an authorization that needs the payer; return its key and the answer."""
    key = fresh_key()
    outcome = authorize(subject.connector, subject.cards["needs_payer"], capture=capture, key=key)
    assert isinstance(outcome, ActionRequired), outcome
    return key, outcome


def word_of(subject: Subject, key: str, action: ActionRequired) -> Outcome:
    """Ask what became of it."""
    return query(subject.connector, CallKind.AUTHORIZE, key, about=action.processor_reference)


def disputed(subject: Subject) -> str:
    """Return the dispute of a charge of ten euros."""
    outcome = authorize(subject.connector, subject.cards["disputed"], capture=True)
    return subject.dispute_of(reference_of(outcome))


def argue(subject: Subject, dispute: str, *, key: str = "") -> Outcome:
    """Send evidence."""
    evidence = {"receipt": "Signed for.", "shipping_carrier": "DHL"}
    return subject.connector.submit_evidence(EvidenceRequest(key or fresh_key(), dispute, evidence, now=timezone.now()))


def accept(subject: Subject, dispute: str, *, key: str = "") -> Outcome:
    """Give a dispute up."""
    return subject.connector.accept_dispute(AcceptDisputeRequest(key or fresh_key(), dispute, now=timezone.now()))


def pay_out(subject: Subject, destination: str, *, amount: Money = TEN_EUROS, key: str = "") -> Outcome:
    """Ask for a payout."""
    return subject.connector.payout(PayoutRequest(key or fresh_key(), destination, amount, now=timezone.now()))


@everywhere
def test_the_payer_is_sent_to_a_page_and_expected_there(subject: Subject) -> None:
    key, action = ask_payer(subject)

    word = word_of(subject, key, action)

    assert action.url.startswith("http")
    assert action.expires_at > timezone.now()
    assert isinstance(word, ActionRequired)
    assert (word.processor_reference, word.url) == (action.processor_reference, action.url)


@everywhere
@pytest.mark.parametrize("at_once", [True, False])
def test_approval_is_the_answer(at_once: bool, subject: Subject) -> None:
    key, action = ask_payer(subject, capture=at_once)

    subject.decide(action, approved=True)

    word = word_of(subject, key, action)
    assert isinstance(word, Succeeded)
    assert subject.taken(word.processor_reference) == (euros(1000 if at_once else 0), euros(0))


@everywhere
def test_refusal_is_a_decline(subject: Subject) -> None:
    key, action = ask_payer(subject)

    subject.decide(action, approved=False)

    word = word_of(subject, key, action)
    assert isinstance(word, Declined)
    assert word.decline_code == "authentication_failed"


@everywhere
def test_what_waits_for_the_payer_can_be_given_up(subject: Subject) -> None:
    key, action = ask_payer(subject)

    outcome = void(subject.connector, action.processor_reference)

    word = word_of(subject, key, action)
    assert outcome == Succeeded(action.processor_reference)
    assert isinstance(word, Declined)
    assert word.decline_code == "canceled"


@everywhere
def test_what_the_payer_has_paid_cannot_be_given_up(subject: Subject) -> None:
    key, action = ask_payer(subject)
    subject.decide(action, approved=True)

    outcome = void(subject.connector, action.processor_reference)

    assert isinstance(outcome, Declined)
    assert isinstance(word_of(subject, key, action), Succeeded)


@everywhere
def test_what_is_disputed_is_not_refunded(subject: Subject) -> None:
    outcome = authorize(subject.connector, subject.cards["disputed"], capture=True)

    refused = refund(subject.connector, reference_of(outcome), TEN_EUROS)

    assert isinstance(refused, Declined)


@everywhere
def test_evidence_is_taken_in_once(subject: Subject) -> None:
    dispute, key = disputed(subject), fresh_key()
    first = argue(subject, dispute, key=key)

    again = argue(subject, dispute, key=key)
    other = argue(subject, dispute)

    assert isinstance(first, Succeeded)
    assert again == first
    assert isinstance(other, Declined)
    assert query(subject.connector, CallKind.SUBMIT_EVIDENCE, key, about=dispute) == first


@everywhere
def test_evidence_that_was_not_sent_was_never_received(subject: Subject) -> None:
    dispute = disputed(subject)
    argue(subject, dispute)

    assert query(subject.connector, CallKind.SUBMIT_EVIDENCE, fresh_key(), about=dispute) == NEVER_RECEIVED


@everywhere
def test_a_dispute_is_accepted_and_that_is_the_end(subject: Subject) -> None:
    dispute, key = disputed(subject), fresh_key()
    before = query(subject.connector, CallKind.ACCEPT_DISPUTE, key, about=dispute)

    outcome = accept(subject, dispute, key=key)

    assert before == NEVER_RECEIVED
    assert isinstance(outcome, Succeeded)
    assert query(subject.connector, CallKind.ACCEPT_DISPUTE, key, about=dispute) == outcome
    assert isinstance(argue(subject, dispute), Declined)
    assert isinstance(accept(subject, dispute), Declined)


@everywhere
def test_a_payout_is_accepted_once_and_under_way(subject: Subject) -> None:
    key = fresh_key()
    first = pay_out(subject, subject.cards["bank_account"], key=key)

    again = pay_out(subject, subject.cards["bank_account"], key=key)

    assert isinstance(first, Submitted)
    assert again == first
    assert query(subject.connector, CallKind.PAYOUT, key) == first


@everywhere
def test_a_payout_to_nowhere_is_declined(subject: Subject) -> None:
    outcome = pay_out(subject, "ba_unheard_of")

    assert isinstance(outcome, Declined)
    assert outcome.decline_code == "invalid_destination"


@everywhere
def test_a_payout_that_was_not_asked_for_was_never_received(subject: Subject) -> None:
    pay_out(subject, subject.cards["bank_account"])

    assert query(subject.connector, CallKind.PAYOUT, fresh_key()) == NEVER_RECEIVED
