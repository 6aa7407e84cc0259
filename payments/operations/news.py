"""What can come of a piece of a processor's news."""

from dataclasses import dataclass, field
from typing import Any

from payments.models.processor_accounts import ProcessorAccount


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose word it is: a connector's, and where it speaks for a merchant, for that merchant's rows alone."""

    connector: str
    account: ProcessorAccount | None = None

    @property
    def owned(self) -> dict[str, Any]:
        """Return the look-ups that keep a query to the rows it may speak about."""
        if self.account is None:
            return {"connector": self.connector}
        return {"connector": self.connector, "merchant_id": self.account.merchant_id, "mode": self.account.mode}


@dataclass(frozen=True, slots=True)
class Applied:
    """It changed something."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """It was known already, or is older than what is known."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """What it is about is not there yet, or its own turn has not come: it is tried again later."""

    detail: str


@dataclass(frozen=True, slots=True)
class Contradicted:
    """It cannot be true beside what we have on record: nothing changes, and a discrepancy opens.

    `amount` is what the processor has taken or given that our books do not have, in minor units; `about` are columns
    of the discrepancy (`merchant_id`, `mode`, `currency`, `payment`, `payout`, `processor_call`).
    """

    detail: str
    amount: int = 0
    about: dict[str, Any] = field(default_factory=dict)


Result = Applied | Ignored | NotYet | Contradicted
