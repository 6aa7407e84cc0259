"""What the processor has really done, read from the sandbox's own books. At rest ours have to say the same."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from payments.connectors.sandbox.requests import answer_to as stored_answer
from payments.models import IdempotencyRecord, Payment, ProcessorCall, SandboxCharge, SandboxNotice, SandboxRequest
from payments.public_ids import encode


def answer_to(call: ProcessorCall) -> str | None:
    """Return by name what the processor answered to a call: `Succeeded`, `Declined` …; None: it never came there."""
    answer = stored_answer(call.public_id)
    return None if answer is None else type(answer).__name__


def is_returned(call: ProcessorCall) -> bool:
    """Tell whether the payer's bank has sent a refund back."""
    answer = stored_answer(call.public_id)
    reference = getattr(answer, "processor_reference", None)
    return (
        reference is not None
        and SandboxNotice.objects.filter(payload__type="refund.returned", payload__object=reference).exists()
    )


def charges_of(payment: Payment) -> list[SandboxCharge]:
    """Return everything that the processor has charged for a payment, whether we know of it or not."""
    keys = [key for call in payment.processor_calls.filter(kind="authorize") for key in _keys_of(call.pk)]
    references = SandboxRequest.objects.filter(idempotency_key__in=keys, charge_reference__isnull=False)
    return list(SandboxCharge.objects.filter(reference__in=references.values("charge_reference")))


def expected_payment(payment: Payment) -> tuple[str, int, int, int]:
    """Return status, authorized, capturable and captured as the processor's books have them."""
    charges = charges_of(payment)
    assert len(charges) <= 1, f"{payment.public_id} is charged {len(charges)} times"
    if not charges:
        return payment.status, 0, 0, 0
    (charge,) = charges
    capturable = charge.amount_authorized - charge.amount_captured - charge.amount_voided
    voids = payment.processor_calls.filter(kind="void")
    if payment.status == "expired":
        # The reserve lapses at the issuer, without a word.
        assert payment.authorization_expires_at is not None and payment.authorization_expires_at <= timezone.now()
        status, capturable = "expired", 0
    elif capturable:
        status = "requires_capture"
    elif any(answer_to(call) == "Succeeded" for call in voids):
        status = "canceled"
    else:
        status = "succeeded"
    return status, charge.amount_authorized, capturable, charge.amount_captured


def calls_nobody_asked_for(merchant_ids: list[UUID]) -> set[UUID]:
    """Return the calls that stand for no request of a merchant's. Each has a key of its own."""
    calls = ProcessorCall.objects.filter(merchant_id__in=merchant_ids).values_list("id", flat=True)
    records = IdempotencyRecord.objects.filter(merchant_id__in=merchant_ids, processor_call__isnull=False)
    return set(calls) - set(records.values_list("processor_call_id", flat=True))


def requests_we_know_nothing_of(*, since: datetime) -> set[str]:
    """Return the keys of what the processor has done in a story's year under none of our calls."""
    done = SandboxRequest.objects.filter(created_at__gte=since, created_at__lt=since + timedelta(days=365))
    keys = {key for call_id in ProcessorCall.objects.values_list("id", flat=True) for key in _keys_of(call_id)}
    return set(done.values_list("idempotency_key", flat=True)) - keys


def _keys_of(call_id: UUID) -> tuple[str, str]:
    """Return the key of a call, and that under which the sandbox charges the card once the payer has approved."""
    key = encode("call", call_id)
    return key, f"{key}-approved"
