"""A process dies before, in or after any transaction or call to a processor; what it did is carried to its end, once.

The process is killed from within (tests/journeys/test_killed.py kills real ones). Each verb is done twice: by a shop
whose process dies and is done over, and by one whose process lives. Both have to end alike.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from payments import conf
from payments.models import (
    ApiKey,
    Dispute,
    Event,
    JournalEntry,
    Payment,
    Payout,
    ProcessorCall,
    ProcessorEvent,
    Refund,
    WebhookDelivery,
)
from payments.operations.balances import merchant_balance
from payments.operations.ledger_check import check_ledger
from tests.boundaries import Boundary, Died, Site, When, sites
from tests.machine.truth import calls_nobody_asked_for, charges_of, expected_payment
from tests.machine.world import SOON, World
from tests.operations.crash_points import (
    FAILING_OVER,
    LEFT_TO_THE_WORKER,
    REQUESTS,
    SITES,
    VERBS,
    fail_over,
    follow_a_schedule,
)
from tests.operations.crash_verbs import Verb
from tests.shop import Shop


@pytest.fixture
def world(committed_db: None) -> Iterator[World]:
    """Return two shops, a worker and a clock; whatever happens is rolled back."""
    begun = World()
    yield begun
    begun.end()


def boundaries(site: Site) -> list[Boundary]:
    """Return the moments at which a process can die there."""
    return [Boundary(site, when) for when in When if site.is_transaction or when is not When.INSIDE]


CRASHES = [
    pytest.param(verb, boundary, id=f"{verb.__name__} {boundary}")
    for name, verbs in SITES.items()
    for verb in verbs
    for boundary in boundaries(Site(*name.split(": ")))
]


def dies(world: World, verb: Verb, boundary: Boundary) -> Any:
    """Do the verb for the first shop, with a process that dies at the boundary, and return the act."""
    act = verb(world, world.shops[0])
    deaths: list[Boundary] = []

    def die(passed: Boundary) -> None:
        if passed == boundary and not deaths:
            deaths.append(passed)
            raise Died(passed)

    with world.watching.doing(die):
        act()
    assert deaths, f"{verb.__name__} does not come past {boundary}"
    world.check_constraints()
    assert check_ledger() == []
    return act


def traces(shop: Shop) -> dict[str, Any]:
    """Return everything that a verb leaves behind, here and at the processor, without ids and times."""
    owned = shop.caller.owned
    payments = list(Payment.objects.filter(**owned).order_by("id"))
    return {
        "payments": [
            (
                *(payment.status, payment.amount_authorized, payment.amount_capturable, payment.amount_captured),
                *(payment.amount_refunded, payment.amount_refund_pending),
            )
            for payment in payments
        ],
        "refunds": list(Refund.objects.filter(**owned).order_by("id").values_list("status", "amount")),
        "payouts": list(Payout.objects.filter(**owned).order_by("id").values_list("status", "amount")),
        "disputes": list(Dispute.objects.filter(**owned).order_by("id").values_list("status", "amount")),
        "calls": list(ProcessorCall.objects.filter(**owned).order_by("id").values_list("kind", "status", "amount")),
        "entries": list(JournalEntry.objects.filter(**owned).order_by("id").values_list("kind", flat=True)),
        "events": list(Event.objects.filter(**owned).order_by("id").values_list("type", "sequence")),
        "charges": [
            (charge.amount_authorized, charge.amount_captured, charge.amount_voided, charge.amount_refunded)
            for payment in payments
            for charge in charges_of(payment)
        ],
        # Whether it is applied, or known already, depends on who was first.
        "news": sorted(
            ProcessorEvent.objects.filter(
                payload__data__idempotency_key__in=[call.public_id for call in ProcessorCall.objects.filter(**owned)]
            ).values_list("type", flat=True)
        ),
        "keys": [(key.scopes, key.replaced_by_id is not None) for key in ApiKey.objects.filter(**owned).order_by("id")],
        "deliveries": list(
            WebhookDelivery.objects.filter(**owned).order_by("id").values_list("event__type", "status", "attempts")
        ),
        "balance": merchant_balance(caller=shop.caller),
    }


def test_the_table_has_every_commit_and_every_call_to_a_processor() -> None:
    found, listed = {str(site): place for site, place in sites().items()}, SITES.keys()

    new = {site: place for site, place in found.items() if site not in listed}
    gone = listed - found.keys()

    assert not new, (
        f"Processes can die at places that tests/operations/crash_points.py does not have: {new}."
        " Write a verb there that passes each, and name it in the row of the place in SITES."
    )
    assert not gone, f"SITES in tests/operations/crash_points.py has rows that the code has no longer: {gone}."


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_the_table_has_every_verb_in_the_rows_of_all_places_it_passes(world: World, verb: Verb) -> None:
    act = verb(world, world.shops[0])
    world.watching.passed.clear()

    act()

    passed = {str(boundary.site) for boundary in world.watching.passed}
    assert passed == {site for site, verbs in SITES.items() if verb in verbs}


@pytest.mark.parametrize(
    ("verb", "boundary"), [crash for crash in CRASHES if crash.values[0] not in LEFT_TO_THE_WORKER + FAILING_OVER]
)
def test_what_died_is_done_over_and_ends_as_if_it_had_lived(world: World, verb: Verb, boundary: Boundary) -> None:
    act = dies(world, verb, boundary)

    world.advance(timedelta(seconds=conf.idempotency_lease_seconds() + 1))
    act()
    verb(world, world.shops[1])()
    world.rest()

    assert traces(world.shops[0]) == traces(world.shops[1])
    world.check_constraints()
    assert check_ledger() == []


@pytest.mark.parametrize(("verb", "boundary"), [crash for crash in CRASHES if crash.values[0] in REQUESTS])
def test_what_died_and_nobody_repeats_is_brought_to_its_end_by_the_worker(
    world: World, verb: Verb, boundary: Boundary
) -> None:
    act = dies(world, verb, boundary)

    world.rest(SOON)
    brought = traces(world.shops[0])
    told = act()
    repeated = act()

    for payment in world.payments:
        found = (payment.status, payment.amount_authorized, payment.amount_capturable, payment.amount_captured)
        assert found == expected_payment(payment)
    if brought["calls"] and brought["calls"][-1][1] == "declined":
        assert (told.status, told.document["decline_code"]) == (402, "never_received")
    else:
        assert told.status in (200, 201)
    assert (repeated.status, repeated.document) == (told.status, told.document)
    assert not calls_nobody_asked_for(world.merchant_ids)
    assert check_ledger() == []


@pytest.mark.parametrize(
    "boundary", [crash.values[1] for crash in CRASHES if crash.values[0] in LEFT_TO_THE_WORKER], ids=str
)
def test_payout_by_schedule_that_died_is_paid_once_or_released(world: World, boundary: Boundary) -> None:
    shop = world.shops[0]
    act = dies(world, follow_a_schedule, boundary)

    act()
    world.rest()
    before = traces(shop)
    act()
    world.rest()

    assert set(before["payouts"]) <= {("succeeded", 1000), ("failed", 1000)}
    # What the processor never received is paid out with the next run; that is days later here.
    assert [status for status, _ in traces(shop)["payouts"]].count("succeeded") == 1
    assert check_ledger() == []


# What a payment that fails over passes: two of these processes, but for the first transaction.
_TRANSACTION, _CALL = len(When), 2
_BEGUN = _TRANSACTION - 1
_MOVED_ON = _TRANSACTION + _CALL + _TRANSACTION + _TRANSACTION - 1
_ASKED = _MOVED_ON + _CALL
_ANSWERED = _ASKED + _TRANSACTION


def reached(world: World) -> tuple[str, list[tuple[str, str]]]:
    """Return where the one payment stands, and its calls: at whom, and what came of each."""
    (payment,) = world.payments
    calls = ProcessorCall.objects.filter(payment=payment).order_by("id")
    # A key names the newest of its calls.
    assert calls_nobody_asked_for(world.merchant_ids) == {call.pk for call in calls if call.status == "not_sent"}
    assert len(charges_of(payment)) == (payment.status == "succeeded")
    world.check_constraints()
    assert check_ledger() == []
    return payment.status, list(calls.values_list("connector", "status"))


def die_failing_over(world: World, number: int) -> Any:
    """Take a payment that fails over, with a process that dies at its boundary of this number; return the act."""
    act = fail_over(world, world.shops[0])
    with world.watching.dying_at(number):
        assert (act() is None) == (number <= _ANSWERED)
    return act


@pytest.mark.parametrize("number", range(_ANSWERED + 2))
def test_failover_that_died_is_repeated_and_goes_to_one_processor(world: World, number: int) -> None:
    act = die_failing_over(world, number)

    world.advance(timedelta(seconds=conf.idempotency_lease_seconds() + 1))
    act()
    world.rest(SOON)

    # A call that may have been sent before goes to nobody else.
    doubted = _BEGUN <= number < _MOVED_ON
    expected = ("requires_payment_method", [("alpha", "declined")])
    assert reached(world) == (expected if doubted else ("succeeded", [("alpha", "not_sent"), ("beta", "succeeded")]))


@pytest.mark.parametrize("number", range(_BEGUN, _ANSWERED + 1))
def test_failover_that_died_and_nobody_repeats_is_brought_to_its_end_by_the_worker(world: World, number: int) -> None:
    die_failing_over(world, number)

    world.rest(SOON)

    if number < _MOVED_ON:
        assert reached(world) == ("requires_payment_method", [("alpha", "declined")])
    elif number < _ASKED:
        assert reached(world) == ("requires_payment_method", [("alpha", "not_sent"), ("beta", "declined")])
    else:
        assert reached(world) == ("succeeded", [("alpha", "not_sent"), ("beta", "succeeded")])
