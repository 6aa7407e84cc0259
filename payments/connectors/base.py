"""What a connector is: the few things we ask of a processor, and the answers it can give.

An answer is a value, never an exception: callers match on it in full. A connector holds no transaction open and
passes `idempotency_key` on, so that the processor does a thing once however often it is asked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from payments.lifecycles import CallKind
from payments.money import Money


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """Reserve an amount on a payment method; with `capture` take it at once."""

    idempotency_key: str
    payment_method: str
    amount: Money
    capture: bool
    # Where the payer comes back to, should the processor send them somewhere.
    return_url: str
    now: datetime


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Take an amount of what was reserved; with `final` give the rest back."""

    idempotency_key: str
    processor_reference: str
    amount: Money
    final: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Give back what is still reserved."""

    idempotency_key: str
    processor_reference: str
    now: datetime


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give back an amount of what was captured."""

    idempotency_key: str
    processor_reference: str
    amount: Money
    now: datetime


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """Transfer an amount to a merchant's bank account."""

    idempotency_key: str
    destination: str
    amount: Money
    now: datetime


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Argue against a dispute; `evidence` is texts by name."""

    idempotency_key: str
    dispute_reference: str
    evidence: Mapping[str, str]
    now: datetime


@dataclass(frozen=True, slots=True)
class AcceptDisputeRequest:
    """Give a dispute up."""

    idempotency_key: str
    dispute_reference: str
    now: datetime


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Ask what became of an earlier request, by the key it was sent under. It does nothing itself.

    A processor that does not find requests by their key is helped by the rest: `processor_reference` is what the
    request was about (the reserve, the dispute …), None for an authorization and a payout; `requested_at` is when.
    """

    idempotency_key: str
    kind: CallKind
    processor_reference: str | None
    amount: Money
    requested_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Submitted:
    """The processor accepted it, and will tell the result later."""

    processor_reference: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The processor did it."""

    processor_reference: str
    authorization_code: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The processor, or the issuer behind it, said no. `advice_code` is what the payer should do."""

    decline_code: str
    advice_code: str | None
    message: str
    processor_reference: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRequired:
    """The payer has to do something at `url`, until `expires_at`; the processor tells the result then."""

    processor_reference: str
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NotSent:
    """The connection was never established: the processor knows nothing of it, and asking again is safe."""

    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left us and no answer came: the processor may or may not have acted."""

    message: str


# What a processor answers to a status query about a request that it has never seen.
NEVER_RECEIVED: Final = Declined("never_received", "try_again_later", "The processor never received the request.")

Outcome = Submitted | Succeeded | Declined | ActionRequired | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Notice:
    """A piece of news as the processor sent it: stored first, understood and applied later.

    `object_reference` names what it is about. Of two notices about one object, the one that occurred later counts.
    """

    event_id: str
    type: str
    object_reference: str
    occurred_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """What became of a request of ours."""

    idempotency_key: str
    outcome: Submitted | Succeeded | Declined | ActionRequired


@dataclass(frozen=True, slots=True)
class RefundReturned:
    """A refund that had succeeded came back: the payer's bank did not take it."""

    processor_reference: str
    message: str


@dataclass(frozen=True, slots=True)
class PayoutReturned:
    """A payout that was paid came back: the merchant's bank did not take it."""

    processor_reference: str
    message: str


@dataclass(frozen=True, slots=True)
class DisputeOpened:
    """A payer's bank disputes a charge; the processor has taken back `amount` and its `fee` (minor units)."""

    processor_reference: str
    charge_reference: str
    amount: Money
    fee: int
    reason: str
    evidence_due_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeClosed:
    """A dispute is decided; if it is won, the processor has given back what it took."""

    processor_reference: str
    won: bool


News = CallAnswered | RefundReturned | PayoutReturned | DisputeOpened | DisputeClosed


class NotAuthentic(Exception):
    """What claims to be a processor's news is not signed by it, or was long ago."""


class CannotAsk(Exception):
    """A processor could not be asked for its reports: it is not there, or does not let us."""


class Connector(Protocol):
    """One processor, spoken to for one merchant where it keeps an account for each."""

    name: str
    # How long a reserve holds at the issuer.
    authorization_lifetime: timedelta

    def authorize(self, request: AuthorizeRequest, /) -> Outcome:
        """Reserve, or take at once, an amount."""

    def capture(self, request: CaptureRequest, /) -> Outcome:
        """Take what was reserved."""

    def void(self, request: VoidRequest, /) -> Outcome:
        """Give back what is still reserved."""

    def refund(self, request: RefundRequest, /) -> Outcome:
        """Give back what was captured."""

    def payout(self, request: PayoutRequest, /) -> Outcome:
        """Transfer money to a merchant's bank account."""

    def submit_evidence(self, request: EvidenceRequest, /) -> Outcome:
        """Argue against a dispute."""

    def accept_dispute(self, request: AcceptDisputeRequest, /) -> Outcome:
        """Give a dispute up."""

    def due_notices(self, *, now: datetime, limit: int) -> list[Notice]:
        """Return the oldest news that has not been acknowledged."""

    def acknowledge(self, notices: list[Notice], *, now: datetime) -> None:
        """Tell the processor that this news is stored, and need not be sent again."""

    def receive(self, body: bytes, headers: Mapping[str, str], /, *, now: datetime) -> Notice | None:
        """Verify news that the processor has sent us by itself; `headers` have lower-case names.

        Return None where it is of no interest to us.

        Raises:
            NotAuthentic: it is not from the processor.
            ValueError: it is, and cannot be read.
        """

    def read(self, payload: dict[str, Any], /) -> News:
        """Understand a notice's payload.

        Raises:
            ValueError: it is none that this connector knows.
        """

    def reports(self, *, since: datetime, now: datetime) -> list[str]:
        """Return the names of the reports made since a moment, oldest first: of what it settles, and of what of it
        has arrived at the bank, where the processor knows that.

        Raises:
            CannotAsk: it does not say.
        """

    def report(self, name: str, /) -> Iterator[str]:
        """Yield the text of a report, in pieces; it is the same whenever it is asked for.

        Raises:
            ValueError: there is none of that name.
            CannotAsk: it does not say.
        """

    def query(self, query: StatusQuery, /) -> Outcome:
        """Say what became of a request; `NEVER_RECEIVED`, where it was never seen."""
