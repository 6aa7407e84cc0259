"""The connector: from our requests to Stripe's, and from its answers to ours."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from stripe import RequestOptions, StripeClient
from stripe.params import PaymentIntentCaptureParams, PaymentIntentCreateParams

from payments.connectors.base import (
    AcceptDisputeRequest,
    AuthorizeRequest,
    CaptureRequest,
    EvidenceRequest,
    News,
    Notice,
    Outcome,
    PayoutRequest,
    RefundRequest,
    StatusQuery,
    Succeeded,
    VoidRequest,
)
from payments.connectors.stripe import credentials as account_credentials
from payments.connectors.stripe import news, settlement
from payments.connectors.stripe.client import client_of
from payments.connectors.stripe.evidence import evidence_fields
from payments.connectors.stripe.failures import asked
from payments.connectors.stripe.intents import KEY, answer_to_authorization, answer_to_capture, capture_mark
from payments.connectors.stripe.movements import answer_to_payout, answer_to_refund
from payments.connectors.stripe.queries import what_became_of
from payments.connectors.stripe.units import to_stripe, to_stripe_payout
from payments.connectors.stripe.voids import give_back

# With the answer comes the charge, for the issuer's authorization code.
_WITH_CHARGE: Final = ["latest_charge"]


class StripeConnector:
    """Speaks to Stripe for one merchant's account."""

    name = "stripe"
    authorization_lifetime = timedelta(days=7)
    # What the credentials of an account are, with a help text for each.
    CREDENTIALS = account_credentials.HELP_TEXTS
    # Refuses credentials that cannot be those of an account in a mode, with a ValueError in words.
    check_credentials = staticmethod(account_credentials.require_usable)

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """Speak by these credentials."""
        self._credentials = credentials

    def authorize(self, request: AuthorizeRequest, /) -> Outcome:
        """Reserve, or take at once, an amount; the payer may have to be sent to a page of Stripe's or the issuer's."""

        def ask() -> Outcome:
            intent = self._client.v1.payment_intents.create(
                params=_authorization(request), options=_once(request.idempotency_key)
            )
            return answer_to_authorization(intent.to_dict(), now=request.now)

        return asked(ask)

    def capture(self, request: CaptureRequest, /) -> Outcome:
        """Take what was reserved.

        Stripe gives the rest back with any capture, unless it is told otherwise and the card allows several. Where it
        does not, a capture that is not final is declined: what is left must not be lost silently.
        """

        def ask() -> Outcome:
            amount = to_stripe(request.amount)
            params: PaymentIntentCaptureParams = {
                "amount_to_capture": amount,
                "metadata": {request.idempotency_key: capture_mark(amount, final=request.final)},
            }
            if not request.final:
                params["final_capture"] = False
            intent = self._client.v1.payment_intents.capture(
                request.processor_reference, params=params, options=_once(request.idempotency_key)
            )
            return answer_to_capture(intent.to_dict(), request.idempotency_key)

        return asked(ask)

    def void(self, request: VoidRequest, /) -> Outcome:
        """Give back what is still reserved, or ask the payer no more."""
        return give_back(self._client, request, _once(request.idempotency_key))

    def refund(self, request: RefundRequest, /) -> Outcome:
        """Give back what was captured."""

        def ask() -> Outcome:
            refund = self._client.v1.refunds.create(
                params={
                    "payment_intent": request.processor_reference,
                    "amount": to_stripe(request.amount),
                    "metadata": {KEY: request.idempotency_key},
                },
                options=_once(request.idempotency_key),
            )
            return answer_to_refund(refund.to_dict())

        return asked(ask)

    def payout(self, request: PayoutRequest, /) -> Outcome:
        """Transfer money from the Stripe account to a bank account (`ba_…`) or debit card of the merchant's."""

        def ask() -> Outcome:
            payout = self._client.v1.payouts.create(
                params={
                    "amount": to_stripe_payout(request.amount),
                    "currency": request.amount.currency.lower(),
                    "destination": request.destination,
                    "metadata": {KEY: request.idempotency_key},
                },
                options=_once(request.idempotency_key),
            )
            return answer_to_payout(payout.to_dict())

        return asked(ask)

    def submit_evidence(self, request: EvidenceRequest, /) -> Outcome:
        """Argue against a dispute, with texts under Stripe's names where they are so named."""

        def ask() -> Outcome:
            dispute = self._client.v1.disputes.update(
                request.dispute_reference,
                params={
                    "evidence": evidence_fields(request.evidence),
                    "metadata": {KEY: request.idempotency_key},
                    "submit": True,
                },
                options=_once(request.idempotency_key),
            )
            return Succeeded(str(dispute.to_dict()["id"]))

        return asked(ask)

    def accept_dispute(self, request: AcceptDisputeRequest, /) -> Outcome:
        """Give a dispute up, for good."""

        def ask() -> Outcome:
            dispute = self._client.v1.disputes.close(request.dispute_reference, options=_once(request.idempotency_key))
            return Succeeded(str(dispute.to_dict()["id"]))

        return asked(ask)

    def query(self, query: StatusQuery, /) -> Outcome:
        """Say what became of a request, by what is there."""
        return what_became_of(self._client, query)

    def due_notices(self, *, now: datetime, limit: int) -> list[Notice]:
        """Return nothing: Stripe sends its news by itself, see `receive`."""
        return []

    def acknowledge(self, notices: list[Notice], *, now: datetime) -> None:
        """Do nothing: that its news was received is told by the answer to it."""

    def receive(self, body: bytes, headers: Mapping[str, str], /, *, now: datetime) -> Notice | None:
        """Verify an event and keep of it what is read; None, where it is of no interest.

        Raises:
            NotAuthentic: it is not from Stripe, or not for this account.
            ValueError: it is, and cannot be read.
        """
        return news.receive(self._credentials, body, headers, now=now)

    def read(self, payload: dict[str, Any], /) -> News:
        """Understand an event."""
        return news.read(payload)

    def reports(self, *, since: datetime, now: datetime) -> list[str]:
        """Return the ids of Stripe's payouts to the merchant that have been paid, oldest first."""
        return settlement.reports(self._client, since=since, now=now)

    def report(self, name: str, /) -> Iterator[str]:
        """Yield what a payout of Stripe's is made of, as a settlement report."""
        return settlement.report(self._client, name)

    @property
    def _client(self) -> StripeClient:
        return client_of(self._credentials)


def _authorization(request: AuthorizeRequest) -> PaymentIntentCreateParams:
    """Return the PaymentIntent to create and confirm."""
    params: PaymentIntentCreateParams = {
        "amount": to_stripe(request.amount),
        "currency": request.amount.currency.lower(),
        "capture_method": "automatic" if request.capture else "manual",
        "confirm": True,
        "payment_method": request.payment_method,
        # Whatever sends the payer to a page is welcome: 3-D Secure does, and so do some methods.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "always"},
        "return_url": request.return_url,
        "metadata": {KEY: request.idempotency_key},
        "expand": _WITH_CHARGE,
    }
    if not request.capture:
        params["payment_method_options"] = {"card": {"request_multicapture": "if_available"}}
    return params


def _once(idempotency_key: str) -> RequestOptions:
    """Return what has Stripe do a thing once, however often it is asked."""
    return {"idempotency_key": idempotency_key}
