"""The rules that PostgreSQL holds of discrepancies and repairs, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, set_once, update

_RESOLVED: Final = "discrepancy.discrepancy_resolved_with_reason"
_OWNED: Final = "discrepancy.discrepancy_names_its_owner"
_SUBJECT: Final = "discrepancy.discrepancy_names_the_subject_of_its_call"
_TO_PAYMENT: Final = "discrepancy.discrepancy_payment_same_owner"
_TO_PAYOUT: Final = "discrepancy.discrepancy_payout_same_owner"
_TO_CALL: Final = "discrepancy.discrepancy_processor_call_same_payment"
_ENTRY_TO_DISCREPANCY: Final = "journalentry.journalentry_discrepancy_same_payment"
_TWO_PEOPLE: Final = "repair.repair_approved_by_another"
_ONE_THING: Final = "repair.repair_of_one_thing"


def _discrepancy(row: str = "loose_discrepancy", **changes: str) -> str:
    """Return an INSERT of a further discrepancy."""
    return copy_of("Discrepancy", row, **{"key": "'new'"} | changes)


def _resolved(**changes: str) -> str:
    """Return an UPDATE that resolves a discrepancy."""
    values = {"status": "'resolved'", "resolution": "'Paid later.'", "resolved_at": "%(now)s"}
    return update("discrepancy", "loose_discrepancy", **values | changes)


def _repair(row: str = "repair", **changes: str) -> str:
    """Return an INSERT of a further repair."""
    return copy_of("Repair", row, **changes)


def _decided(status: str, **changes: str) -> str:
    """Return an UPDATE by which another than the proposer decides on a repair."""
    values = {"status": f"'{status}'", "decided_by": "'bob'", "decided_at": "%(now)s"}
    return update("repair", "repair", **values | changes)


DISCREPANCIES: Final = {
    "a deleted discrepancy": breach("discrepancy.never_deleted", delete("discrepancy", "resolved_discrepancy")),
    "the same discrepancy twice": breach("discrepancy.discrepancy_once", copy_of("Discrepancy", "loose_discrepancy")),
    "a discrepancy resolved without a reason": breach(_RESOLVED, _resolved(resolution="NULL")),
    "a discrepancy resolved with an empty reason": breach(_RESOLVED, _resolved(resolution="''")),
    "a discrepancy resolved with a blank reason": breach(_RESOLVED, _resolved(resolution="' '")),
    "a discrepancy resolved at no time": breach(_RESOLVED, _resolved(resolved_at="NULL")),
    "an open discrepancy with a reason": breach(
        _RESOLVED, update("discrepancy", "loose_discrepancy", resolution="'Paid later.'")
    ),
    "an open discrepancy that was resolved": breach(
        _RESOLVED, update("discrepancy", "loose_discrepancy", resolved_at="%(now)s")
    ),
    "an open discrepancy that somebody resolved": breach(
        _RESOLVED, update("discrepancy", "loose_discrepancy", resolved_by="'alice'")
    ),
    "a discrepancy born as resolved": breach("discrepancy.lifecycle", _discrepancy("resolved_discrepancy")),
    "a resolved discrepancy that opens again": breach(
        "discrepancy.lifecycle",
        update("discrepancy", "resolved_discrepancy", status="'open'"),
        backed_by=(_RESOLVED,),
    ),
    "a discrepancy of nobody about a payment": breach(_OWNED, _discrepancy("payment_discrepancy", merchant_id="NULL")),
    "a discrepancy of no mode about a payment": breach(_OWNED, _discrepancy("payment_discrepancy", mode="NULL")),
    "a discrepancy in no currency about a payout": breach(_OWNED, _discrepancy("payout_discrepancy", currency="NULL")),
    "a discrepancy of nobody about a call": breach(
        _OWNED,
        _discrepancy(merchant_id="NULL", processor_call_id="%(disputed_call)s"),
        backed_by=(_SUBJECT,),
    ),
    "a discrepancy about a call and not its payment": breach(
        _SUBJECT, _discrepancy(processor_call_id="%(disputed_call)s")
    ),
    "a discrepancy about a call and another payment": breach(
        _TO_CALL, _discrepancy(processor_call_id="%(disputed_call)s", payment_id="%(captured)s")
    ),
    "a discrepancy about another merchant's payment": breach(_TO_PAYMENT, _discrepancy(payment_id="%(other_payment)s")),
    "a discrepancy about a payment in live mode": breach(_TO_PAYMENT, _discrepancy(payment_id="%(live_payment)s")),
    "a discrepancy about a payment in another currency": breach(
        _TO_PAYMENT, _discrepancy(payment_id="%(usd_payment)s")
    ),
    "a discrepancy about another merchant's payout": breach(_TO_PAYOUT, _discrepancy(payout_id="%(other_payout)s")),
    "a discrepancy about a payout in live mode": breach(_TO_PAYOUT, _discrepancy(payout_id="%(live_payout)s")),
    "a discrepancy about a payout in another currency": breach(_TO_PAYOUT, _discrepancy(payout_id="%(usd_payout)s")),
}

REPAIRS: Final = {
    "a deleted repair": breach("repair.never_deleted", delete("repair", "repair")),
    "a repair without a reason": breach(
        "repair.repair_has_reason", _repair(processor_call_id="%(declined_call)s", reason="''")
    ),
    "a repair with a blank reason": breach(
        "repair.repair_has_reason", _repair(processor_call_id="%(declined_call)s", reason="E' \\n'")
    ),
    "a repair of nothing": breach(_ONE_THING, _repair(processor_call_id="NULL")),
    "a repair of two things": breach(
        _ONE_THING, _repair(processor_call_id="%(declined_call)s", discrepancy_id="%(discrepancy)s")
    ),
    "a call that is written off": breach(
        _ONE_THING, _repair(processor_call_id="%(declined_call)s", action="'write_off'")
    ),
    "a discrepancy that is declared to have succeeded": breach(
        _ONE_THING, _repair("write_off", discrepancy_id="%(discrepancy)s", action="'succeeded'")
    ),
    "a repair that does what nobody knows": breach(
        _ONE_THING, _repair(processor_call_id="%(declined_call)s", action="'submitted'")
    ),
    "a repair born as approved": breach(
        "repair.lifecycle", _repair("approved_repair", discrepancy_id="%(discrepancy)s")
    ),
    "a rejected repair that is approved": breach(
        "repair.lifecycle", _decided("rejected"), update("repair", "repair", status="'approved'")
    ),
    "a repair that its proposer approves": breach(_TWO_PEOPLE, _decided("approved", decided_by="proposed_by")),
    "a repair that nobody approves": breach(_TWO_PEOPLE, _decided("approved", decided_by="NULL")),
    "a repair that is approved at no time": breach(_TWO_PEOPLE, _decided("approved", decided_at="NULL")),
    "a repair that nobody rejects": breach(_TWO_PEOPLE, _decided("rejected", decided_by="NULL")),
    "a repair that is rejected at no time": breach(_TWO_PEOPLE, _decided("rejected", decided_at="NULL")),
    "a repair that is decided and still proposed": breach(_TWO_PEOPLE, _decided("proposed")),
    "a second repair proposed for a call": breach("repair.repair_one_standing_per_call", _repair()),
    "a second repair proposed for a discrepancy": breach(
        "repair.repair_one_standing_per_discrepancy", _repair("write_off")
    ),
    "a repair proposed for a discrepancy that was written off": breach(
        "repair.repair_one_standing_per_discrepancy",
        _repair("write_off", discrepancy_id="%(payment_discrepancy)s"),
    ),
}

FROZEN_DISCREPANCY: Final = {
    "id": "%(new)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "currency": "'USD'",
    "amount": "amount - 1",
    "key": "'new'",
    "kind": "'settled_twice'",
    "detail": "'another'",
    "created_at": "created_at - interval '1d'",
}
DISCREPANCY_SET_ONCE: Final = {
    "payment_id": "NULL",
    "payout_id": "NULL",
    "processor_call_id": "NULL",
    "processor_event_id": "NULL",
    "settlement_line_id": "NULL",
    "bank_line_id": "NULL",
}
RESOLUTION_SET_ONCE: Final = {
    "resolution": "'another'",
    "resolved_by": "'bob'",
    "resolved_at": "resolved_at + interval '1d'",
}

FROZEN_REPAIR: Final = {
    "id": "%(new)s",
    "processor_call_id": "%(declined_call)s",
    "discrepancy_id": "%(discrepancy)s",
    "action": "'succeeded'",
    "processor_reference": "'sbx-1'",
    "reason": "'another'",
    "proposed_by": "'carol'",
    "created_at": "created_at - interval '1d'",
}
REPAIR_SET_ONCE: Final = {"decided_by": "'carol'", "decided_at": "decided_at + interval '1d'"}

FROZEN: Final = {
    **frozen("discrepancy", "resolved_discrepancy", FROZEN_DISCREPANCY, {}),
    **set_once("discrepancy", "discrepancy", DISCREPANCY_SET_ONCE, {"payment_id": (_ENTRY_TO_DISCREPANCY,)}),
    **set_once("discrepancy", "resolved_discrepancy", RESOLUTION_SET_ONCE, {}),
    **frozen("repair", "repair", FROZEN_REPAIR, {"discrepancy_id": (_ONE_THING,)}),
    **set_once("repair", "approved_repair", REPAIR_SET_ONCE, {}),
}

BREACHES: Final = DISCREPANCIES | REPAIRS | FROZEN
