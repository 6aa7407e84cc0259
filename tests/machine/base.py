"""What the rules of every noun stand on."""

import sys
from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from payments.operations.ledger_check import check_ledger
from tests.machine.world import World

# By merchant, mode, currency and layer, in minor units.
Owed = Counter[tuple[UUID, str, str, str]]


class Rules(RuleBasedStateMachine):
    """A story in a world of its own. Each noun adds its rules, `in_bounds` and `as_the_processor_has_it`."""

    def __init__(self) -> None:
        """Begin the world."""
        super().__init__()
        self.world = World()

    def check_invariants(self, *_: Any) -> None:
        """Check after each step, without a line of its own in what Hypothesis prints."""
        self.books_are_right()
        self.world.look()

    def books_are_right(self) -> None:
        """After each step PostgreSQL would commit, the ledger adds up, and every noun is within its bounds."""
        self.world.check_constraints()
        assert check_ledger() == []
        self.in_bounds()

    def teardown(self) -> None:
        """Let a story that went well come to rest, compare it with the processor, and undo it."""
        failed = sys.exc_info()[0] is not None
        try:
            # After a failure nothing more is asked: it would hide the first.
            if not failed:
                self.come_to_rest()
                self.as_the_processor_has_it()
                if self.finish_requests():
                    self.come_to_rest()
                    self.as_the_processor_has_it()
                self.books_are_right()
        except BaseException:
            failed = True
            raise
        finally:
            self.world.end()
            if failed:
                self.world.print_story()

    def in_bounds(self) -> None:
        """Check what is true at any time. A noun calls `super().in_bounds()` and adds its own."""

    def owed(self) -> Owed:
        """Return what each merchant is owed. A noun begins with `super().owed()` and adds its own."""
        return Counter()

    def come_to_rest(self) -> None:
        """Let the worker finish everything. A noun calls `super().come_to_rest()` and adds its own."""

    def as_the_processor_has_it(self) -> None:
        """Check what is true at rest. A noun calls `super().as_the_processor_has_it()` and adds its own."""

    def finish_requests(self) -> bool:
        """Repeat what was not answered, and tell whether there was anything."""
        return False
