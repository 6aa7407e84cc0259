"""Merchants and a worker do whatever they can in whatever order, and everything goes wrong; the books stay right.

Processes die at every commit and every call to the processor, the network breaks before and after the processor acts,
others act while it takes its time, news comes late, twice and out of order, and jobs are run in any order and again.
After each step the ledger adds up; when all has come to rest, every status, amount and balance is what the sandbox's
own books say, and every request of a merchant's has one answer.

A noun joins with a module of its own: a class of rules (`@rule` methods that ask the API through `world.ask` and
check the answer) which overrides `in_bounds` (true after each step), `as_the_processor_has_it` (true at rest) and,
where it has something to finish, `come_to_rest`; `Machine` takes it in as a further base. New payment methods of the
sandbox join by themselves.

The same stories in every run. To look further: `pytest -n 0 tests/machine --hypothesis-profile=long --timeout=0`.
What is found prints as a story, a line a step.
"""

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.defects import DEFECTS, FOUND_QUICKLY, Plant
from tests.machine.dispute_rules import DisputeRules
from tests.machine.key_rules import KeyRules
from tests.machine.payer_rules import PayerRules
from tests.machine.payout_rules import PayoutRules
from tests.machine.refund_rules import RefundRules
from tests.machine.worker_rules import WorkerRules

LOOKS_FURTHER: Final = settings.get_current_profile_name() == "long"
STEPS: Final = 25
# An example is some fifty requests and jobs: less than half a second.
EXAMPLES_OF_THE_GATE: Final = 32
EXAMPLES: Final = 2000 if LOOKS_FURTHER else EXAMPLES_OF_THE_GATE
# Each shard has stories of its own.
SHARDS: Final = range(2)


class Machine(RefundRules, PayerRules, DisputeRules, PayoutRules, KeyRules, WorkerRules):
    """Every noun's rules."""


def tell_stories(shard: int, *phases: Phase, examples: int = EXAMPLES) -> None:
    """Tell the stories of a shard, other ones each time where the profile looks further."""
    machine = type("Machine", (Machine,), {})
    if phases == (Phase.generate,) or not LOOKS_FURTHER:
        machine = seed(shard)(machine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            phases=phases,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            database=None,
        ),
    )


@pytest.mark.timeout(0 if LOOKS_FURTHER else 300)
@pytest.mark.parametrize("shard", SHARDS)
def test_whatever_happens_the_books_are_right(shard: int, monkeypatch: pytest.MonkeyPatch, committed_db: None) -> None:
    # What goes wrong is told in some two minutes; Hypothesis would look for a shorter story for five.
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", 60)

    tell_stories(shard, Phase.generate, Phase.shrink)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", DEFECTS if LOOKS_FURTHER else FOUND_QUICKLY, ids=lambda plant: plant.__name__)
def test_a_planted_defect_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch, committed_db: None) -> None:
    plant(monkeypatch)

    # Whatever the machine trips over first; a defect can show in many ways.
    with pytest.raises(Exception):
        tell_stories(0, Phase.generate, examples=EXAMPLES_OF_THE_GATE)
