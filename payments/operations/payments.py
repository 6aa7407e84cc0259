"""What merchants do with payments: create, confirm, capture, cancel, read."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import errors as postgres_errors

from django.db import IntegrityError
from django.db.models import QuerySet

from payments import conf
from payments.errors import (
    AmountExceedsCapturable,
    MerchantReferenceTaken,
    NotFound,
    PaymentStateConflict,
)
from payments.lifecycles import CallKind, CaptureMethod, PaymentStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.operations.callers import Answer, Caller, IdempotentRequest
from payments.operations.events import record_event
from payments.operations.expiry import require_in_time, require_reserve
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.payment_outcomes import move
from payments.operations.processor_calls import open_call
from payments.operations.routing import first_connector
from payments.operations.steps import carry_out
from payments.public_ids import encode


def create_payment(
    *,
    request: IdempotentRequest,
    amount: int,
    currency: str,
    capture_method: CaptureMethod,
    confirm: bool,
    payment_method: str | None,
    merchant_reference: str | None,
    description: str | None,
    metadata: dict[str, str],
    now: datetime,
    return_url: str | None = None,
) -> Answer:
    """Create a payment of `amount` minor units, and with `confirm` authorize it at once.

    The payer comes back to `return_url`, should the processor need something of theirs. The payment can be paid for as
    long as `conf.payment_lifetime_hours` says.

    Raises:
        MerchantReferenceTaken: another payment has this reference.
        NoProcessorAvailable, ProcessorUnreachable: nothing takes payments of this mode, or answers; see `routing`.
    """
    caller = request.caller

    def begin(call_id: UUID) -> tuple[Payment, ProcessorCall | None]:
        payment = Payment(
            **caller.owned,
            status=_first_status(confirm=confirm, payment_method=payment_method),
            amount=amount,
            currency=currency,
            capture_method=capture_method,
            payment_method=payment_method,
            merchant_reference=merchant_reference,
            description=description,
            metadata=metadata,
            return_url=return_url,
            expires_at=now + timedelta(hours=conf.payment_lifetime_hours()),
            created_at=now,
            updated_at=now,
        )
        if confirm:
            payment.connector = first_connector(payment, now=now)
        payment.save(force_insert=True)
        record_event(payment, now=now, created=True)
        return payment, _open_authorization(payment, call_id, now=now) if confirm else None

    try:
        return carry_out(request, begin, success_status=201, now=now)
    except IntegrityError as error:
        if not _violates(error, "payment_merchant_reference_once"):
            raise
        raise _reference_taken(caller, merchant_reference) from error


def confirm_payment(
    *,
    request: IdempotentRequest,
    payment_id: UUID,
    payment_method: str | None,
    now: datetime,
    return_url: str | None = None,
) -> Answer:
    """Authorize a payment that waits for it, with `payment_method` and `return_url` where they are given.

    Raises:
        NotFound, PaymentStateConflict, NoProcessorAvailable, ProcessorUnreachable: see `errors`.
    """

    def begin(call_id: UUID) -> tuple[Payment, ProcessorCall | None]:
        payment = lock_payment(request.caller, payment_id)
        require_in_time(payment, now=now)
        if payment.status == PaymentStatus.REQUIRES_PAYMENT_METHOD and payment_method is None:
            raise PaymentStateConflict(
                f"Payment {payment.public_id} has no payment method to confirm: send one as payment_method.",
                param="payment_method",
                payment_status=str(payment.status),
            )
        payment.payment_method = payment_method or payment.payment_method
        payment.return_url = return_url or payment.return_url
        if payment.status == PaymentStatus.REQUIRES_PAYMENT_METHOD:
            move(payment, PaymentStatus.REQUIRES_CONFIRMATION, now=now)
        _require(payment, PaymentStatus.REQUIRES_CONFIRMATION, verb="confirm")
        payment.connector = first_connector(payment, now=now)
        move(payment, PaymentStatus.PROCESSING, now=now)
        return payment, _open_authorization(payment, call_id, now=now)

    return carry_out(request, begin, now=now)


def capture_payment(
    *, request: IdempotentRequest, payment_id: UUID, amount: int | None, final_capture: bool, now: datetime
) -> Answer:
    """Take `amount` minor units of what is authorized (all that is left, where it is None).

    What is left stays capturable, unless `final_capture` gives it back to the payer.

    Raises:
        NotFound, PaymentStateConflict: see `errors`.
        AmountExceedsCapturable: less than `amount` is left.
    """

    def begin(call_id: UUID) -> tuple[Payment, ProcessorCall | None]:
        payment = lock_payment(request.caller, payment_id)
        _require(payment, PaymentStatus.REQUIRES_CAPTURE, verb="capture")
        require_reserve(payment, now=now)
        wanted = payment.amount_capturable if amount is None else amount
        if wanted > payment.amount_capturable:
            raise AmountExceedsCapturable(
                f"{wanted} is more than the {payment.amount_capturable} that can still be captured"
                f" of payment {payment.public_id}.",
                param="amount",
                amount_capturable=payment.amount_capturable,
            )
        move(payment, PaymentStatus.PROCESSING, now=now)
        final = final_capture or wanted == payment.amount_capturable
        return payment, open_call(
            call_id=call_id, payment=payment, kind=CallKind.CAPTURE, amount=wanted, final=final, now=now
        )

    return carry_out(request, begin, now=now)


def cancel_payment(*, request: IdempotentRequest, payment_id: UUID, now: datetime) -> Answer:
    """Cancel a payment that is not paid yet; what is still reserved goes back to the payer.

    One that waits for its payer is canceled unless the payer has approved it meanwhile.

    Raises:
        NotFound, PaymentStateConflict: see `errors`.
    """

    def begin(call_id: UUID) -> tuple[Payment, ProcessorCall | None]:
        payment = lock_payment(request.caller, payment_id)
        if payment.status in (PaymentStatus.REQUIRES_CAPTURE, PaymentStatus.REQUIRES_ACTION):
            move(payment, PaymentStatus.PROCESSING, now=now)
            return payment, open_call(
                call_id=call_id,
                payment=payment,
                kind=CallKind.VOID,
                amount=payment.amount_capturable or payment.amount,
                final=True,
                now=now,
            )
        _require(
            payment,
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
            PaymentStatus.REQUIRES_CONFIRMATION,
            verb="cancel",
        )
        move(payment, PaymentStatus.CANCELED, now=now)
        return payment, None

    return carry_out(request, begin, now=now)


def get_payment(*, caller: Caller, payment_id: UUID) -> Payment:
    """Return one payment of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    return _one(Payment.objects.filter(**caller.owned), payment_id)


def list_payments(*, caller: Caller, page: Page, filters: dict[str, Any]) -> Slice[Payment]:
    """Return a page of the caller's payments, newest first; `filters` are look-ups on `Payment`."""
    return slice_of(Payment.objects.filter(**caller.owned, **filters), page)


def _first_status(*, confirm: bool, payment_method: str | None) -> PaymentStatus:
    if confirm:
        return PaymentStatus.PROCESSING
    return PaymentStatus.REQUIRES_CONFIRMATION if payment_method else PaymentStatus.REQUIRES_PAYMENT_METHOD


def _open_authorization(payment: Payment, call_id: UUID, *, now: datetime) -> ProcessorCall:
    at_once = payment.capture_method == CaptureMethod.AUTOMATIC
    return open_call(
        call_id=call_id, payment=payment, kind=CallKind.AUTHORIZE, amount=payment.amount, final=at_once, now=now
    )


def lock_payment(caller: Caller, payment_id: UUID) -> Payment:
    """Return one payment of the caller's, locked until the transaction ends.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    return _one(Payment.objects.select_for_update().filter(**caller.owned), payment_id)


def _one(payments: QuerySet[Payment], payment_id: UUID) -> Payment:
    payment = payments.filter(pk=payment_id).first()
    if payment is None:
        raise NotFound(f"There is no payment {encode(Payment.PREFIX, payment_id)}.")
    return payment


def _require(payment: Payment, *statuses: PaymentStatus, verb: str) -> None:
    if payment.status not in statuses:
        raise PaymentStateConflict(
            f"Payment {payment.public_id} is {payment.status}; to {verb} it, it has to be {' or '.join(statuses)}.",
            payment_status=str(payment.status),
        )


def _violates(error: IntegrityError, constraint: str) -> bool:
    cause = error.__cause__
    return isinstance(cause, postgres_errors.Error) and cause.diag.constraint_name == constraint


def _reference_taken(caller: Caller, merchant_reference: str | None) -> MerchantReferenceTaken:
    holder = Payment.objects.get(**caller.owned, merchant_reference=merchant_reference)
    return MerchantReferenceTaken(
        f"Payment {holder.public_id} already has the merchant_reference {merchant_reference!r}.",
        param="merchant_reference",
        payment_id=holder.public_id,
    )
