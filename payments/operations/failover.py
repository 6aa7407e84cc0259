"""Failover: an authorization that surely never left us goes to the next connector of the payment's route.

Never on doubt, never after an answer, and never while anybody else may be sending the same call.
"""

from collections.abc import Sequence
from datetime import datetime

from payments.connectors.base import NotSent, Outcome, Unknown
from payments.lifecycles import CallKind, CallStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.operations.events import record_event
from payments.operations.idempotency import Claim, is_held
from payments.operations.outcomes import lock_subject
from payments.operations.processor_calls import open_call, record_outcome
from payments.operations.routing import next_connector
from payments.public_ids import new_uuid


def sure_of(outcome: Outcome, claim: Claim) -> Outcome:
    """Return the outcome as far as one can be sure of it, in the caller's transaction.

    That a call was not sent proves nothing once a retry has taken the request over: it may have sent the call.
    """
    if isinstance(outcome, NotSent) and not is_held(claim):
        return Unknown(f"{outcome.message} Another attempt may have reached the processor.")
    return outcome


def fail_over(call: ProcessorCall, outcome: Outcome, *, tried: Sequence[str], now: datetime) -> ProcessorCall | None:
    """Keep that an authorization was not sent, and write down the next one, in the caller's transaction.

    The payment stays `processing`, at the next connector. Return None, having done nothing, where there is no other
    connector to try, or the outcome leaves nothing to try.
    """
    if call.kind != CallKind.AUTHORIZE or not isinstance(outcome, NotSent):
        return None
    payment = lock_subject(call)
    assert isinstance(payment, Payment)
    # The processor's news, or staff, may have settled what we think was never sent.
    if not ProcessorCall.objects.filter(pk=call.pk, status=CallStatus.CREATED).exists():
        return None
    connector = next_connector(payment, tried=tried, now=now)
    if connector is None:
        return None
    record_outcome(call, outcome, now=now)
    payment.connector, payment.updated_at = connector, now
    payment.save(update_fields=("connector", "updated_at"))
    record_event(payment, now=now, event_type="payment.rerouted")
    return open_call(
        call_id=new_uuid(),
        payment=payment,
        kind=CallKind.AUTHORIZE,
        amount=call.amount,
        final=call.final,
        now=now,
    )
