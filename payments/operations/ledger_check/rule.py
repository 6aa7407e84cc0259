"""What a rule is: a statement that selects what is wrong."""

import re
from dataclasses import dataclass
from typing import Final

_TOUCHED: Final = re.compile(r"touched\(([a-z_.]+)\)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A sentence that holds for every object, and the statement that selects those it does not hold for.

    `name` is the sentence, and `noun` the kind of object that it looks at one by one. `statement` selects three
    columns: the prefix of the row at fault (of its public id, or a word where it has none), its id, and what differs.
    It has `touched(payment.id)` among its conditions, with the object's id: true for every object in a full check,
    and in an incremental one for those that were touched since the last (see `touched`).
    """

    name: str
    noun: str
    statement: str

    def over_everything(self) -> str:
        """Return the statement for every object."""
        return _TOUCHED.sub("true", self.statement)

    def over_what_was_touched(self) -> str:
        """Return the statement for the objects whose ids are in the temporary table of this noun."""
        touched = rf"\1 IN (SELECT id FROM touched_{self.noun})"  # nosec B608  # A word of ours.
        return _TOUCHED.sub(touched, self.statement)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not add up: the rule, the row, and both sides."""

    rule: str
    subject: str
    detail: str

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.rule}: {self.subject}: {self.detail}"
