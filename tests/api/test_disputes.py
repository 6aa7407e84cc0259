"""/v1/disputes."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from django.utils import timezone

from payments.connectors.base import Declined, NotSent, Outcome
from payments.connectors.sandbox import SandboxConnector
from payments.models import Dispute, ProcessorCall, SandboxDispute
from payments.operations.ledger_check import check_ledger
from tests.api.answers import pages_backwards, pages_forwards, payment_in, problem_in, rows
from tests.disputes import LATER, bring_news, disputed, open_news, tell_opened
from tests.shop import Shop, open_shop, payment_named
from tests.snapshot import nothing_written

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse

CARD = "4242424242424242"
GOOD = {"receipt": "Signed for.", "shipping_carrier": "DHL"}


@pytest.fixture
def dispute(shop: Shop) -> Dispute:
    """Return a dispute of 19.99 EUR that can be answered."""
    return disputed(shop)


def path(dispute: Dispute, step: str = "") -> str:
    """Return the address of a dispute, or of a step of it."""
    return f"/v1/disputes/{dispute.public_id}{step}"


def argue(
    shop: Shop, dispute: Dispute, evidence: Any = None, *, key: str | None = None
) -> "_MonkeyPatchedWSGIResponse":
    """Send evidence."""
    return shop.post(path(dispute, "/evidence"), {"evidence": GOOD if evidence is None else evidence}, key=key)


def accept(shop: Shop, dispute: Dispute, *, key: str | None = None) -> "_MonkeyPatchedWSGIResponse":
    """Give the dispute up."""
    return shop.post(path(dispute, "/accept"), key=key)


def answer_with(monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> None:
    """Let the sandbox answer so, whatever the merchant has to say."""
    monkeypatch.setattr(SandboxConnector, "submit_evidence", lambda self, request: outcome)
    monkeypatch.setattr(SandboxConnector, "accept_dispute", lambda self, request: outcome)


def test_dispute_is_shown_with_its_payment_fee_and_due_date(shop: Shop, dispute: Dispute) -> None:
    shown = payment_in(shop.get(path(dispute)))

    payment = payment_in(shop.get(f"/v1/payments/{shown['payment']}"))
    due = SandboxDispute.objects.get(reference=shown["processor_reference"]).evidence_due_at
    assert (shown["object"], shown["mode"], shown["status"]) == ("dispute", "test", "needs_response")
    assert (shown["amount"], shown["fee"], shown["currency"]) == (1999, 1500, "EUR")
    assert (shown["reason"], shown["evidence"], shown["last_error"]) == ("fraudulent", None, None)
    assert shown["evidence_due_at"] == due.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert (payment["amount_disputed"], payment["status"]) == (1999, "succeeded")


def test_evidence_is_kept_and_puts_the_dispute_under_review(shop: Shop, dispute: Dispute) -> None:
    shown = payment_in(argue(shop, dispute))

    assert (shown["status"], shown["evidence"]) == ("under_review", GOOD)
    assert payment_in(shop.get(path(dispute))) == shown


def test_won_dispute_frees_the_amount_to_be_refunded(shop: Shop, dispute: Dispute) -> None:
    argue(shop, dispute, {"text": "winning_evidence"})

    bring_news(shop, now=timezone.now() + LATER)

    shown = payment_in(shop.get(path(dispute)))
    assert shown["status"] == "won"
    assert payment_in(shop.get(f"/v1/payments/{shown['payment']}"))["amount_disputed"] == 0
    with time_machine.travel(timezone.now() + LATER):
        payment_in(shop.post("/v1/refunds", {"payment": shown["payment"]}), status=201)
    assert check_ledger() == []


def test_accepted_dispute_is_over(shop: Shop, dispute: Dispute) -> None:
    shown = payment_in(accept(shop, dispute))

    bring_news(shop, now=timezone.now() + LATER)
    assert shown["status"] == payment_in(shop.get(path(dispute)))["status"] == "accepted"
    assert payment_in(shop.get(f"/v1/payments/{shown['payment']}"))["amount_disputed"] == 1999
    assert check_ledger() == []


@pytest.mark.parametrize("first", [argue, accept])
@pytest.mark.parametrize(("second", "step"), [(argue, "submit evidence"), (accept, "accept")])
def test_dispute_is_answered_once(shop: Shop, dispute: Dispute, first: Any, second: Any, step: str) -> None:
    status = payment_in(first(shop, dispute))["status"]

    with nothing_written():
        response = second(shop, dispute)

    problem = problem_in(response, status=409, code="dispute_state_conflict")
    assert problem["dispute_status"] == status
    assert step in problem["detail"]


def test_evidence_is_not_taken_from_the_moment_it_is_due(shop: Shop, dispute: Dispute) -> None:
    with time_machine.travel(dispute.evidence_due_at, tick=False), nothing_written():
        response = argue(shop, dispute)

    problem = problem_in(response, status=409, code="dispute_state_conflict")
    assert problem["dispute_status"] == "needs_response"
    assert "was due until" in problem["detail"]


def test_evidence_is_taken_until_it_is_due(shop: Shop, dispute: Dispute) -> None:
    with time_machine.travel(dispute.evidence_due_at - timedelta(milliseconds=1), tick=False):
        response = argue(shop, dispute)

    assert payment_in(response)["status"] == "under_review"


def test_acceptance_after_the_processor_has_decided_is_declined(shop: Shop, dispute: Dispute) -> None:
    with time_machine.travel(dispute.evidence_due_at, tick=False):
        response = accept(shop, dispute)

    problem = problem_in(response, status=402, code="dispute_response_declined")
    assert (problem["decline_code"], problem["dispute"]["status"]) == ("dispute_closed", "needs_response")


@pytest.mark.parametrize(
    ("evidence", "param"),
    [
        (None, "evidence"),
        ([], "evidence"),
        ("text", "evidence"),
        ({}, "evidence"),
        ({"Receipt": "text"}, "evidence"),
        ({"receipt2": "text"}, "evidence"),
        ({"a name": "text"}, "evidence"),
        ({"receipt\n": "text"}, "evidence"),
        ({"": "text"}, "evidence"),
        ({"n" * 41: "text"}, "evidence"),
        ({"n" * number: "text" for number in range(1, 22)}, "evidence"),
        ({"receipt": ""}, "evidence.receipt"),
        ({"receipt": None}, "evidence.receipt"),
        ({"receipt": 1}, "evidence.receipt"),
        ({"receipt": ["text"]}, "evidence.receipt"),
        ({"receipt": "t" * 5001}, "evidence.receipt"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_evidence_that_is_not_texts_by_name_is_refused(shop: Shop, dispute: Dispute, evidence: Any, param: str) -> None:
    with nothing_written():
        response = shop.post(path(dispute, "/evidence"), {"evidence": evidence})

    problem_in(response, status=400, code="invalid_request", param=param)


@pytest.mark.parametrize(
    ("step", "body", "param"),
    [("/evidence", {}, "evidence"), ("/evidence", {"evidence": GOOD, "more": 1}, "more"), ("/accept", {"a": 1}, "a")],
)
def test_body_with_too_little_or_too_much_is_refused(
    shop: Shop, dispute: Dispute, step: str, body: dict[str, Any], param: str
) -> None:
    with nothing_written():
        response = shop.post(path(dispute, step), body)

    problem_in(response, status=400, code="invalid_request", param=param)


def test_as_much_evidence_as_may_be_is_taken(shop: Shop, dispute: Dispute) -> None:
    evidence = {"n" * number: "t" * 3000 for number in range(21, 41)} | {"n" * 40: "t" * 5000}

    assert payment_in(argue(shop, dispute, evidence))["evidence"] == evidence


def test_card_number_in_evidence_is_refused(shop: Shop, dispute: Dispute) -> None:
    with nothing_written():
        response = argue(shop, dispute, {"receipt": f"Paid with {CARD}."})

    problem_in(response, status=400, code="card_number_refused", param="evidence.receipt")


@pytest.mark.parametrize("step", ["/evidence", "/accept"])
def test_key_is_required(shop: Shop, dispute: Dispute, step: str) -> None:
    with nothing_written():
        response = shop.client.post(
            path(dispute, step),
            {"evidence": GOOD} if step == "/evidence" else {},
            content_type="application/json",
            headers={"Authorization": f"Bearer {shop.key}"},
        )

    problem_in(response, status=400, code="idempotency_key_missing", param="Idempotency-Key")


@pytest.mark.parametrize("answer", [argue, accept])
def test_repeated_answer_is_given_once(shop: Shop, dispute: Dispute, answer: Any) -> None:
    first = answer(shop, dispute, key="once")

    second = answer(shop, dispute, key="once")

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert ProcessorCall.objects.filter(dispute=dispute).count() == 1


def test_key_of_an_acceptance_does_not_send_evidence(shop: Shop, dispute: Dispute) -> None:
    accept(shop, dispute, key="once")

    response = argue(shop, dispute, key="once")

    problem_in(response, status=422, code="idempotency_key_reused")


@pytest.mark.parametrize("answer", [argue, accept])
@pytest.mark.parametrize(
    ("outcome", "status", "code", "retryable"),
    [
        (Declined("not_possible", None, "Not this one."), 402, "dispute_response_declined", False),
        (Declined("busy", "try_again_later", "Not now."), 402, "dispute_response_declined", True),
        (NotSent("Connection refused."), 502, "processor_unreachable", True),
    ],
    ids=["declined", "declined for now", "not sent"],
)
def test_answer_that_does_not_get_there_leaves_the_dispute_open(
    *,
    shop: Shop,
    dispute: Dispute,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
    outcome: Outcome,
    status: int,
    code: str,
    retryable: bool,
) -> None:
    with monkeypatch.context() as patch:
        answer_with(patch, outcome)
        response = answer(shop, dispute)

    problem = problem_in(response, status=status, code=code)
    left = problem["dispute"]
    assert problem["retryable"] is retryable
    assert (left["status"], left["evidence"], left["last_error"]["code"]) == ("needs_response", None, code)
    assert payment_in(answer(shop, dispute))["last_error"] is None
    assert check_ledger() == []


@pytest.mark.parametrize("answer", [argue, accept])
def test_another_merchants_dispute_is_not_answered(shop: Shop, dispute: Dispute, answer: Any) -> None:
    stranger = open_shop()

    with nothing_written():
        response = answer(stranger, dispute)

    problem_in(response, status=404, code="not_found")


def test_disputed_and_lost_amounts_are_not_refunded(shop: Shop, dispute: Dispute) -> None:
    body = {"payment": shop.get(path(dispute)).json()["payment"], "amount": 1}

    with nothing_written():
        while_open = shop.post("/v1/refunds", body)
    accept(shop, dispute)
    with nothing_written():
        lost = shop.post("/v1/refunds", body)

    assert "1999 disputed" in problem_in(while_open, status=409, code="payment_state_conflict")["detail"]
    problem_in(lost, status=409, code="payment_state_conflict")


def test_what_is_not_disputed_is_refunded(shop: Shop) -> None:
    payment = payment_in(shop.pay(), status=201)
    tell_opened(open_news(payment_named(payment["id"]), amount=1500))

    too_much = shop.post("/v1/refunds", {"payment": payment["id"], "amount": 500})
    rest = shop.post("/v1/refunds", {"payment": payment["id"]})

    problem = problem_in(too_much, status=422, code="amount_exceeds_refundable", param="amount")
    assert problem["amount_refundable"] == payment_in(rest, status=201)["amount"] == 499
    assert check_ledger() == []


def test_every_change_is_an_event_of_the_dispute_and_of_the_payment(shop: Shop, dispute: Dispute) -> None:
    argue(shop, dispute, {"text": "winning_evidence"})
    bring_news(shop, now=timezone.now() + LATER)

    of_the_dispute = rows(shop, "/v1/events", object_id=dispute.public_id)
    of_the_payment = rows(shop, "/v1/events", type="payment.disputed")

    assert [(event["type"], event["sequence"]) for event in of_the_dispute] == [
        ("dispute.won", 4),
        ("dispute.under_review", 3),
        ("dispute.updated", 2),
        ("dispute.created", 1),
    ]
    assert of_the_dispute[0]["data"] == payment_in(shop.get(path(dispute)))
    assert [event["data"]["amount_disputed"] for event in of_the_payment] == [0, 1999]


def test_list_is_narrowed_and_paged(shop: Shop) -> None:
    made = [disputed(shop) for _ in range(3)]
    accept(shop, made[1])
    ids = [each.public_id for each in made]

    assert list(pages_forwards(shop, "/v1/disputes", limit=2)) == [[ids[2], ids[1]], [ids[0]]]
    assert list(pages_backwards(shop, "/v1/disputes", limit=1, ending_before=ids[0])) == [[ids[1]], [ids[2]]]
    assert [row["id"] for row in rows(shop, "/v1/disputes", status="accepted")] == [ids[1]]
    payment = shop.get(path(made[0])).json()["payment"]
    assert [row["id"] for row in rows(shop, "/v1/disputes", payment=payment)] == [ids[0]]


@pytest.mark.parametrize(("query", "param"), [({"status": "open"}, "status"), ({"payment": "dp_1"}, "payment")])
def test_filter_that_cannot_be_is_refused(shop: Shop, query: dict[str, str], param: str) -> None:
    problem_in(shop.get("/v1/disputes", **query), status=400, code="invalid_request", param=param)
