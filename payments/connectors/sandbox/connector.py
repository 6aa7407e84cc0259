"""The connector: from our requests to the sandbox's work, breaking on the way where the payment method asks for it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from payments.connectors.base import (
    NEVER_RECEIVED,
    AcceptDisputeRequest,
    ActionRequired,
    AuthorizeRequest,
    CaptureRequest,
    EvidenceRequest,
    News,
    NotAuthentic,
    Notice,
    NotSent,
    Outcome,
    PayoutRequest,
    RefundRequest,
    StatusQuery,
    Submitted,
    Succeeded,
    Unknown,
    VoidRequest,
)
from payments.connectors.sandbox import actions, charges, disputes, notices, payouts, settlement
from payments.connectors.sandbox.methods import (
    AUTHENTICATION_METHOD,
    FAULTS_AFTER,
    NEWS_METHODS,
    TIMEOUT_BEFORE_METHOD,
    UNREACHABLE_METHOD,
)
from payments.connectors.sandbox.requests import Done, answer_to, once


class SandboxConnector:
    """Speaks to the sandbox, which lives in the same process and its own tables."""

    name = "sandbox"
    authorization_lifetime = timedelta(days=7)

    def authorize(self, request: AuthorizeRequest, /) -> Outcome:
        """Reserve, or take at once, an amount; the payment method decides the outcome."""
        if request.payment_method == UNREACHABLE_METHOD:
            return NotSent("The sandbox could not be reached: connection refused.")
        work = actions.ask_payer if request.payment_method == AUTHENTICATION_METHOD else charges.authorize
        return _send(request, "authorize", request.payment_method, lambda: work(request))

    def capture(self, request: CaptureRequest, /) -> Outcome:
        """Take what was reserved; asking for more than is left is declined."""
        method = charges.method_of(request.processor_reference)
        return _send(request, "capture", method, lambda: charges.capture(request))

    def void(self, request: VoidRequest, /) -> Outcome:
        """Give back what is still reserved, or take back what the payer was asked."""
        if actions.is_action(request.processor_reference):
            return once(request.idempotency_key, "void", lambda: actions.give_up(request), now=request.now)
        method = charges.method_of(request.processor_reference)
        return _send(request, "void", method, lambda: charges.void(request))

    def refund(self, request: RefundRequest, /) -> Outcome:
        """Give back what was captured; asking for more than that is declined."""
        method = charges.method_of(request.processor_reference)
        return _send(request, "refund", method, lambda: charges.refund(request))

    def submit_evidence(self, request: EvidenceRequest, /) -> Outcome:
        """Take evidence in, whose text says how the dispute ends, and whether this answer is lost."""
        answer = once(
            request.idempotency_key, "submit_evidence", lambda: disputes.submit_evidence(request), now=request.now
        )
        return Unknown("The sandbox did not answer in time.") if disputes.loses_answer(request) else answer

    def accept_dispute(self, request: AcceptDisputeRequest, /) -> Outcome:
        """End a dispute as lost."""
        return once(request.idempotency_key, "accept_dispute", lambda: disputes.accept(request), now=request.now)

    def payout(self, request: PayoutRequest, /) -> Outcome:
        """Transfer money to a merchant's bank account; the destination decides the outcome."""
        return payouts.pay_out(request)

    def due_notices(self, *, now: datetime, limit: int) -> list[Notice]:
        """Return the oldest news that is due."""
        return notices.due_notices(now=now, limit=limit)

    def receive(self, body: bytes, headers: Mapping[str, str], /, *, now: datetime) -> Notice | None:
        """Refuse: the sandbox's news is fetched, and nobody else may bring any."""
        raise NotAuthentic("The sandbox sends nothing by itself.")

    def acknowledge(self, stored: list[Notice], *, now: datetime) -> None:
        """Deliver these no more."""
        notices.acknowledge(stored, now=now)

    def read(self, payload: dict[str, Any], /) -> News:
        """Understand a notice's payload."""
        return notices.read(payload)

    def reports(self, *, since: datetime, now: datetime) -> list[str]:
        """Return the names of settlement reports and bank statements, oldest first."""
        return settlement.reports(since=since, now=now)

    def report(self, name: str, /) -> Iterator[str]:
        """Yield the lines of a report."""
        return settlement.report(name)

    def query(self, query: StatusQuery, /) -> Outcome:
        """Say what became of a request."""
        answer = answer_to(query.idempotency_key)
        if answer is None:
            return NEVER_RECEIVED
        if isinstance(answer, ActionRequired):
            return actions.answer_by_now(answer, now=query.now)
        return payouts.as_of(query.now, answer)


def _send(
    request: AuthorizeRequest | CaptureRequest | VoidRequest | RefundRequest,
    kind: str,
    method: str,
    work: Callable[[], Done],
) -> Outcome:
    """Do the work once, and lose the request or the answer where the payment method asks for it."""
    if method == TIMEOUT_BEFORE_METHOD:
        return Unknown("The sandbox did not answer in time.")

    def announced() -> Done:
        done = work()
        if method in NEWS_METHODS and isinstance(done.answer, Succeeded):
            reference = done.answer.processor_reference
            notices.announce_answer(request.idempotency_key, reference, done.answer, method, now=request.now)
        return done

    answer = once(request.idempotency_key, kind, announced, now=request.now)
    if method in NEWS_METHODS and isinstance(answer, Succeeded):
        return Submitted(answer.processor_reference)
    return FAULTS_AFTER.get(method, answer)
