"""Differences in the journal, in payments, their calls and refunds."""

from typing import Final

from tests.books import copy_of
from tests.ledger.planting import (
    account_of_shop,
    alone,
    event_says,
    line,
    no_check,
    planted,
    setting,
    side,
    without_entry,
)

BALANCES: Final = "an entry balances in each layer"
HAS_LINES: Final = "an entry has lines"
OWNERS: Final = "an entry's lines and accounts are of its owner"
CAUSE_OWNERS: Final = "an entry's payment and cause are of its owner"
CAUSES: Final = "an entry has the one cause that its kind has"
ACCOUNTS: Final = "an entry is on the accounts of its kind"
AMOUNTS: Final = "an entry is over the amount of its cause"
ZERO: Final = "a merchant's accounts add up to zero"
JOURNAL: Final = "a payment's amounts are those of the journal"
FEES: Final = "a payment's platform fee is that of the journal"
CALLS: Final = "what a payment has authorized and captured, its processor calls have"
REFUNDED: Final = "what a payment has refunded and on its way back, its refunds have"
DISPUTED: Final = "what a payment has disputed, its disputes have"
OPEN_CALLS: Final = "a payment is processing or requires action while, and only while, such a call is open"
RELEASED: Final = "a payment releases its reserve once, if it is canceled or expired"
LAST_EVENT: Final = "a payment is as its last event says"
BOOKED: Final = "every call that succeeded is booked, and no other"
GIVEN_UP: Final = "what was given up while it waited for the payer is declined as canceled"
ANSWERED: Final = "a call has an answer once it is not created any more"
REFUND_CALL: Final = "a refund stands where its call stands"
REFUND_BOOKED: Final = "a refund is booked as its status says"
REFUND_EVENT: Final = "a refund is as its last event says"

JOURNAL_DIFFERENCES: Final = {
    "a line of another amount": planted(BALANCES, "je captured_entry", line("amount = amount + 1")),
    "a fee's line of another amount": planted(BALANCES, "je fee_entry", side("fee_entry", "debit", "amount = 1")),
    "a line in another layer": planted(BALANCES, "je captured_entry", line("layer = 'pending'")),
    "a line on the other side": planted(BALANCES, "je captured_entry", line("direction = 'credit'")),
    "one line deleted": planted(
        BALANCES, "je captured_entry", "DELETE FROM payments_journalline WHERE id = %(captured_line)s"
    ),
    "all lines deleted": planted(
        HAS_LINES, "je captured_entry", "DELETE FROM payments_journalline WHERE entry_id = %(captured_entry)s"
    ),
    "a line in another currency": alone(OWNERS, "je captured_entry", line("currency = 'USD'")),
    "a line in another mode": alone(OWNERS, "je captured_entry", line("mode = 'live'")),
    "a line of another merchant": alone(OWNERS, "je captured_entry", line("merchant_id = %(other_merchant)s")),
    "a line on another merchant's account": planted(
        OWNERS, "je captured_entry", line("account_id = %(other_account)s")
    ),
    "both sides of a merchant's account given to another": planted(
        ZERO, "mer merchant", line("account_id = %(other_account)s")
    ),
    "a payment in another currency": planted(
        CAUSE_OWNERS, "je captured_entry", setting("payment", "captured", "currency = 'USD'")
    ),
    "an entry about another merchant's payment": planted(
        CAUSE_OWNERS, "je captured_entry", setting("journalentry", "captured_entry", "payment_id = %(other_payment)s")
    ),
    "a call of another mode": alone(
        CAUSE_OWNERS, "je captured_entry", setting("processorcall", "captured_call", "mode = 'live'")
    ),
    "a discrepancy of another merchant": alone(
        CAUSE_OWNERS, "je write_off_entry", setting("discrepancy", "missing", "merchant_id = %(other_merchant)s")
    ),
    "an entry with two causes": planted(
        CAUSES,
        "je captured_entry",
        no_check("journalentry", "journal_entry_has_one_cause"),
        setting("journalentry", "captured_entry", "report_id = %(report)s"),
    ),
    "a fee for what was not captured": planted(
        CAUSES,
        "je fee_entry",
        setting("processorcall", "fee_call", "final = false"),
    ),
    "a fee with two causes": alone(
        CAUSES,
        "je fee_entry",
        no_check("journalentry", "journal_entry_has_one_cause"),
        setting("journalentry", "fee_entry", "report_id = %(report)s"),
    ),
    "an entry about nothing": alone(HAS_LINES, "je new", copy_of("JournalEntry", "settlement_entry", id="%(new)s")),
    "a fee on another account": alone(
        ACCOUNTS,
        "je fee_entry",
        side("fee_entry", "debit", f"account_id = {account_of_shop('cash')}"),
    ),
    "a write-off of another amount": alone(
        AMOUNTS,
        "je write_off_entry",
        "UPDATE payments_journalline SET amount = amount + 1 WHERE entry_id = %(write_off_entry)s",
    ),
    "a dispute held for another amount": planted(
        AMOUNTS, "je disputed_entry", setting("dispute", "lost_dispute", "fee = fee + 1")
    ),
}

PAYMENT_DIFFERENCES: Final = {
    "less captured than booked": planted(
        JOURNAL, "pay captured", setting("payment", "captured", "amount_captured = amount_captured - 1")
    ),
    "less capturable than booked": planted(
        JOURNAL, "pay authorized", setting("payment", "authorized", "amount_capturable = amount_capturable - 1")
    ),
    "less capturable than booked and told": alone(
        JOURNAL,
        "pay authorized",
        setting("payment", "authorized", "amount_capturable = amount_capturable - 1"),
        event_says("authorized", "'amount_capturable', 1998"),
    ),
    "a captured amount without any booking": planted(
        JOURNAL, "pay unconfirmed", setting("payment", "unconfirmed", "amount_authorized = 5, amount_captured = 5")
    ),
    "a whole entry deleted": planted(JOURNAL, "pay captured", *without_entry("id = %(captured_entry)s")),
    "a fee that nobody has booked": planted(FEES, "pay captured", setting("payment", "captured", "platform_fee = 1")),
    "a fee's entry deleted": alone(FEES, "pay fee_payment", *without_entry("id = %(fee_entry)s")),
    "more authorized than asked for": planted(
        CALLS, "pay unconfirmed", setting("payment", "unconfirmed", "amount_authorized = 5")
    ),
    "more authorized than asked for, and told": alone(
        CALLS,
        "pay unconfirmed",
        setting("payment", "unconfirmed", "amount_authorized = 5"),
        event_says("unconfirmed", "'amount_authorized', 5"),
    ),
    "a call over another amount": planted(
        CALLS, "pay captured", setting("processorcall", "captured_call", "amount = 1")
    ),
    "a call that no longer captures": planted(
        CALLS, "pay captured", setting("processorcall", "captured_call", "final = false")
    ),
    "a refund over another amount": planted(
        REFUNDED, "pay refunded", setting("refund", "refund", "amount = amount + 1")
    ),
    "a refund in flight that nobody asked for": planted(
        REFUNDED, "pay captured", setting("payment", "captured", "amount_refund_pending = 1")
    ),
    "a refund of another payment": alone(
        REFUNDED, "pay captured", setting("refund", "refund", "payment_id = %(captured)s")
    ),
    "a dispute that there is not": alone(
        DISPUTED,
        "pay captured",
        setting("payment", "captured", "amount_disputed = 1"),
        event_says("captured", "'amount_disputed', 1"),
    ),
    "an open call on a finished payment": planted(
        OPEN_CALLS, "pay captured", setting("processorcall", "captured_call", "status = 'unknown'")
    ),
    "a declined call that is open again": alone(
        OPEN_CALLS, "pay declined", setting("processorcall", "declined_call", "status = 'submitted'")
    ),
    "a payment that is processing with nothing under way": planted(
        OPEN_CALLS, "pay declined", setting("payment", "declined", "status = 'processing'")
    ),
    "a payer who is waited for without a call": alone(
        OPEN_CALLS,
        "pay waiting",
        "UPDATE payments_processorcall SET status = 'declined' WHERE payment_id = %(waiting)s",
    ),
    "a reserve that is released twice": planted(
        RELEASED, "pay canceled", setting("journalentry", "canceled_entry", "kind = 'payment_expired'")
    ),
    "a payment that is released and goes on": planted(
        RELEASED, "pay expired", setting("payment", "expired", "status = 'failed'")
    ),
    "a payment in another status": planted(
        LAST_EVENT, "pay unconfirmed", setting("payment", "unconfirmed", "status = 'canceled'")
    ),
    "the last event dropped": planted(
        LAST_EVENT, "pay captured", "DELETE FROM payments_event WHERE id = %(captured_event)s"
    ),
    "all events dropped": alone(
        LAST_EVENT, "pay captured", "DELETE FROM payments_event WHERE object_id = %(captured)s"
    ),
    "a payment over another amount": alone(
        LAST_EVENT, "pay unconfirmed", setting("payment", "unconfirmed", "amount = amount + 1")
    ),
    "an event that tells of another amount": alone(
        LAST_EVENT, "pay captured", event_says("captured", "'amount_captured', 1")
    ),
    "a payment of another time": alone(
        LAST_EVENT, "pay captured", setting("payment", "captured", "updated_at = updated_at + interval '1 microsecond'")
    ),
    "a reference that no event tells of": alone(
        LAST_EVENT, "pay captured", setting("payment", "captured", "processor_reference = 'other'")
    ),
    "metadata with one more": alone(
        LAST_EVENT, "pay captured", setting("payment", "captured", """metadata = '{"order": "1"}'""")
    ),
}

CALL_DIFFERENCES: Final = {
    "a call that was booked and is said to be declined": planted(
        BOOKED, "call captured_call", setting("processorcall", "captured_call", "status = 'declined'")
    ),
    "a call that was declined and is said to have succeeded": planted(
        BOOKED, "call declined_call", setting("processorcall", "declined_call", "status = 'succeeded'")
    ),
    "a call that is not booked any more": planted(
        BOOKED, "call captured_call", *without_entry("id = %(captured_entry)s")
    ),
    "an expiry that is booked as something else": planted(
        BOOKED, "call expired_call", *without_entry("kind = 'payment_expired' AND payment_id = %(expired)s")
    ),
    "a void of a reserve that is not booked": planted(
        BOOKED, "call canceled_call", *without_entry("id = %(canceled_entry)s")
    ),
    "a release by a call that was declined": alone(
        BOOKED, "call canceled_call", setting("processorcall", "canceled_call", "status = 'declined'")
    ),
    "what was given up and is declined for another reason": alone(
        GIVEN_UP, "call void_call", setting("processorcall", "given_up_call", "decline_code = 'generic_decline'")
    ),
    "a call that nobody has answered": alone(
        ANSWERED, "call captured_call", setting("processorcall", "captured_call", "answered_at = NULL")
    ),
    "an open call on a finished refund": alone(
        REFUND_CALL, "re refund", setting("processorcall", "refund_call", "status = 'submitted'")
    ),
    "a refund that is under way with nothing under way": planted(
        REFUND_CALL, "re refund", setting("refund", "refund", "status = 'pending'")
    ),
    "a refund's call of another refund": planted(
        REFUND_CALL, "re refund", setting("processorcall", "refund_call", "refund_id = %(returned_refund)s")
    ),
    "a refund that was asked for with another amount": planted(
        REFUND_CALL, "re refund", setting("processorcall", "refund_call", "amount = amount + 1")
    ),
    "a refund that came back without an entry": planted(
        REFUND_BOOKED,
        "re returned_refund",
        *without_entry("payment_id = %(fee_payment)s AND kind = 'refund_returned'"),
    ),
    "a refund that was never booked": alone(
        REFUND_BOOKED, "re returned_refund", *without_entry("payment_id = %(fee_payment)s AND kind LIKE 'refund%%'")
    ),
    "a refund that was never reserved": planted(
        REFUND_BOOKED, "re refund", *without_entry("payment_id = %(refunded)s AND kind = 'refund_reserved'")
    ),
    "a refund in another status": planted(REFUND_EVENT, "re refund", setting("refund", "refund", "status = 'failed'")),
    "a refund for another reason": alone(REFUND_EVENT, "re refund", setting("refund", "refund", "reason = 'other'")),
}
