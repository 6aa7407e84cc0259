"""The rules that PostgreSQL holds of payments, calls, events and idempotency, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, update


def _payment(name: str, **changes: str) -> str:
    """Return an UPDATE of columns of one payment."""
    return update("payment", name, **changes)


PAYMENTS: Final = {
    "a deleted payment": breach("payment.never_deleted", delete("payment", "unconfirmed")),
    "more captured than authorized": breach(
        "payment.payment_captured_within_authorized", _payment("authorized", amount_captured="1")
    ),
    "more authorized than the amount": breach(
        "payment.payment_authorized_within_amount", _payment("authorized", amount_authorized="amount + 1")
    ),
    "more refunded than captured": breach(
        "payment.payment_refunded_within_captured", _payment("captured", amount_refunded="amount_captured + 1")
    ),
    "more refunded and on its way back than captured": breach(
        "payment.payment_refunded_within_captured",
        _payment("refunded", amount_refund_pending="amount_captured - amount_refunded + 1"),
    ),
    "a negative amount on its way back": breach(
        "payment.payment_amounts_not_negative", _payment("captured", amount_refund_pending="-1")
    ),
    "more disputed than captured": breach(
        "payment.payment_disputed_within_captured", _payment("captured", amount_disputed="amount_captured + 1")
    ),
    "a negative capturable amount": breach(
        "payment.payment_amounts_not_negative",
        _payment("captured", amount_capturable="-1"),
        backed_by=("payment.payment_closed_reserves_nothing",),
    ),
    "a negative captured amount": breach(
        "payment.payment_amounts_not_negative",
        _payment("declined", amount_captured="-1"),
        backed_by=(
            *("payment.payment_refunded_within_captured", "payment.payment_disputed_within_captured"),
            "payment.payment_fee_within_captured",
        ),
    ),
    "a negative refunded amount": breach(
        "payment.payment_amounts_not_negative", _payment("captured", amount_refunded="-1")
    ),
    "a negative disputed amount": breach(
        "payment.payment_amounts_not_negative", _payment("captured", amount_disputed="-1")
    ),
    "a negative platform fee": breach("payment.payment_amounts_not_negative", _payment("captured", platform_fee="-1")),
    "a platform fee above what was captured": breach(
        "payment.payment_fee_within_captured", _payment("captured", platform_fee="amount_captured + 1")
    ),
    "an action of the payer without an address": breach(
        "payment.payment_requires_action_has_address",
        _payment("unconfirmed", status="'processing'"),
        _payment("unconfirmed", status="'requires_action'"),
    ),
    "an address without an action of the payer": breach(
        "payment.payment_requires_action_has_address", _payment("captured", next_action_url="'https://pay.example/'")
    ),
    "a success without captured money": breach(
        "payment.payment_succeeded_has_captured", _payment("captured", amount_captured="0")
    ),
    "a payment to capture with nothing to capture": breach(
        "payment.payment_requires_capture_has_capturable", _payment("authorized", amount_capturable="0")
    ),
    "a closed payment that still reserves money": breach(
        "payment.payment_closed_reserves_nothing", _payment("authorized", status="'canceled'")
    ),
    "a payment over nothing": breach("payment.payment_amount_positive", copy_of("Payment", "live_payment", amount="0")),
    "a currency in lower case": breach(
        "payment.payment_currency_upper_case", copy_of("Payment", "live_payment", currency="'eur'")
    ),
    "a currency of two letters": breach(
        "payment.payment_currency_upper_case", copy_of("Payment", "live_payment", currency="'EU'")
    ),
    "a third mode": breach("payment.payment_mode_known", copy_of("Payment", "live_payment", mode="'demo'")),
    "a merchant_reference that is taken": breach(
        "payment.payment_merchant_reference_once", copy_of("Payment", "unconfirmed")
    ),
    "a succeeded payment that is canceled": breach("payment.lifecycle", _payment("captured", status="'canceled'")),
    "a payment born as succeeded": breach("payment.lifecycle", copy_of("Payment", "captured")),
}

CALLS: Final = {
    # A row of another merchant, mode or currency is kept out by one foreign key over all three.
    "a call about another merchant's payment": breach(
        "processorcall.processorcall_payment_same_owner",
        copy_of("ProcessorCall", "declined_call", payment_id="%(other_payment)s", status="'created'"),
    ),
    "a call about a payment in live mode": breach(
        "processorcall.processorcall_payment_same_owner",
        copy_of("ProcessorCall", "declined_call", payment_id="%(live_payment)s", status="'created'"),
    ),
    "a call about a payment in another currency": breach(
        "processorcall.processorcall_payment_same_owner",
        copy_of("ProcessorCall", "declined_call", payment_id="%(usd_payment)s", status="'created'"),
    ),
    "a deleted processor call": breach("processorcall.never_deleted", delete("processorcall", "declined_call")),
    "a call over nothing": breach(
        "processorcall.processor_call_amount_positive",
        copy_of("ProcessorCall", "declined_call", amount="0", status="'created'"),
    ),
    "a second open call on one payment": breach(
        "processorcall.processor_call_one_open_per_payment",
        *[copy_of("ProcessorCall", "declined_call", kind="'capture'", status="'created'")] * 2,
    ),
    "another card while the payer is still asked about one": breach(
        "processorcall.processor_call_one_open_authorization",
        copy_of("ProcessorCall", "declined_call", id="%(new)s", status="'created'"),
        update("processorcall", "new", status="'action_required'"),
        copy_of("ProcessorCall", "declined_call", status="'created'"),
    ),
    "an authorization of no payment": breach(
        "processorcall.processor_call_names_its_subject",
        copy_of("ProcessorCall", "declined_call", payment_id="NULL", status="'created'"),
    ),
    "a declined call that succeeds": breach(
        "processorcall.lifecycle", update("processorcall", "declined_call", status="'succeeded'")
    ),
    "a call born as succeeded": breach("processorcall.lifecycle", copy_of("ProcessorCall", "captured_call")),
}

EVENTS: Final = {
    "another time on an event": breach(
        "event.append_only", update("event", "captured_event", created_at="created_at - interval '1d'")
    ),
    "a deleted event": breach("event.append_only", delete("event", "captured_event")),
}

_RECORD: Final = (
    "INSERT INTO payments_idempotencyrecord (merchant_id, mode, key, fingerprint, processor_call_id,"
    " lease_expires_at, created_at, expires_at, response_status, response_body)"
    " VALUES (%(merchant)s, 'test', 'key', 'print', {call}, %(now)s, %(now)s, %(now)s, {status}, {body})"
)

KEYS: Final = {
    "a key with neither a call nor an answer": breach(
        "idempotencyrecord.idempotency_answered_or_under_way",
        _RECORD.format(call="NULL", status="NULL", body="NULL"),
    ),
    "a key with a status and no body": breach(
        "idempotencyrecord.idempotency_answered_or_under_way",
        _RECORD.format(call="%(captured_call)s", status="201", body="NULL"),
    ),
    "a key with a body and no status": breach(
        "idempotencyrecord.idempotency_answered_or_under_way",
        _RECORD.format(call="%(captured_call)s", status="NULL", body="'{{}}'"),
    ),
    "the same idempotency key twice": breach(
        "idempotencyrecord.idempotency_key_once",
        *[_RECORD.format(call="NULL", status="200", body="'{{}}'")] * 2,
    ),
}

OTHERS: Final = {
    "a second account of one code": breach(
        "ledgeraccount.ledger_account_once_per_currency", copy_of("LedgerAccount", "account")
    ),
    "the same checkpoint twice": breach(
        "balancecheckpoint.balance_checkpoint_once",
        "INSERT INTO payments_balancecheckpoint (account_id, layer, cluster_id, below_transaction_id, debit_total,"
        " credit_total, effective_through, taken_at) SELECT %(account)s, 'posted', 1, '1', 0, 0, %(now)s, %(now)s"
        " FROM generate_series(1, 2)",
    ),
    "the same edge of a lifecycle twice": breach(
        "lifecycleedge.lifecycle_edge_once",
        "INSERT INTO payments_lifecycleedge (noun, from_status, to_status)"
        " SELECT noun, from_status, to_status FROM payments_lifecycleedge",
    ),
    "more captured by the sandbox than it authorized": breach(
        "sandboxcharge.sandbox_charge_within_authorized",
        "UPDATE payments_sandboxcharge SET amount_captured = amount_authorized + 1",
    ),
    "more refunded by the sandbox than it captured": breach(
        "sandboxcharge.sandbox_charge_refunded_within_captured",
        "UPDATE payments_sandboxcharge SET amount_refunded = amount_captured + 1",
    ),
    "two charges of the sandbox under one reference": breach(
        "sandboxcharge.sandbox_charge_reference_once", "UPDATE payments_sandboxcharge SET reference = 'same'"
    ),
    "two requests to the sandbox under one key": breach(
        "sandboxrequest.sandbox_request_once", "UPDATE payments_sandboxrequest SET idempotency_key = 'same'"
    ),
}


FROZEN_PAYMENT: Final = {
    "id": "%(new)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "amount": "amount - 1",
    "currency": "'USD'",
    "capture_method": "'manual'",
    "created_at": "created_at - interval '1d'",
}
_NAMES: Final = "processorcall.processor_call_names_its_subject"
_CALL_TO_REFUND: Final = "processorcall.processorcall_refund_same_payment"
_CALL_TO_PAYMENT: Final = "processorcall.processorcall_payment_same_owner"
FROZEN_CALL: Final = {
    "id": "%(new)s",
    "payment_id": "%(captured)s",
    "refund_id": "%(refund)s",
    "dispute_id": "%(dispute)s",
    "payout_id": "%(payout)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "currency": "'USD'",
    "connector": "'stripe'",
    "kind": "'capture'",
    "amount": "amount - 1",
    "final": "NOT final",
    "payment_method": "'pm_card_visa'",
    "created_at": "created_at - interval '1d'",
}
OWNER: Final = ("merchant_id", "mode", "currency")
FROZEN: Final = frozen("payment", "unconfirmed", FROZEN_PAYMENT, {}) | frozen(
    "processorcall",
    "declined_call",
    FROZEN_CALL,
    dict.fromkeys(OWNER, (_CALL_TO_PAYMENT,))
    | {
        "refund_id": (_NAMES, _CALL_TO_REFUND),
        "dispute_id": (_NAMES, "processorcall.processorcall_dispute_same_payment"),
        "payout_id": (_NAMES,),
    },
)

BREACHES: Final = PAYMENTS | CALLS | EVENTS | KEYS | OTHERS | FROZEN
