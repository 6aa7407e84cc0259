"""A sandbox that is watched, held up or broken by a test."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import pytest

from payments.connectors.base import (
    AcceptDisputeRequest,
    AuthorizeRequest,
    CaptureRequest,
    Connector,
    EvidenceRequest,
    Outcome,
    PayoutRequest,
    VoidRequest,
)
from payments.connectors.registry import Source
from payments.connectors.sandbox import SandboxConnector

Around = Callable[[], AbstractContextManager[None]]


class ProbedConnector:
    """The sandbox, with something done around each of its calls."""

    name = "sandbox"

    def __init__(self, around: Around) -> None:
        """Take what is done: a context manager, made anew for each call."""
        self.around = around
        self.sandbox = SandboxConnector()

    def authorize(self, request: AuthorizeRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.authorize(request)

    def capture(self, request: CaptureRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.capture(request)

    def void(self, request: VoidRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.void(request)

    def submit_evidence(self, request: EvidenceRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.submit_evidence(request)

    def accept_dispute(self, request: AcceptDisputeRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.accept_dispute(request)

    def payout(self, request: PayoutRequest, /) -> Outcome:
        """Ask the sandbox."""
        with self.around():
            return self.sandbox.payout(request)


def probe(monkeypatch: pytest.MonkeyPatch, around: Around) -> None:
    """Put `around` round every call to the processor for the length of a test."""
    connector = ProbedConnector(around)
    source = Source(connector.name, None, cast(Connector, connector))
    monkeypatch.setattr("payments.operations.processor_calls.source_named", lambda name, **owner: source)
