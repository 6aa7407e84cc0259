"""Every place where a process can lose its work, and the verbs that pass there.

`SITES` is complete: a test compares it with the code, and another with what each verb really passes. A new operation
joins with a verb (it returns what is done, and done again after a crash) and its name in the rows of its sites.
"""

from datetime import timedelta
from typing import Any, Final

import pytest

from django.utils import timezone

from payments import tasks
from payments.models import Discrepancy, PayoutSchedule, ProcessorCall, ProcessorEvent, Repair
from payments.models.reconciliation import RepairAction
from payments.operations import discrepancies, processor_events, repairs
from payments.operations.balances import checkpoint_balances
from payments.operations.ledger_check import check_ledger, run_check
from payments.operations.unknown_outcomes import LOST_AFTER
from tests.boundaries import Boundary, Died, When
from tests.disputes import disputed
from tests.machine.world import Asked, World
from tests.news import tell
from tests.operations.crash_verbs import (
    Act,
    Verb,
    change_an_endpoint,
    have_events_sent,
    living,
    restrict_a_key,
    roll_a_key,
    rotate_keys,
    send_webhooks,
    send_webhooks_again,
)
from tests.processors import account_at, news_body, set_up, signed
from tests.reports import charge_line, csv_of, take_in
from tests.settling import earn
from tests.shop import Shop, uuid_of

PAYMENT: Final = {"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa"}


def create(world: World, shop: Shop) -> Act:
    """Create a payment and capture it."""
    return _request(world, shop, "/v1/payments", PAYMENT | {"merchant_reference": "order-1"})


def prepare(world: World, shop: Shop) -> Act:
    """Create a payment that is not confirmed: no processor is asked."""
    return _request(world, shop, "/v1/payments", PAYMENT | {"confirm": False})


def confirm(world: World, shop: Shop) -> Act:
    """Confirm a prepared payment."""
    return _request(world, shop, f"/v1/payments/{shop.pay(confirm=False).json()['id']}/confirm", {})


def capture(world: World, shop: Shop) -> Act:
    """Capture a part, which a second time would still be possible."""
    return _request(world, shop, f"/v1/payments/{shop.authorize()['id']}/capture", {"amount": 500})


def cancel(world: World, shop: Shop) -> Act:
    """Cancel an authorized payment."""
    return _request(world, shop, f"/v1/payments/{shop.authorize()['id']}/cancel", {})


def refund(world: World, shop: Shop) -> Act:
    """Refund a part, which a second time would still be possible."""
    return _request(world, shop, "/v1/refunds", {"payment": shop.pay().json()["id"], "amount": 500})


def repeat(world: World, shop: Shop) -> Act:
    """Repeat a request that died after the processor had acted, and which the worker has settled meanwhile."""
    act = create(world, shop)
    with world.watching.doing(_die_after_the_processor):
        act()
    world.rest()
    return act


def fail_over(world: World, shop: Shop) -> Act:
    """Take a payment whose first processor cannot be reached."""
    alpha, beta = set_up(world.exits.enter_context(pytest.MonkeyPatch.context()), "alpha", "beta")
    account_at(shop, alpha)
    account_at(shop, beta)
    alpha.is_unreachable()
    return _request(world, shop, "/v1/payments", PAYMENT)


def ask_about_a_doubt(world: World, shop: Shop) -> Act:
    """Ask the processor what became of a call whose answer was lost."""
    call = _doubt(shop)
    return lambda: world.work("asks", tasks.resolve_call.func, call_id=str(call.pk), attempt=0)


def look_for_lost_calls(world: World, shop: Shop) -> Act:
    """Find the call of a request that died."""
    with world.watching.doing(_die_after_the_processor):
        create(world, shop)()

    def look() -> None:
        # Whoever took it over before has died as well, and its lease with it.
        world.advance(LOST_AFTER)
        world.work("looks for lost calls", tasks.find_lost_calls.func, timestamp=0)

    return look


def collect(world: World, shop: Shop) -> Act:
    """Collect the processor's news, which it delivers twice."""
    shop.pay(payment_method="pm_fault_duplicate_webhook")
    return lambda: world.work("collects news", tasks.collect_news.func)


def apply(world: World, shop: Shop) -> Act:
    """Apply news."""
    shop.pay(payment_method="pm_fault_reordered_webhooks")
    tasks.collect_news.func()
    event = ProcessorEvent.objects.latest("id")
    return lambda: world.work("applies", tasks.apply_processor_event.func, event_id=str(event.pk), attempt=0)


def replay(world: World, shop: Shop) -> Act:
    """Apply news again that came before what it is about."""
    payment = shop.pay(payment_method="pm_fault_late_webhook").json()
    call = ProcessorCall.objects.get(payment_id=uuid_of(payment["id"]))
    event = tell("coffee.ready", call.public_id, {"idempotency_key": call.public_id})
    return lambda: living(
        lambda: processor_events.replay_event(event_id=event.pk, by="ann", reason="They say so.", now=timezone.now())
    )


def receive(world: World, shop: Shop) -> Act:
    """Take in what a processor sends, and sends again."""
    (alpha,) = set_up(world.exits.enter_context(pytest.MonkeyPatch.context()), "alpha")
    path = f"/v1/processor_webhooks/alpha/{account_at(shop, alpha).public_id}"
    shop.pay()
    key = ProcessorCall.objects.get(merchant_id=shop.merchant.id).public_id
    answer = {"outcome": "Succeeded", "processor_reference": "sbx_1", "authorization_code": None}
    said = {"idempotency_key": key, "answer": answer}
    body = news_body("request.answered", said)
    return lambda: living(lambda: shop.client.post(path, body, content_type="application/json", headers=signed(body)))


def take_checkpoints(world: World, shop: Shop) -> Act:
    """Sum the journal up."""
    shop.pay()
    return lambda: living(lambda: checkpoint_balances(now=timezone.now()))


def check(world: World, shop: Shop) -> Act:
    """Check the ledger, which reads and writes nothing."""
    shop.pay()
    return lambda: living(check_ledger)


def pay_out(world: World, shop: Shop) -> Act:
    """Pay out a part of what is available, which a second time would still be possible."""
    earn(shop, 1000)
    return _request(world, shop, "/v1/payouts", {"currency": "EUR", "amount": 400, "destination": "ba_sandbox"})


def follow_a_schedule(world: World, shop: Shop) -> Act:
    """Pay out what is available, because it is time."""
    earn(shop, 1000)
    terms = {"currency": "EUR", "destination": "ba_sandbox", "interval": "daily"}
    PayoutSchedule.objects.create(merchant=shop.merchant, mode=shop.mode, **terms)
    return lambda: world.work("pays out by schedules", tasks.pay_out_scheduled.func, timestamp=0)


def send_evidence(world: World, shop: Shop) -> Act:
    """Argue against a dispute."""
    path = f"/v1/disputes/{disputed(shop).public_id}/evidence"
    return _request(world, shop, path, {"evidence": {"text": "winning_evidence"}})


def accept_a_dispute(world: World, shop: Shop) -> Act:
    """Give a dispute up."""
    return _request(world, shop, f"/v1/disputes/{disputed(shop).public_id}/accept", {})


def expire_payments(world: World, shop: Shop) -> Act:
    """End a payment that nobody has paid."""
    shop.pay(confirm=False)
    world.advance(timedelta(days=3))
    return lambda: world.work("expires payments", tasks.expire_payments.func, timestamp=0)


def expire_reserves(world: World, shop: Shop) -> Act:
    """Release a reserve that has lapsed."""
    shop.authorize()
    world.advance(timedelta(days=8))
    return lambda: world.work("expires reserves", tasks.expire_authorizations.func, timestamp=0)


def check_and_record(world: World, shop: Shop) -> Act:
    """Check the ledger and record the run."""
    shop.pay()
    return lambda: living(lambda: run_check(full=True, now=timezone.now()))


def take_in_a_report(world: World, shop: Shop) -> Act:
    """Reconcile a settlement report that was handed in."""
    content = csv_of([charge_line(shop.pay().json())])
    return lambda: living(lambda: take_in(content))


def reconcile_reports(world: World, shop: Shop) -> Act:
    """Fetch the sandbox's reports and reconcile them."""
    shop.pay()
    world.advance(timedelta(days=1))
    return lambda: world.work("reconciles", tasks.reconcile_reports.func, timestamp=0)


def assign(world: World, shop: Shop) -> Act:
    """Say who looks after a discrepancy."""
    found = _discrepancy(shop)
    return lambda: living(lambda: discrepancies.assign(discrepancy_id=found.pk, owner="ann"))


def resolve(world: World, shop: Shop) -> Act:
    """Close a discrepancy."""
    found, why = _discrepancy(shop), "A rounding of theirs."
    return lambda: living(
        lambda: discrepancies.resolve(discrepancy_id=found.pk, resolution=why, by="ann", now=timezone.now())
    )


def propose(world: World, shop: Shop) -> Act:
    """Propose an answer to a doubt."""
    call = _doubt(shop)
    return lambda: living(lambda: _propose(call))


def approve(world: World, shop: Shop) -> Act:
    """Approve an answer to a doubt."""
    repair = _propose(_doubt(shop))
    return lambda: living(lambda: repairs.approve_repair(repair_id=repair.pk, by="bob", now=timezone.now()))


def reject(world: World, shop: Shop) -> Act:
    """Turn an answer to a doubt down."""
    repair = _propose(_doubt(shop))
    return lambda: living(lambda: repairs.reject_repair(repair_id=repair.pk, by="bob", now=timezone.now()))


REQUESTS: Final = (create, confirm, capture, cancel, refund, pay_out, send_evidence, accept_a_dispute)
# What is not done over, but brought to its end by the worker alone.
LEFT_TO_THE_WORKER: Final = (follow_a_schedule,)
# What goes another way where it is done over: see the tests of its own.
FAILING_OVER: Final = (fail_over,)
EXPIRING: Final = (expire_payments, expire_reserves)
ASKING: Final = (ask_about_a_doubt, look_for_lost_calls)

SITES: Final[dict[str, tuple[Verb, ...]]] = {
    "operations.steps.carry_out: transaction 1": (*REQUESTS, prepare, repeat, fail_over),
    "operations.steps.carry_out: transaction 2": (repeat,),
    "operations.steps.carry_out: transaction 3": (*REQUESTS, fail_over),
    "operations.circuit_breakers._count_failure: transaction 1": (fail_over,),
    "operations.processor_calls._ask: authorize": (create, confirm, fail_over),
    "operations.processor_calls._ask: capture": (capture,),
    "operations.processor_calls._ask: void": (cancel,),
    "operations.processor_calls._ask: refund": (refund,),
    "operations.processor_calls._ask: payout": (pay_out, follow_a_schedule),
    "operations.processor_calls._ask: submit_evidence": (send_evidence,),
    "operations.processor_calls._ask: accept_dispute": (accept_a_dispute,),
    "operations.payout_schedules._open: transaction 1": (follow_a_schedule,),
    "operations.payout_schedules._follow: transaction 1": (follow_a_schedule,),
    "operations.expiry._each: transaction 1": EXPIRING,
    "operations.processor_calls.query_call: query": ASKING,
    "operations.unknown_outcomes.ask_again: transaction 1": ASKING,
    "operations.processor_events._collect: due_notices": (collect,),
    "operations.processor_events._collect: acknowledge": (collect,),
    "operations.processor_events.store_news: transaction 1": (collect, receive),
    "operations.processor_events.apply_event: transaction 1": (apply,),
    "operations.processor_events.replay_event: transaction 1": (replay,),
    "operations.processor_webhooks._received: receive": (receive,),
    "operations.balances.checkpoint_balances: transaction 1": (take_checkpoints,),
    "operations.ledger_check.runs._look: transaction 1": (check, check_and_record),
    "operations.ledger_check.runs.run_check: transaction 1": (check_and_record,),
    "operations.reconciliation._take_in_chunk: transaction 1": (take_in_a_report, reconcile_reports),
    "operations.reconciliation._finish: transaction 1": (take_in_a_report, reconcile_reports),
    "operations.processor_reports._fetch_new: reports": (reconcile_reports,),
    "operations.processor_reports._fetch: report": (reconcile_reports,),
    "operations.missing._match_unknown: transaction 1": (reconcile_reports,),
    "operations.missing._sweep: transaction 1": (reconcile_reports,),
    "operations.discrepancies.assign: transaction 1": (assign,),
    "operations.discrepancies.resolve: transaction 1": (resolve,),
    "operations.repairs._propose: transaction 1": (propose,),
    "operations.repairs.approve_repair: transaction 1": (approve,),
    "operations.repairs.reject_repair: transaction 1": (reject,),
    "operations.api_keys.roll_api_key: transaction 1": (roll_a_key,),
    "operations.api_keys.restrict_api_key: transaction 1": (restrict_a_key,),
    "operations.webhook_endpoints.create_endpoint: transaction 1": (have_events_sent,),
    "operations.webhook_endpoints._changing: transaction 1": (change_an_endpoint,),
    "operations.deliveries.record_attempts: transaction 1": (send_webhooks,),
    "operations.encryption_rotation._rotate: transaction 1": (rotate_keys,),
    "operations.delivery_log.redeliver: transaction 1": (send_webhooks_again,),
    "operations.delivery_log.redeliver_range: transaction 1": (send_webhooks_again,),
}
VERBS: Final = tuple(dict.fromkeys(verb for verbs in SITES.values() for verb in verbs))


def _request(world: World, shop: Shop, path: str, body: dict[str, Any]) -> Act:
    asked = Asked(shop, f"asks {path}", "request", path, body, shop.fresh_key())
    world.asked.append(asked)
    return lambda: world.send(asked)


def _doubt(shop: Shop) -> ProcessorCall:
    shop.pay(payment_method="pm_fault_timeout_after")
    return ProcessorCall.objects.filter(merchant_id=shop.merchant.id).latest("id")


def _discrepancy(shop: Shop) -> Discrepancy:
    take_in([charge_line(shop.pay().json(), gross=1000)])
    return Discrepancy.objects.filter(merchant_id=shop.merchant.id).latest("id")


def _propose(call: ProcessorCall) -> Repair:
    return repairs.propose_answer(
        call_id=call.pk,
        action=RepairAction.DECLINED,
        processor_reference=None,
        reason="Their support says so.",
        by="alice",
        now=timezone.now(),
    )


def _die_after_the_processor(boundary: Boundary) -> None:
    if boundary.when is When.AFTER and not boundary.site.is_transaction:
        raise Died(boundary)
