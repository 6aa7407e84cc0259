"""The rules that PostgreSQL holds of the sandbox's own books, each with plain SQL that breaks it."""

from typing import Final

from tests.models.breaches import breach


def _insert(table: str, **columns: str) -> str:
    """Return an INSERT of a row with these SQL expressions."""
    return f"INSERT INTO payments_{table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"


def _payout(**changes: str) -> str:
    columns = {"reference": "'sbp-1'", "destination": "'ba_sandbox'", "currency": "'EUR'", "amount": "1"}
    return _insert("sandboxpayout", **columns | {"created_at": "%(now)s", "paid_at": "%(now)s"} | changes)


def _action(**changes: str) -> str:
    columns = {"reference": "'sba-1'", "idempotency_key": "'call_1'", "payment_method": "'pm_card_visa'"}
    columns |= {"currency": "'EUR'", "amount": "1", "captures": "true"}
    return _insert("sandboxaction", **columns | {"created_at": "%(now)s", "expires_at": "%(now)s"} | changes)


def _dispute(**changes: str) -> str:
    columns = {"reference": "'sbd-1'", "charge_reference": "'sbx-1'", "currency": "'EUR'", "amount": "1", "fee": "0"}
    columns |= {"opened_at": "%(now)s", "evidence_due_at": "%(now)s", "closed_at": "%(now)s"}
    return _insert("sandboxdispute", **columns | {"won": "false", "expiry_event_id": "'sbe-1'"} | changes)


BREACHES: Final = {
    "two payouts of the sandbox under one reference": breach(
        "sandboxpayout.sandbox_payout_reference_once", *[_payout()] * 2
    ),
    "a payout of nothing by the sandbox": breach("sandboxpayout.sandbox_payout_amount_positive", _payout(amount="0")),
    "two pages of the sandbox under one reference": breach(
        "sandboxaction.sandbox_action_reference_once", _action(), _action(idempotency_key="'call_2'")
    ),
    "two pages of the sandbox for one request": breach(
        "sandboxaction.sandbox_action_once", _action(), _action(reference="'sba-2'")
    ),
    "a decision on the sandbox's page at no time": breach(
        "sandboxaction.sandbox_action_decided_at_a_moment", _action(decision="'approved'")
    ),
    "no decision on the sandbox's page at a time": breach(
        "sandboxaction.sandbox_action_decided_at_a_moment", _action(decided_at="%(now)s")
    ),
    "two disputes of the sandbox under one reference": breach(
        "sandboxdispute.sandbox_dispute_reference_once", *[_dispute()] * 2
    ),
    "a dispute of nothing at the sandbox": breach("sandboxdispute.sandbox_dispute_amounts", _dispute(amount="0")),
    "a negative fee of a dispute at the sandbox": breach("sandboxdispute.sandbox_dispute_amounts", _dispute(fee="-1")),
}
