"""What became of a request, found out by looking: nothing here acts.

Objects are looked for in Stripe's lists and not by its search, which lags behind. That something is in none of them is
certain once all of it is read, and the request had the time to get there.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any, Final

import stripe

from payments.connectors.base import NEVER_RECEIVED, Outcome, StatusQuery, Succeeded, Unknown
from payments.connectors.stripe.failures import looked
from payments.connectors.stripe.intents import (
    answer_to_authorization,
    answer_to_capture,
    captures_of,
    is_untried,
    key_of,
)
from payments.connectors.stripe.movements import (
    answer_to_acceptance,
    answer_to_evidence,
    answer_to_payout,
    answer_to_refund,
)
from payments.lifecycles import CallKind

# A request whose answer did not come may still be on its way, or be worked on.
STILL_UNDER_WAY: Final = timedelta(minutes=2)
# Stripe's clock and ours do not agree to the second.
_CLOCKS_APART: Final = timedelta(minutes=5)
_PAGE: Final = 100
_OBJECTS_MAX: Final = 10_000

_TOO_SOON: Final = Unknown("Stripe has not seen the request yet; it may still be under way.")
_TOO_MANY: Final = Unknown(f"Stripe has more than {_OBJECTS_MAX} objects since then; the request was not found so far.")

_Object = Mapping[str, Any]


def what_became_of(client: stripe.StripeClient, query: StatusQuery) -> Outcome:
    """Return the outcome of a request as it would be answered now; Unknown, where that cannot be seen."""
    return looked(lambda: _look(client, query))


def _look(client: stripe.StripeClient, query: StatusQuery) -> Outcome:
    match query.kind:
        case CallKind.AUTHORIZE:
            return _authorization(client, query)
        case CallKind.CAPTURE:
            intent = _intent(client, query)
            taken_in = query.idempotency_key in captures_of(intent)
            return answer_to_capture(intent, query.idempotency_key) if taken_in else _not_seen(query)
        case CallKind.VOID:
            intent = _intent(client, query)
            gone = intent["status"] == "canceled" or query.idempotency_key in captures_of(intent)
            return Succeeded(str(intent["id"])) if gone else _not_seen(query)
        case CallKind.REFUND:
            made = client.v1.refunds.list(params={"payment_intent": _about(query), "limit": _PAGE})
            return _found_among(made.auto_paging_iter(), query, answer_to_refund)
        case CallKind.PAYOUT:
            paid = client.v1.payouts.list(params={"created": {"gte": _earliest(query)}, "limit": _PAGE})
            return _found_among(paid.auto_paging_iter(), query, answer_to_payout)
        case CallKind.SUBMIT_EVIDENCE:
            dispute = client.v1.disputes.retrieve(_about(query)).to_dict()
            sent = key_of(dispute) == query.idempotency_key
            return (answer_to_evidence(dispute) if sent else None) or _not_seen(query)
        case CallKind.ACCEPT_DISPUTE:
            return answer_to_acceptance(client.v1.disputes.retrieve(_about(query)).to_dict()) or _not_seen(query)


def _authorization(client: stripe.StripeClient, query: StatusQuery) -> Outcome:
    def answer(intent: _Object) -> Outcome:
        return _TOO_SOON if is_untried(intent) and _is_fresh(query) else answer_to_authorization(intent, now=query.now)

    if query.processor_reference is not None:
        # It has waited for the payer, so that its PaymentIntent is known; or this is the one of an earlier attempt.
        intent = _intent(client, query)
        if key_of(intent) == query.idempotency_key:
            return answer(intent)
    made = client.v1.payment_intents.list(
        params={"created": {"gte": _earliest(query)}, "limit": _PAGE, "expand": ["data.latest_charge"]}
    )
    return _found_among(made.auto_paging_iter(), query, answer)


def _found_among(
    objects: Iterable[stripe.StripeObject], query: StatusQuery, answer: Callable[[_Object], Outcome]
) -> Outcome:
    """Return what the object of a request says; where there is none, that it was never received."""
    seen = 0
    for found in islice(objects, _OBJECTS_MAX):
        seen += 1
        document = found.to_dict()
        if key_of(document) == query.idempotency_key:
            return answer(document)
    return _TOO_MANY if seen == _OBJECTS_MAX else _not_seen(query)


def _not_seen(query: StatusQuery) -> Outcome:
    return _TOO_SOON if _is_fresh(query) else NEVER_RECEIVED


def _is_fresh(query: StatusQuery) -> bool:
    return query.now - query.requested_at < STILL_UNDER_WAY


def _intent(client: stripe.StripeClient, query: StatusQuery) -> dict[str, Any]:
    return client.v1.payment_intents.retrieve(_about(query), params={"expand": ["latest_charge"]}).to_dict()


def _about(query: StatusQuery) -> str:
    """Return what the request was about.

    Raises:
        ValueError: that is not known.
    """
    if query.processor_reference is None:
        raise ValueError(f"what {query.idempotency_key} was about is not known")
    return query.processor_reference


def _earliest(query: StatusQuery) -> int:
    return int((query.requested_at - _CLOCKS_APART).timestamp())
