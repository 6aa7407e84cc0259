"""The rules that PostgreSQL holds of disputes, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, update
from tests.models.rules import OWNER

_TO_PAYMENT: Final = "dispute.dispute_payment_same_owner"
_CALL_TO_DISPUTE: Final = "processorcall.processorcall_dispute_same_payment"
_POINTING_HERE: Final = (
    *(_CALL_TO_DISPUTE, "journalentry.journalentry_dispute_same_payment"),
    "settlementline.settlementline_dispute_same_payment",
)
_NAMES: Final = "processorcall.processor_call_names_its_subject"


def _dispute(**changes: str) -> str:
    """Return an INSERT of a further dispute."""
    return copy_of("Dispute", "dispute", **{"processor_reference": "'dp-new'"} | changes)


def _call(**changes: str) -> str:
    """Return an INSERT of an open call about the dispute."""
    return copy_of("ProcessorCall", "dispute_call", **{"status": "'created'"} | changes)


DISPUTES: Final = {
    "a deleted dispute": breach("dispute.never_deleted", delete("dispute", "loose_dispute")),
    "a deleted dispute that was booked": breach(
        "dispute.never_deleted", delete("dispute", "dispute"), backed_by=_POINTING_HERE
    ),
    "a dispute of nothing": breach("dispute.dispute_amount_positive", _dispute(amount="0")),
    "a negative fee of a dispute": breach("dispute.dispute_fee_not_negative", _dispute(fee="-1")),
    "a dispute that was opened before": breach("dispute.dispute_reference_once", copy_of("Dispute", "dispute")),
    "a dispute born as won": breach("dispute.lifecycle", _dispute(status="'won'")),
    "a lost dispute that is won": breach(
        "dispute.lifecycle",
        update("dispute", "dispute", status="'lost'"),
        update("dispute", "dispute", status="'won'"),
    ),
    "a dispute of another merchant's payment": breach(_TO_PAYMENT, _dispute(payment_id="%(other_payment)s")),
    "a dispute of a payment in live mode": breach(_TO_PAYMENT, _dispute(payment_id="%(live_payment)s")),
    "a dispute of a payment in another currency": breach(_TO_PAYMENT, _dispute(payment_id="%(usd_payment)s")),
}

CALLS: Final = {
    "a call about another merchant's dispute": breach(_CALL_TO_DISPUTE, _call(dispute_id="%(other_dispute)s")),
    "a call about a dispute of another payment": breach(_CALL_TO_DISPUTE, _call(payment_id="%(captured)s")),
    "a second open call on one dispute": breach("processorcall.processor_call_one_open_per_dispute", *[_call()] * 2),
    "evidence without its dispute": breach(_NAMES, _call(dispute_id="NULL")),
    "evidence about no payment": breach(_NAMES, _call(payment_id="NULL")),
    "evidence about a payout as well": breach(_NAMES, _call(payout_id="%(payout)s")),
    "an acceptance without its dispute": breach(_NAMES, _call(kind="'accept_dispute'", dispute_id="NULL")),
    "a capture that names a dispute": breach(_NAMES, _call(kind="'capture'")),
    "a refund that names a dispute": breach(_NAMES, _call(kind="'refund'")),
}

FROZEN_DISPUTE: Final = {
    "id": "%(new)s",
    "payment_id": "%(captured)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "currency": "'USD'",
    "amount": "amount - 1",
    "fee": "fee - 1",
    "reason": "'product_not_received'",
    "connector": "'stripe'",
    "processor_reference": "'dp-new'",
    "created_at": "created_at - interval '1d'",
}

FROZEN: Final = frozen("dispute", "loose_dispute", FROZEN_DISPUTE, dict.fromkeys(OWNER, (_TO_PAYMENT,)))

BREACHES: Final = DISPUTES | CALLS | FROZEN
