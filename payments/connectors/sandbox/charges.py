"""Cards at the sandbox: authorized, captured, voided and refunded."""

from datetime import datetime

from payments.connectors.base import (
    AuthorizeRequest,
    CaptureRequest,
    Declined,
    RefundRequest,
    Succeeded,
    VoidRequest,
)
from payments.connectors.sandbox.disputes import amount_held, open_dispute
from payments.connectors.sandbox.methods import (
    DECLINES,
    DISPUTED_METHOD,
    REFUND_FAILS_METHOD,
    SUCCEEDING_METHODS,
    unknown_method,
)
from payments.connectors.sandbox.notices import announce, days
from payments.connectors.sandbox.requests import Done
from payments.connectors.sandbox.settlement import record_movement
from payments.models.reconciliation import SettlementKind
from payments.models.sandbox import SandboxCharge
from payments.money import Money
from payments.public_ids import encode, new_uuid


def authorize(request: AuthorizeRequest) -> Done:
    """Reserve, or take at once, an amount."""
    method = request.payment_method
    if method in DECLINES:
        return Done(DECLINES[method])
    if method not in SUCCEEDING_METHODS:
        return Done(unknown_method())
    return charge(method, request.amount, captured=request.capture, now=request.now)


def charge(method: str, amount: Money, *, captured: bool, now: datetime) -> Done:
    """Reserve an amount on a card that works, or take it at once."""
    reference = encode("sbx", new_uuid())
    opened = SandboxCharge.objects.create(
        reference=reference,
        payment_method=method,
        currency=amount.currency,
        amount_authorized=amount.amount,
        amount_captured=amount.amount if captured else 0,
        created_at=now,
    )
    if captured:
        _dispute_capture(opened, amount, now=now)
    return Done(
        Succeeded(reference, authorization_code=reference[-6:].upper()),
        charge_reference=reference,
        moved=amount if captured else None,
    )


def capture(request: CaptureRequest) -> Done:
    """Take what was reserved; asking for more than is left is declined."""
    charge = _locked(request.processor_reference)
    left = charge.amount_authorized - charge.amount_captured - charge.amount_voided
    if request.amount.currency != charge.currency or request.amount.amount > left:
        return Done(Declined("amount_too_large", None, f"Only {left} of the authorization is left."))
    charge.amount_captured += request.amount.amount
    if request.final:
        charge.amount_voided += left - request.amount.amount
    charge.save(update_fields=["amount_captured", "amount_voided"])
    _dispute_capture(charge, request.amount, now=request.now)
    return Done(Succeeded(encode("sbc", new_uuid())), charge_reference=charge.reference, moved=request.amount)


def void(request: VoidRequest) -> Done:
    """Give back what is still reserved."""
    charge = _locked(request.processor_reference)
    charge.amount_voided = charge.amount_authorized - charge.amount_captured
    charge.save(update_fields=["amount_voided"])
    return Done(Succeeded(charge.reference))


def refund(request: RefundRequest) -> Done:
    """Give back what was captured and is not disputed; asking for more than that is declined."""
    charge = _locked(request.processor_reference)
    left = charge.amount_captured - charge.amount_refunded - amount_held(charge.reference, now=request.now)
    if request.amount.currency != charge.currency or request.amount.amount > left:
        return Done(Declined("amount_too_large", None, f"Only {left} of the charge is left to refund."))
    reference = encode("sbr", new_uuid())
    if charge.payment_method == REFUND_FAILS_METHOD:
        # It will come back, so it leaves as much to refund as there was.
        _return_later(reference, request)
    else:
        charge.amount_refunded += request.amount.amount
        charge.save(update_fields=["amount_refunded"])
    back = Money(-request.amount.amount, request.amount.currency)
    return Done(Succeeded(reference), charge_reference=charge.reference, moved=back)


def _dispute_capture(charge: SandboxCharge, amount: Money, *, now: datetime) -> None:
    if charge.payment_method == DISPUTED_METHOD:
        open_dispute(charge, amount, now=now)


def _return_later(reference: str, request: RefundRequest) -> None:
    returned_at = request.now + days(2)
    message = "The payer's bank could not take the refund."
    record_movement(SettlementKind.ADJUSTMENT, reference, request.amount, at=returned_at)
    announce("refund.returned", reference, {"message": message}, now=returned_at)


def method_of(reference: str) -> str:
    """Return the payment method of a charge."""
    return SandboxCharge.objects.values_list("payment_method", flat=True).get(reference=reference)


def _locked(reference: str) -> SandboxCharge:
    return SandboxCharge.objects.select_for_update().get(reference=reference)
