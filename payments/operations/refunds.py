"""What merchants do with refunds: give money back, and see where it is."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import BigIntegerField, F, Value

from payments.errors import AmountExceedsRefundable, NotFound, PaymentStateConflict
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import CallKind, RefundStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.models.refunds import Refund
from payments.money import Money
from payments.operations.callers import Answer, Caller, IdempotentRequest
from payments.operations.events import record_event
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.payments import lock_payment
from payments.operations.processor_calls import open_call
from payments.operations.steps import carry_out
from payments.public_ids import encode


def create_refund(
    *,
    request: IdempotentRequest,
    payment_id: UUID,
    amount: int | None,
    reason: str | None,
    metadata: dict[str, str],
    now: datetime,
) -> Answer:
    """Give back `amount` minor units of a payment (all that is left, where it is None).

    Raises:
        NotFound: the payment is not the caller's.
        PaymentStateConflict: nothing is left that could go back.
        AmountExceedsRefundable: less than `amount` is left.
    """

    def begin(call_id: UUID) -> tuple[Refund, ProcessorCall]:
        payment = lock_payment(request.caller, payment_id)
        refund = Refund.objects.create(
            **request.caller.owned,
            payment=payment,
            currency=payment.currency,
            status=RefundStatus.PENDING,
            amount=_reserve(payment, amount),
            reason=reason,
            metadata=metadata,
            created_at=now,
            updated_at=now,
        )
        record_event(refund, now=now, created=True)
        call = open_call(
            call_id=call_id,
            payment=payment,
            refund=refund,
            kind=CallKind.REFUND,
            amount=refund.amount,
            final=False,
            now=now,
        )
        reserved = recipes.refund_reserved(amount=Money(refund.amount, refund.currency))
        post(reserved, cause=call, effective_at=now)
        return refund, call

    return carry_out(request, begin, success_status=201, now=now)


def get_refund(*, caller: Caller, refund_id: UUID) -> Refund:
    """Return one refund of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    refund = Refund.objects.filter(**caller.owned, pk=refund_id).first()
    if refund is None:
        raise NotFound(f"There is no refund {encode(Refund.PREFIX, refund_id)}.")
    return refund


def list_refunds(*, caller: Caller, page: Page, filters: dict[str, Any]) -> Slice[Refund]:
    """Return a page of the caller's refunds, newest first; `filters` are look-ups on `Refund`."""
    return slice_of(Refund.objects.filter(**caller.owned, **filters), page)


def _reserve(payment: Payment, amount: int | None) -> int:
    """Set an amount aside for a refund, and return it. The database refuses it too, if all refunds are too much."""
    gone = payment.amount_refunded + payment.amount_refund_pending + payment.amount_disputed
    # What was refunded can be disputed as well.
    refundable = max(0, payment.amount_captured - gone)
    if refundable == 0:
        raise PaymentStateConflict(
            f"Payment {payment.public_id} has nothing to refund: {payment.amount_captured} captured,"
            f" {payment.amount_refunded} refunded, {payment.amount_refund_pending} on the way back,"
            f" {payment.amount_disputed} disputed.",
            payment_status=str(payment.status),
        )
    wanted = refundable if amount is None else amount
    if wanted > refundable:
        raise AmountExceedsRefundable(
            f"{wanted} is more than the {refundable} that can still be refunded of payment {payment.public_id}.",
            param="amount",
            amount_refundable=refundable,
        )
    # Said to be a bigint: Django sends a number beside a column as 32 bits, and psycopg cuts a greater one off.
    more = Value(wanted, output_field=BigIntegerField())
    Payment.objects.filter(pk=payment.pk).update(amount_refund_pending=F("amount_refund_pending") + more)
    payment.amount_refund_pending += wanted
    return wanted
