"""The rules that PostgreSQL holds of refunds, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, update
from tests.models.rules import OWNER

_REFUND_TO_PAYMENT: Final = "refund.refund_payment_same_owner"
_CALL_TO_REFUND: Final = "processorcall.processorcall_refund_same_payment"
_OPEN_REFUND_CALL: Final = {"status": "'created'", "processor_reference": "NULL"}

REFUNDS: Final = {
    "a deleted refund": breach("refund.never_deleted", delete("refund", "refund"), backed_by=(_CALL_TO_REFUND,)),
    "a refund of nothing": breach(
        "refund.refund_amount_positive", copy_of("Refund", "refund", amount="0", status="'pending'")
    ),
    "a refund born as succeeded": breach("refund.lifecycle", copy_of("Refund", "refund")),
    "a succeeded refund that is submitted": breach(
        "refund.lifecycle", update("refund", "refund", status="'submitted'")
    ),
    "a refund of another merchant's payment": breach(
        _REFUND_TO_PAYMENT, copy_of("Refund", "refund", payment_id="%(other_payment)s", status="'pending'")
    ),
    "a refund of a payment in live mode": breach(
        _REFUND_TO_PAYMENT, copy_of("Refund", "refund", payment_id="%(live_payment)s", status="'pending'")
    ),
    "a refund of a payment in another currency": breach(
        _REFUND_TO_PAYMENT, copy_of("Refund", "refund", payment_id="%(usd_payment)s", status="'pending'")
    ),
    "a call about a refund of another merchant": breach(
        _CALL_TO_REFUND,
        copy_of(
            "ProcessorCall",
            "refund_call",
            merchant_id="%(other_merchant)s",
            payment_id="%(other_payment)s",
            **_OPEN_REFUND_CALL,
        ),
    ),
    "a second open call on one refund": breach(
        "processorcall.processor_call_one_open_per_refund",
        *[copy_of("ProcessorCall", "refund_call", **_OPEN_REFUND_CALL)] * 2,
    ),
    "a refund call without its refund": breach(
        "processorcall.processor_call_names_its_subject",
        copy_of("ProcessorCall", "refund_call", refund_id="NULL", **_OPEN_REFUND_CALL),
    ),
    "a capture that names a refund": breach(
        "processorcall.processor_call_names_its_subject",
        copy_of("ProcessorCall", "refund_call", kind="'capture'", **_OPEN_REFUND_CALL),
    ),
}

FROZEN_REFUND: Final = {
    "id": "%(new)s",
    "payment_id": "%(captured)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "currency": "'USD'",
    "amount": "amount - 1",
    "reason": "'another'",
    "created_at": "created_at - interval '1d'",
}

FROZEN: Final = frozen(
    "refund",
    "refund",
    FROZEN_REFUND,
    dict.fromkeys(OWNER, (_REFUND_TO_PAYMENT,)) | dict.fromkeys(("id", "payment_id"), (_CALL_TO_REFUND,)),
)

BREACHES: Final = REFUNDS | FROZEN
