"""/v1/payouts."""

from typing import Any

import pytest

from payments.connectors.base import Declined
from payments.connectors.sandbox import SandboxConnector
from payments.models import Payout, PayoutSchedule, ProcessorCall, SandboxPayout
from payments.operations.ledger_check import check_ledger
from tests.api.answers import pages_forwards, payment_in, problem_in, rows
from tests.api.test_balance import available
from tests.settling import earn, settle
from tests.shop import Shop
from tests.snapshot import nothing_written

PATH = "/v1/payouts"


@pytest.fixture
def rich_shop(shop: Shop) -> Shop:
    """Return a merchant with 100.00 EUR that is available."""
    earn(shop, 10_000)
    return shop


def pay_out(shop: Shop, **body: Any) -> dict[str, Any]:
    """Pay out, and return the payout."""
    complete = {"currency": "EUR", "destination": "ba_sandbox_instant"} | body
    return payment_in(shop.post(PATH, complete), status=201)


def follow_schedule(shop: Shop, destination: str, currency: str = "EUR") -> None:
    """Give the shop a schedule."""
    PayoutSchedule.objects.create(
        merchant=shop.merchant, mode=shop.mode, currency=currency, interval="manual", destination=destination
    )


def test_all_that_is_available_is_paid_out_when_no_amount_is_given(rich_shop: Shop) -> None:
    made = pay_out(rich_shop, description="October", metadata={"run": "7"})

    assert (made["status"], made["amount"], made["currency"]) == ("succeeded", 10_000, "EUR")
    assert (made["destination"], made["description"], made["metadata"]) == (
        "ba_sandbox_instant",
        "October",
        {"run": "7"},
    )
    assert (made["scheduled_for"], made["last_error"]) == (None, None)
    assert SandboxPayout.objects.get(reference=made["processor_reference"]).amount == 10_000
    assert available(rich_shop) == {"EUR": 0}
    assert payment_in(rich_shop.get(f"{PATH}/{made['id']}")) == made
    assert check_ledger() == []


def test_a_part_is_paid_out(rich_shop: Shop) -> None:
    pay_out(rich_shop, amount=4000)

    assert available(rich_shop) == {"EUR": 6000}
    assert check_ledger() == []


@pytest.mark.parametrize("amount", [10_001, 10**11])
def test_more_than_is_available_is_not_paid_out(rich_shop: Shop, amount: int) -> None:
    with nothing_written():
        response = rich_shop.post(PATH, {"amount": amount, "currency": "EUR", "destination": "ba_sandbox"})

    problem = problem_in(response, status=422, code="amount_exceeds_available", param="amount")
    assert problem["amount_available"] == 10_000


@pytest.mark.parametrize("amount", [None, 1])
def test_what_is_not_settled_is_not_paid_out(shop: Shop, amount: int | None) -> None:
    shop.pay(amount=10_000)

    with nothing_written():
        response = shop.post(PATH, {"amount": amount, "currency": "EUR", "destination": "ba_sandbox"})

    problem = problem_in(response, status=422, code="amount_exceeds_available", param="amount")
    assert problem["amount_available"] == 0


def test_currency_that_never_had_a_payment_has_nothing_available(rich_shop: Shop) -> None:
    with nothing_written():
        response = rich_shop.post(PATH, {"currency": "JPY", "destination": "ba_sandbox"})

    assert problem_in(response, status=422, code="amount_exceeds_available", param="amount")["amount_available"] == 0


def test_negative_balance_is_not_paid_out(rich_shop: Shop) -> None:
    payment = payment_in(rich_shop.pay(amount=500), status=201)
    settle(rich_shop, 500)
    pay_out(rich_shop)
    rich_shop.post("/v1/refunds", {"payment": payment["id"]})

    response = rich_shop.post(PATH, {"currency": "EUR", "destination": "ba_sandbox"})

    assert problem_in(response, status=422, code="amount_exceeds_available", param="amount")["amount_available"] == -500


def test_destination_is_the_schedules_where_none_is_given(rich_shop: Shop) -> None:
    follow_schedule(rich_shop, "ba_sandbox_instant")

    made = payment_in(rich_shop.post(PATH, {"currency": "EUR"}), status=201)

    assert made["destination"] == "ba_sandbox_instant"


def test_destination_is_asked_for_where_no_schedule_has_one(rich_shop: Shop) -> None:
    follow_schedule(rich_shop, "ba_sandbox_instant", currency="USD")

    with nothing_written():
        response = rich_shop.post(PATH, {"currency": "EUR"})

    problem_in(response, status=422, code="destination_missing", param="destination")


def test_live_mode_has_no_processor_yet(rich_shop: Shop, live_shop: Shop) -> None:
    response = live_shop.post(PATH, {"currency": "EUR", "destination": "ba_sandbox"})

    problem_in(response, status=422, code="no_processor_available")


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("ba_sandbox", "submitted"),
        ("ba_sandbox_bounces", "submitted"),
        ("ba_sandbox_instant", "succeeded"),
        ("ba_fault_timeout_after", "unknown"),
        ("ba_fault_timeout_before", "unknown"),
    ],
)
def test_destination_decides_what_becomes_of_it(rich_shop: Shop, destination: str, status: str) -> None:
    made = pay_out(rich_shop, amount=7000, destination=destination)

    assert made["status"] == status
    assert available(rich_shop) == {"EUR": 3000}
    assert check_ledger() == []


@pytest.mark.parametrize(
    ("destination", "status", "code", "decline_code"),
    [
        ("ba_sandbox_declined", 402, "payout_declined", "account_closed"),
        ("DE89370400440532013000", 402, "payout_declined", "invalid_destination"),
        ("ba_fault_unreachable", 502, "processor_unreachable", None),
    ],
)
def test_payout_that_fails_leaves_its_amount_available(
    rich_shop: Shop, destination: str, status: int, code: str, decline_code: str | None
) -> None:
    response = rich_shop.post(PATH, {"currency": "EUR", "destination": destination})

    problem = problem_in(response, status=status, code=code)
    assert problem["decline_code"] == decline_code
    assert (problem["payout"]["status"], problem["payout"]["amount"]) == ("failed", 10_000)
    assert problem["payout"]["last_error"]["code"] == code
    assert available(rich_shop) == {"EUR": 10_000}
    assert pay_out(rich_shop)["amount"] == 10_000
    assert check_ledger() == []


def test_unknown_destination_is_told_which_are_known(rich_shop: Shop) -> None:
    response = rich_shop.post(PATH, {"currency": "EUR", "destination": "ba_nowhere"})

    detail = problem_in(response, status=402, code="payout_declined")["detail"]
    assert "ba_sandbox, ba_sandbox_bounces, ba_sandbox_declined, ba_sandbox_instant" in detail


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"currency": "XAU"}, "currency"),
        ({"currency": 978}, "currency"),
        ({"currency": "EUR", "amount": 0}, "amount"),
        ({"currency": "EUR", "amount": -1}, "amount"),
        ({"currency": "EUR", "amount": 1.5}, "amount"),
        ({"currency": "EUR", "amount": "100"}, "amount"),
        ({"currency": "EUR", "amount": True}, "amount"),
        ({"currency": "EUR", "amount": 10**12}, "amount"),
        ({"currency": "EUR", "destination": ""}, "destination"),
        ({"currency": "EUR", "destination": 7}, "destination"),
        ({"currency": "EUR", "destination": "b" * 256}, "destination"),
        ({"currency": "EUR", "description": "d" * 1001}, "description"),
        ({"currency": "EUR", "metadata": {"a": 1}}, "metadata.a"),
        ({"currency": "EUR", "scheduled_for": "2026-01-01"}, "scheduled_for"),
    ],
    ids=str,
)
def test_bad_body_is_refused_and_names_the_field(rich_shop: Shop, body: dict[str, Any], param: str) -> None:
    with nothing_written():
        response = rich_shop.post(PATH, body)

    problem_in(response, status=400, code="invalid_request", param=param)


def test_card_number_is_no_destination(rich_shop: Shop) -> None:
    response = rich_shop.post(PATH, {"currency": "EUR", "destination": "4242424242424242"})

    problem_in(response, status=400, code="card_number_refused", param="destination")


def test_idempotency_key_is_needed(rich_shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {rich_shop.key}"}

    response = rich_shop.client.post(
        PATH, {"currency": "EUR", "destination": "ba_sandbox"}, content_type="application/json", headers=headers
    )

    problem_in(response, status=400, code="idempotency_key_missing", param="Idempotency-Key")


def test_repeated_request_pays_out_once(rich_shop: Shop) -> None:
    body = {"currency": "EUR", "destination": "ba_sandbox", "amount": 300}
    first = rich_shop.post(PATH, body, key="once")

    second = rich_shop.post(PATH, body, key="once")

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Payout.objects.filter(merchant=rich_shop.merchant).count() == 1
    assert available(rich_shop) == {"EUR": 9700}


def test_request_whose_process_died_is_carried_to_its_end_once(
    rich_shop: Shop, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def die(self: SandboxConnector, request: object) -> None:
        raise SystemExit

    settings.PAYMENTS_IDEMPOTENCY_LEASE_SECONDS = 0
    body = {"currency": "EUR", "destination": "ba_sandbox_instant", "amount": 300}
    with monkeypatch.context() as patched:
        patched.setattr(SandboxConnector, "payout", die)
        with pytest.raises(SystemExit):
            rich_shop.post(PATH, body, key="once")

    made = payment_in(rich_shop.post(PATH, body, key="once"), status=201)

    assert (made["status"], made["amount"]) == ("succeeded", 300)
    assert Payout.objects.filter(merchant=rich_shop.merchant).count() == 1
    assert ProcessorCall.objects.filter(kind="payout", merchant_id=rich_shop.merchant.id).count() == 1
    assert available(rich_shop) == {"EUR": 9700}
    assert check_ledger() == []


def test_every_change_is_an_event(rich_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pay_out(rich_shop, amount=100)
    monkeypatch.setattr(SandboxConnector, "payout", lambda self, request: Declined("no", None, "No."))
    failed = rich_shop.post(PATH, {"currency": "EUR", "destination": "ba_sandbox"}).json()["payout"]

    of_the_first = rows(rich_shop, "/v1/events", object_id=made["id"])
    of_the_second = rows(rich_shop, "/v1/events", object_id=failed["id"])

    assert [(event["type"], event["sequence"]) for event in of_the_first] == [
        ("payout.succeeded", 2),
        ("payout.created", 1),
    ]
    assert of_the_first[0]["data"] == made
    assert of_the_first[1]["data"]["status"] == "pending"
    assert [event["type"] for event in of_the_second] == ["payout.failed", "payout.created"]
    assert of_the_second[0]["data"] == failed


def test_list_is_narrowed_and_paged(rich_shop: Shop) -> None:
    earn(rich_shop, 700, "JPY")
    made = [pay_out(rich_shop, amount=100)["id"] for _ in range(3)]
    waiting = pay_out(rich_shop, amount=100, destination="ba_sandbox")["id"]
    yen = pay_out(rich_shop, currency="JPY")["id"]

    assert list(pages_forwards(rich_shop, PATH, limit=2)) == [[yen, waiting], [made[2], made[1]], [made[0]]]
    assert [row["id"] for row in rows(rich_shop, PATH, status="submitted")] == [waiting]
    assert [row["id"] for row in rows(rich_shop, PATH, currency="JPY")] == [yen]


def test_entries_in_the_journal_name_the_payout(rich_shop: Shop) -> None:
    made = pay_out(rich_shop, amount=100)

    found = rows(rich_shop, "/v1/balance/entries")

    assert [(entry["kind"], entry["payout"], entry["payment"]) for entry in found[:2]] == [
        ("payout_paid", made["id"], None),
        ("payout_created", made["id"], None),
    ]
