"""What time ends: payments that nobody has paid, and reserves that have lapsed.

Nothing is asked of the processor. A reserve lapses at the issuer by itself after the connector's
`authorization_lifetime`; we only stop counting on it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from payments.errors import PaymentStateConflict
from payments.ledger import recipes
from payments.ledger.posting import post
from payments.lifecycles import CallKind, CallStatus, PaymentStatus
from payments.models.payments import Payment
from payments.models.processor import ProcessorCall
from payments.money import Money
from payments.operations.payment_outcomes import move
from payments.operations.representations import timestamp

BATCH_MAX: Final = 500

_UNPAID: Final = (PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.REQUIRES_CONFIRMATION)


def expire_payments(*, now: datetime) -> int:
    """Expire every payment that can still be paid and whose `expires_at` has come; return how many there were."""
    due = Payment.objects.filter(status__in=_UNPAID, expires_at__lte=now).order_by("expires_at", "id")
    return _each(due, lambda payment: move(payment, PaymentStatus.EXPIRED, now=now))


def expire_authorizations(*, now: datetime) -> int:
    """Release what is left of every reserve whose time is over; return how many there were.

    What was captured before stays captured. A capture under way is `processing`, and ends as the processor says.
    """
    due = Payment.objects.filter(status=PaymentStatus.REQUIRES_CAPTURE, authorization_expires_at__lte=now)
    return _each(due.order_by("authorization_expires_at", "id"), lambda payment: _release(payment, now=now))


def require_in_time(payment: Payment, *, now: datetime) -> None:
    """Refuse to confirm a locked payment whose time is over, whether or not the sweep has come by.

    Raises:
        PaymentStateConflict: it has expired.
    """
    if payment.status in _UNPAID and payment.expires_at is not None and payment.expires_at <= now:
        raise PaymentStateConflict(
            f"Payment {payment.public_id} could be paid until {timestamp(payment.expires_at)}: it has expired."
            " Create a new one.",
            payment_status=str(payment.status),
        )


def require_reserve(payment: Payment, *, now: datetime) -> None:
    """Refuse to capture a locked payment whose reserve has lapsed, whether or not the sweep has come by.

    Raises:
        PaymentStateConflict: the authorization has expired.
    """
    moment = payment.authorization_expires_at
    if moment is not None and moment <= now:
        raise PaymentStateConflict(
            f"Payment {payment.public_id} was authorized until {timestamp(moment)}: the authorization has expired.",
            payment_status=str(payment.status),
        )


def _each(due: QuerySet[Payment], expire: Callable[[Payment], None]) -> int:
    """Expire each payment in a transaction of its own, a batch at a time, until nothing is due any more.

    Under its lock a payment is looked up as due once more: a capture or confirmation may have been quicker.
    """
    expired = 0
    while batch := list(due.values_list("pk", flat=True)[:BATCH_MAX]):
        for payment_id in batch:
            with transaction.atomic(durable=True):
                payment = due.select_for_update().filter(pk=payment_id).first()
                if payment is not None:
                    expire(payment)
                    expired += 1
    return expired


def _release(payment: Payment, *, now: datetime) -> None:
    authorization = ProcessorCall.objects.get(payment=payment, kind=CallKind.AUTHORIZE, status=CallStatus.SUCCEEDED)
    released = Money(payment.amount_capturable, payment.currency)
    payment.amount_capturable = 0
    post(recipes.payment_expired(released=released), cause=authorization, effective_at=now)
    move(payment, PaymentStatus.EXPIRED, now=now)
