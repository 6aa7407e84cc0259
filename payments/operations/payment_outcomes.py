"""What a processor's word about an authorization, a capture or a void changes."""

from datetime import datetime
from typing import Final

from payments.connectors.base import ActionRequired, Declined, NotSent, Outcome, Submitted, Succeeded, Unknown
from payments.connectors.registry import connector_named
from payments.errors import PaymentStateConflict
from payments.ledger import recipes
from payments.ledger.fees import fee_due
from payments.ledger.posting import post
from payments.lifecycles import PAYMENT, CallKind, CallStatus, PaymentStatus
from payments.models.merchants import PlatformFee
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.money import Money
from payments.operations.events import record_event
from payments.operations.processor_calls import ask_at, failure_of, record_outcome

# What becomes of an authorization when the payer is not asked any more.
_GIVEN_UP: Final = Declined("canceled", None, "The payment was canceled before the payer had approved it.")


def apply_to_payment(payment: Payment, call: ProcessorCall, outcome: Outcome, *, now: datetime) -> None:
    """Take a payment to where the outcome of its authorization, capture or void leaves it."""
    match outcome:
        case Succeeded():
            _apply_success(payment, call, now=now)
        case Declined() | NotSent():
            _apply_failure(payment, call, now=now)
        case ActionRequired():
            payment.processor_reference = call.processor_reference
            payment.next_action_url = outcome.url
            move(payment, PaymentStatus.REQUIRES_ACTION, now=now)
        case Submitted() | Unknown():
            # The payment stays `processing` until the processor's word is known.
            pass


def move(payment: Payment, status: PaymentStatus, *, now: datetime) -> None:
    """Take a payment to another status, write it to the database and record the event.

    Raises:
        PaymentStateConflict: the lifecycle has no such step.
    """
    if not PAYMENT.allows(payment.status, status):
        raise PaymentStateConflict(
            f"Payment {payment.public_id} is {payment.status}, which does not go to {status}.",
            payment_status=str(payment.status),
        )
    payment.status = status
    if status != PaymentStatus.REQUIRES_ACTION:
        payment.next_action_url = None
    payment.updated_at = now
    payment.save(update_fields=_CHANGING)
    record_event(payment, now=now)


_CHANGING = (
    *("status", "amount_authorized", "amount_capturable", "amount_captured", "payment_method", "connector"),
    *("processor_reference", "authorization_code", "last_error", "updated_at"),
    *("next_action_url", "return_url", "authorization_expires_at", "platform_fee"),
)


def _apply_success(payment: Payment, call: ProcessorCall, *, now: datetime) -> None:
    payment.last_error = None
    if payment.status == PaymentStatus.REQUIRES_ACTION:
        # The payer has done what was needed.
        move(payment, PaymentStatus.PROCESSING, now=now)
    if CallKind(call.kind) is CallKind.VOID and payment.amount_authorized == 0:
        _give_up(payment, now=now)
        return
    captured_before = payment.amount_captured
    recipe, status = _BY_KIND[CallKind(call.kind)](payment, call)
    booked = [recipe]
    if payment.amount_captured > captured_before:
        booked += _charge_fee(payment)
    post(*booked, cause=call, effective_at=now)
    move(payment, status, now=now)


def _charge_fee(payment: Payment) -> list[recipes.Recipe]:
    """Charge the merchant for what is captured now, by the terms of this moment; return what books it, if anything."""
    terms = PlatformFee.objects.filter(merchant_id=payment.merchant_id, currency=payment.currency).first()
    if terms is None:
        return []
    due = fee_due(
        captured=payment.amount_captured,
        charged=payment.platform_fee,
        fee_bps=terms.fee_bps,
        fixed_amount=terms.fixed_amount,
    )
    payment.platform_fee += due
    return [recipes.platform_fee(fee=Money(due, payment.currency))] if due else []


def _authorized(payment: Payment, call: ProcessorCall) -> tuple[recipes.Recipe, PaymentStatus]:
    amount = Money(call.amount, call.currency)
    payment.processor_reference = call.processor_reference
    payment.authorization_code = call.authorization_code
    payment.amount_authorized = call.amount
    if call.final:
        payment.amount_captured = call.amount
        return recipes.payment_captured(captured=amount, reserved=0), PaymentStatus.SUCCEEDED
    payment.amount_capturable = call.amount
    assert call.answered_at is not None
    connector = connector_named(call.connector, merchant_id=call.merchant_id, mode=call.mode)
    payment.authorization_expires_at = call.answered_at + connector.authorization_lifetime
    return recipes.payment_authorized(authorized=amount), PaymentStatus.REQUIRES_CAPTURE


def _captured(payment: Payment, call: ProcessorCall) -> tuple[recipes.Recipe, PaymentStatus]:
    amount = Money(call.amount, call.currency)
    reserved = payment.amount_capturable if call.final else call.amount
    payment.amount_captured += call.amount
    payment.amount_capturable -= reserved
    recipe = recipes.payment_captured(captured=amount, reserved=reserved)
    return recipe, PaymentStatus.REQUIRES_CAPTURE if payment.amount_capturable else PaymentStatus.SUCCEEDED


def _voided(payment: Payment, call: ProcessorCall) -> tuple[recipes.Recipe, PaymentStatus]:
    released = Money(payment.amount_capturable, payment.currency)
    payment.amount_capturable = 0
    return recipes.payment_canceled(released=released), PaymentStatus.CANCELED


_BY_KIND: Final = {CallKind.AUTHORIZE: _authorized, CallKind.CAPTURE: _captured, CallKind.VOID: _voided}


def _give_up(payment: Payment, *, now: datetime) -> None:
    """Cancel a payment that waited for its payer: nothing was reserved, so there is nothing to book."""
    record_outcome(_waiting_for_payer(payment), _GIVEN_UP, now=now)
    move(payment, PaymentStatus.CANCELED, now=now)


def _waiting_for_payer(payment: Payment) -> ProcessorCall:
    return ProcessorCall.objects.get(payment=payment, status=CallStatus.ACTION_REQUIRED)


def _apply_failure(payment: Payment, call: ProcessorCall, *, now: datetime) -> None:
    """Take the payment back to where it can be tried again: nothing was reserved or taken by this call."""
    payment.last_error = failure_of(call)
    if CallKind(call.kind) is CallKind.AUTHORIZE:
        move(payment, PaymentStatus.REQUIRES_PAYMENT_METHOD, now=now)
    elif payment.amount_authorized == 0:
        # The payer may have been quicker than the void. The processor says which it is.
        waiting = _waiting_for_payer(payment)
        payment.next_action_url = waiting.action_url
        move(payment, PaymentStatus.REQUIRES_ACTION, now=now)
        ask_at(now, waiting)
    else:
        move(payment, PaymentStatus.REQUIRES_CAPTURE, now=now)
