"""The rules that PostgreSQL holds of payouts, their schedules and platform fees, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, update

_CALL_TO_PAYOUT: Final = "processorcall.processorcall_payout_same_owner"
_NAMES: Final = "processorcall.processor_call_names_its_subject"
_WEEKDAY: Final = "payoutschedule.payout_schedule_weekday"
_FEE_BOUNDS: Final = "platformfee.platform_fee_within_bounds"


def _payout(**changes: str) -> str:
    """Return an INSERT of a further payout."""
    return copy_of("Payout", "payout", **{"processor_reference": "NULL", "scheduled_for": "NULL"} | changes)


def _call(**changes: str) -> str:
    """Return an INSERT of an open call about the payout."""
    return copy_of("ProcessorCall", "payout_call", **{"status": "'created'"} | changes)


def _schedule(**changes: str) -> str:
    return update("payoutschedule", "schedule", **changes)


def _fee(**changes: str) -> str:
    return update("platformfee", "platform_fee", **changes)


PAYOUTS: Final = {
    "a deleted payout": breach("payout.never_deleted", delete("payout", "usd_payout")),
    "a payout of nothing": breach("payout.payout_amount_positive", _payout(amount="0")),
    "a payout in a third mode": breach("payout.payout_mode_known", _payout(mode="'demo'")),
    "a payout in a currency in lower case": breach("payout.payout_currency_upper_case", _payout(currency="'eur'")),
    "a second payout of a scheduled day": breach(
        "payout.payout_once_a_scheduled_day", _payout(scheduled_for="payout.scheduled_for")
    ),
    "two payouts under one reference of the processor": breach(
        "payout.payout_reference_once", _payout(processor_reference="payout.processor_reference")
    ),
    "a payout born as succeeded": breach("payout.lifecycle", _payout(status="'succeeded'")),
    "a failed payout that succeeds": breach(
        "payout.lifecycle",
        update("payout", "payout", status="'failed'"),
        update("payout", "payout", status="'succeeded'"),
    ),
}

CALLS: Final = {
    "a call about another merchant's payout": breach(_CALL_TO_PAYOUT, _call(payout_id="%(other_payout)s")),
    "a call about a payout in live mode": breach(_CALL_TO_PAYOUT, _call(payout_id="%(live_payout)s")),
    "a call about a payout in another currency": breach(_CALL_TO_PAYOUT, _call(payout_id="%(usd_payout)s")),
    "a second open call on one payout": breach("processorcall.processor_call_one_open_per_payout", *[_call()] * 2),
    "a payout call without its payout": breach(_NAMES, _call(payout_id="NULL")),
    "a payout call about a payment as well": breach(_NAMES, _call(payment_id="%(captured)s")),
    "a capture that names a payout": breach(_NAMES, _call(kind="'capture'", payment_id="%(captured)s")),
    "a call of a kind that nobody knows": breach(_NAMES, _call(kind="'topup'")),
}

SCHEDULES: Final = {
    "a second schedule of a merchant in one currency": breach(
        "payoutschedule.payout_schedule_once_per_currency", copy_of("PayoutSchedule", "schedule")
    ),
    "a schedule in a third mode": breach("payoutschedule.payout_schedule_mode_known", _schedule(mode="'demo'")),
    "a schedule in a currency in lower case": breach(
        "payoutschedule.payout_schedule_currency", _schedule(currency="'eur'")
    ),
    "a weekly schedule without a weekday": breach(_WEEKDAY, _schedule(weekday="NULL")),
    "a weekly schedule before the first day": breach(
        "payoutschedule.payments_payoutschedule_weekday_check", _schedule(weekday="-1")
    ),
    "a weekly schedule on an eighth day": breach(_WEEKDAY, _schedule(weekday="7")),
    "a daily schedule with a weekday": breach(_WEEKDAY, _schedule(interval="'daily'")),
    "a schedule of an unknown interval": breach(_WEEKDAY, _schedule(interval="'yearly'", weekday="NULL")),
    "a schedule that pays out nothing": breach(
        "payoutschedule.payout_schedule_minimum_positive", _schedule(minimum_amount="0")
    ),
}

FEES: Final = {
    "two platform fees of a merchant in one currency": breach(
        "platformfee.platform_fee_once_per_currency", copy_of("PlatformFee", "platform_fee")
    ),
    "a platform fee in a currency in lower case": breach("platformfee.platform_fee_currency", _fee(currency="'eur'")),
    "a platform fee of more than everything": breach(_FEE_BOUNDS, _fee(fee_bps="10001")),
    "a negative share as a platform fee": breach("platformfee.payments_platformfee_fee_bps_check", _fee(fee_bps="-1")),
    "a negative fixed platform fee": breach(_FEE_BOUNDS, _fee(fixed_amount="-1")),
}

FROZEN_PAYOUT: Final = {
    "id": "%(new)s",
    "merchant_id": "%(other_merchant)s",
    "mode": "'live'",
    "currency": "'GBP'",
    "amount": "amount - 1",
    "destination": "'ba_another'",
    "connector": "'stripe'",
    "scheduled_for": "'2026-03-09'",
    "created_at": "created_at - interval '1d'",
}

BREACHES: Final = PAYOUTS | CALLS | SCHEDULES | FEES | frozen("payout", "usd_payout", FROZEN_PAYOUT, {})
