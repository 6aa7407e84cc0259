"""A payment goes where the merchant's rules and accounts send it, and on to the next processor if one is not there."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from django.utils import timezone

from payments.models import Event, IdempotencyRecord, Payment, ProcessorCall, RoutingRule
from payments.operations.ledger_check import check_ledger
from payments.operations.processor_accounts import enable_account
from payments.operations.unknown_outcomes import ask_again
from tests.api.answers import payment_in, problem_in
from tests.processors import Processor, account_at, set_up
from tests.settling import earn
from tests.shop import Shop, payment_named, uuid_of
from tests.snapshot import nothing_written


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> list[Processor]:
    """Return four processors."""
    return set_up(monkeypatch, "alpha", "beta", "gamma", "delta")


@pytest.fixture
def alpha(shop: Shop, processors: list[Processor]) -> Processor:
    """Return the first, where the shop has an account."""
    account_at(shop, processors[0])
    return processors[0]


@pytest.fixture
def beta(shop: Shop, alpha: Processor, processors: list[Processor]) -> Processor:
    """Return the second, where the shop has its second account."""
    account_at(shop, processors[1])
    return processors[1]


def rule(shop: Shop, position: int, *connectors: str, **changes: Any) -> RoutingRule:
    """Write a routing rule of the shop's."""
    return RoutingRule.objects.create(
        merchant=shop.merchant, mode=shop.mode, position=position, connectors=list(connectors), **changes
    )


def calls_of(payment: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a payment's calls in their order: to whom, and what came of it."""
    calls = ProcessorCall.objects.filter(payment_id=uuid_of(payment["id"])).order_by("id")
    return list(calls.values_list("connector", "status"))


def test_payment_goes_to_the_merchants_first_account(shop: Shop, alpha: Processor, beta: Processor) -> None:
    payment = payment_in(shop.pay(), status=201)

    assert (payment["connector"], payment["status"]) == ("alpha", "succeeded")
    assert calls_of(payment) == [("alpha", "succeeded")]


def test_rule_sends_a_payment_elsewhere(shop: Shop, alpha: Processor, beta: Processor) -> None:
    rule(shop, 1, "beta", currency="EUR", amount_from=1000, amount_to=5000)

    chosen = [shop.pay(amount=amount).json()["connector"] for amount in (999, 1000, 5000, 5001)]

    assert chosen == ["alpha", "beta", "beta", "alpha"]


def test_rule_sees_the_card_that_a_payment_is_confirmed_with(shop: Shop, alpha: Processor, beta: Processor) -> None:
    rule(shop, 1, "beta", payment_method_prefix="pm_card_master")
    path = f"/v1/payments/{shop.pay(confirm=False).json()['id']}/confirm"

    confirmed = payment_in(shop.post(path, {"payment_method": "pm_card_mastercard"}))

    assert confirmed["connector"] == "beta"


def test_connector_without_an_enabled_account_is_passed_over(
    shop: Shop, alpha: Processor, beta: Processor, processors: list[Processor]
) -> None:
    account_at(shop, processors[2], is_enabled=False)
    rule(shop, 1, "gamma", "delta", "beta")
    rule(shop, 2, "alpha")

    payment = shop.pay().json()

    assert payment["connector"] == "beta"


def test_disabled_account_takes_no_new_payment_but_ends_its_old_ones(
    shop: Shop, alpha: Processor, beta: Processor
) -> None:
    authorized = shop.authorize()
    account = shop.merchant.processor_accounts.get(connector="alpha")
    enable_account(account=account, is_enabled=False, now=timezone.now())

    captured = shop.post(f"/v1/payments/{authorized['id']}/capture")
    refunded = shop.post("/v1/refunds", {"payment": authorized["id"]})
    new = shop.pay().json()

    assert (captured.json()["connector"], captured.json()["status"]) == ("alpha", "succeeded")
    assert refunded.json()["status"] == "succeeded"
    assert new["connector"] == "beta"
    assert [method for method, _ in alpha.asked] == ["authorize", "capture", "refund"]


def test_test_payments_go_to_the_sandbox_without_an_account_and_live_ones_nowhere(
    shop: Shop, live_shop: Shop, processors: list[Processor]
) -> None:
    account_at(shop, processors[0], is_enabled=False)

    assert shop.pay().json()["connector"] == "sandbox"
    problem_in(live_shop.pay(), status=422, code="no_processor_available")


def test_live_payment_goes_to_the_live_account(shop: Shop, live_shop: Shop, processors: list[Processor]) -> None:
    account_at(shop, processors[0])
    account_at(live_shop, processors[1])

    assert live_shop.pay().json()["connector"] == "beta"


def test_account_of_another_merchant_is_no_way(shop: Shop, other_shop: Shop, alpha: Processor) -> None:
    rule(other_shop, 1, "alpha")

    assert other_shop.pay().json()["connector"] == "sandbox"


def test_rule_can_fall_back_on_the_sandbox(shop: Shop, alpha: Processor) -> None:
    rule(shop, 1, "alpha", "sandbox")
    alpha.is_unreachable()

    assert shop.pay().json()["connector"] == "sandbox"


def test_authorization_that_could_not_be_sent_goes_to_the_next(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()

    payment = payment_in(shop.pay(), status=201)

    events = Event.objects.filter(object_id=uuid_of(payment["id"])).order_by("sequence")
    told = [(event.type, event.data["status"], event.data["connector"]) for event in events]
    assert (payment["status"], payment["connector"], payment["last_error"]) == ("succeeded", "beta", None)
    assert calls_of(payment) == [("alpha", "not_sent"), ("beta", "succeeded")]
    assert told == [
        ("payment.created", "processing", "alpha"),
        ("payment.rerouted", "processing", "beta"),
        ("payment.succeeded", "succeeded", "beta"),
    ]
    assert check_ledger() == []


def test_each_processor_sees_a_key_of_its_own(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()

    shop.pay()

    (_, first), (_, second) = alpha.asked[0], beta.asked[0]
    calls = ProcessorCall.objects.order_by("id")
    assert [call.public_id for call in calls] == [first, second]


def test_rerouted_payment_is_captured_and_refunded_where_it_is(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()
    payment = shop.authorize()
    alpha.is_well()

    shop.post(f"/v1/payments/{payment['id']}/capture")
    shop.post("/v1/refunds", {"payment": payment["id"]})

    assert calls_of(payment)[1:] == [("beta", "succeeded")] * 3
    assert check_ledger() == []


def test_answer_of_a_rerouted_payment_is_kept_under_its_key(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()

    first, again = shop.pay_under("the-key"), shop.pay_under("the-key")

    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert len(alpha.asked) == len(beta.asked) == 1


def test_confirmation_goes_on_as_well(shop: Shop, alpha: Processor, beta: Processor) -> None:
    path = f"/v1/payments/{shop.pay(confirm=False).json()['id']}/confirm"
    alpha.is_unreachable()

    assert payment_in(shop.post(path))["connector"] == "beta"


def test_no_other_processor_is_tried_after_three(shop: Shop, beta: Processor, processors: list[Processor]) -> None:
    for processor in processors:
        processor.is_unreachable()
    account_at(shop, processors[2])
    account_at(shop, processors[3])

    problem = problem_in(shop.pay(), status=502, code="processor_unreachable")

    payment = problem["payment"]
    assert calls_of(payment) == [("alpha", "not_sent"), ("beta", "not_sent"), ("gamma", "not_sent")]
    assert (payment["status"], payment["connector"]) == ("requires_payment_method", "gamma")
    assert payment["last_error"]["code"] == "processor_unreachable"
    assert check_ledger() == []


def test_next_attempt_begins_with_the_first_processor_again(shop: Shop, alpha: Processor, beta: Processor) -> None:
    for processor in (alpha, beta):
        processor.is_unreachable()
    payment = shop.pay().json()["payment"]
    for processor in (alpha, beta):
        processor.is_well()

    confirmed = payment_in(shop.post(f"/v1/payments/{payment['id']}/confirm", {"payment_method": "pm_card_visa"}))

    assert (confirmed["connector"], confirmed["status"]) == ("alpha", "succeeded")


@pytest.mark.parametrize("method", ["pm_card_declined", "pm_fault_timeout_before", "pm_fault_timeout_after"])
def test_answer_or_doubt_ends_the_search(shop: Shop, alpha: Processor, beta: Processor, method: str) -> None:
    shop.pay(payment_method=method)

    assert (len(alpha.asked), beta.asked) == (1, [])


def test_decline_by_the_next_is_the_answer(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()

    problem = problem_in(
        shop.pay(payment_method="pm_card_declined"), status=402, code="payment_declined", param="payment_method"
    )

    assert calls_of(problem["payment"]) == [("alpha", "not_sent"), ("beta", "declined")]


def test_doubt_at_the_next_is_settled_by_asking_it(shop: Shop, alpha: Processor, beta: Processor) -> None:
    alpha.is_unreachable()
    payment = payment_in(shop.pay(payment_method="pm_fault_timeout_after"), status=201)

    ask_again(call_id=ProcessorCall.objects.latest("id").pk, attempt=0, now=timezone.now())

    found = payment_named(payment["id"])
    assert (payment["status"], found.status, found.connector) == ("processing", "succeeded", "beta")
    assert check_ledger() == []


@pytest.mark.parametrize("step", ["capture", "cancel", "refund"])
def test_only_authorizations_go_on(shop: Shop, alpha: Processor, beta: Processor, step: str) -> None:
    payment = shop.pay().json() if step == "refund" else shop.authorize()
    alpha.is_unreachable()

    if step == "refund":
        shop.post("/v1/refunds", {"payment": payment["id"]})
    else:
        shop.post(f"/v1/payments/{payment['id']}/{step}")

    assert beta.asked == []


def test_payout_goes_by_the_first_account_and_to_no_other(shop: Shop, processors: list[Processor]) -> None:
    earn(shop, 1000)
    alpha, beta = processors[:2]
    account_at(shop, alpha)
    account_at(shop, beta)
    rule(shop, 1, "beta")
    body = {"currency": "EUR", "amount": 100, "destination": "ba_sandbox_instant"}
    paid = shop.post("/v1/payouts", body)
    alpha.is_unreachable()

    failed = shop.post("/v1/payouts", body)

    calls = ProcessorCall.objects.filter(kind="payout").order_by("id")
    assert paid.json()["status"] == "succeeded"
    problem_in(failed, status=502, code="processor_unreachable")
    assert [(call.connector, call.status) for call in calls] == [("alpha", "succeeded"), ("alpha", "not_sent")]


def test_nothing_is_written_where_no_processor_answers(shop: Shop, alpha: Processor) -> None:
    alpha.is_silent()
    for _ in range(5):
        shop.pay()
    key = shop.fresh_key()

    with nothing_written():
        problem = problem_in(shop.pay_under(key), status=502, code="processor_unreachable")
    alpha.is_well()
    with time_machine.travel(timezone.now() + timedelta(seconds=31)):
        again = shop.pay_under(key)

    assert "payment" not in problem
    assert len(alpha.asked) == 6
    assert payment_in(again, status=201)["status"] == "succeeded"


def test_retry_of_a_rerouted_request_that_died_takes_up_the_newest_call(
    shop: Shop, alpha: Processor, beta: Processor
) -> None:
    alpha.is_unreachable()

    def die() -> None:
        raise KeyboardInterrupt

    beta.fault = die
    with pytest.raises(KeyboardInterrupt):
        shop.pay_under("the-key")
    beta.is_well()
    record = IdempotencyRecord.objects.get(key="the-key", merchant=shop.merchant)
    under_way = calls_of({"id": Payment.objects.latest("id").public_id})

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        payment = payment_in(shop.pay_under("the-key"), status=201)

    assert under_way == [("alpha", "not_sent"), ("beta", "created")]
    assert record.processor_call == ProcessorCall.objects.get(connector="beta")
    assert calls_of(payment) == [("alpha", "not_sent"), ("beta", "succeeded")]
    assert (len(alpha.asked), len(beta.asked)) == (1, 2)
    assert check_ledger() == []


def test_request_that_died_before_the_first_answer_goes_to_no_other(
    shop: Shop, alpha: Processor, beta: Processor
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    alpha.fault = die
    with pytest.raises(KeyboardInterrupt):
        shop.pay_under("the-key")
    alpha.is_unreachable()

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        payment = payment_in(shop.pay_under("the-key"), status=201)

    assert payment["status"] == "processing"
    assert calls_of(payment) == [("alpha", "unknown")]
    assert beta.asked == []
