"""Giving back what is reserved, which Stripe does in two ways: before anything was captured, and after."""

from typing import Final

import stripe

from payments.connectors.base import NotSent, Outcome, Succeeded, Unknown, VoidRequest
from payments.connectors.stripe.failures import asked, outcome_of
from payments.connectors.stripe.intents import capture_mark

_ENDED: Final = frozenset({"canceled", "succeeded"})


def give_back(client: stripe.StripeClient, request: VoidRequest, options: stripe.RequestOptions) -> Outcome:
    """Cancel a PaymentIntent; one of which a part was captured is ended by a last capture, of nothing."""
    reference = request.processor_reference
    try:
        received = client.v1.payment_intents.retrieve(reference).to_dict().get("amount_received")
    except stripe.StripeError as error:
        outcome = outcome_of(error)
        # A look changes nothing: however it ended, the void has not left us.
        return NotSent(outcome.message) if isinstance(outcome, Unknown) else outcome

    def ask() -> Outcome:
        if received:
            intent = client.v1.payment_intents.capture(
                reference,
                params={
                    "amount_to_capture": 0,
                    "final_capture": True,
                    "metadata": {request.idempotency_key: capture_mark(0, final=True)},
                },
                options=options,
            )
        else:
            intent = client.v1.payment_intents.cancel(reference, options=options)
        status = intent.to_dict()["status"]
        if status not in _ENDED:
            raise ValueError(f"a PaymentIntent that was to end is {status!r}")
        return Succeeded(reference)

    return asked(ask)
