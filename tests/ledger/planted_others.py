"""Differences in disputes, payouts, settlement, repairs, events, news and checkpoints."""

from typing import Final

from tests.ledger.planting import account_of_shop, alone, no_check, planted, setting, without_entry

DISPUTE_CALL: Final = "a dispute stands where its calls have left it"
DISPUTE_BOOKED: Final = "a dispute is booked as its status says"
HELD: Final = "what is held of a merchant, its open disputes have"
DISPUTE_EVENT: Final = "a dispute is as its last event says"
PAYOUT_CALL: Final = "a payout stands where its call stands"
PAYOUT_BOOKED: Final = "a payout is booked as its status says"
TRANSIT: Final = "what a merchant has in transit, its payouts have"
PAYOUT_EVENT: Final = "a payout is as its last event says"
SETTLED: Final = "a settlement entry is the sum of its lines"
SETTLED_OWNER: Final = "a settlement line is booked for the owner of what it settles, by its report"
REPORTED: Final = "a settlement line is booked, or has a discrepancy"
BANKED: Final = "a bank line belongs to a batch or a payout, or has a discrepancy"
WRITTEN_OFF: Final = "a discrepancy is written off if, and only if, that was approved"
TWO_PEOPLE: Final = "a repair is approved by another than who proposed it"
REPAIRED: Final = "a call stands where its approved repair has put it"
GAPS: Final = "an object's events have no gap"
LIFECYCLE: Final = "an object's events follow its lifecycle"
EVENT_OWNER: Final = "an event is of the owner of what it is about"
NEWS_REASON: Final = "a piece of news that is not applied says why"
CONTRADICTED: Final = "a piece of news that is contradicted has a discrepancy, and one that is not has none open"
NAMES_NEWS: Final = "a discrepancy of contradictory news names the news, or the call that was answered"
CHECKPOINTS: Final = "a checkpoint is the sum of the lines it covers"

CHECKPOINT: Final = (
    "INSERT INTO payments_balancecheckpoint (account_id, layer, cluster_id, below_transaction_id, debit_total,"
    " credit_total, effective_through, taken_at) SELECT %(account)s, 'posted', system_identifier,"
    " (pg_current_xact_id()::text::bigint + 1)::text::xid8, {}, {}, %(now)s, %(now)s FROM pg_control_system()"
)

OTHER_DIFFERENCES: Final = {
    "a dispute that is decided without an entry": planted(
        DISPUTE_BOOKED,
        "dp won_dispute",
        *without_entry("kind = 'dispute_won' AND dispute_id = %(won_dispute)s"),
    ),
    "a dispute that is won and lost": planted(
        DISPUTE_BOOKED, "dp won_dispute", setting("dispute", "won_dispute", "status = 'lost'")
    ),
    "a dispute that was never booked": alone(
        DISPUTE_BOOKED, "dp lost_dispute", *without_entry("dispute_id = %(lost_dispute)s")
    ),
    "a dispute that is reviewed without evidence": alone(
        DISPUTE_CALL,
        "dp under_review_dispute",
        "DELETE FROM payments_processorcall WHERE dispute_id = %(under_review_dispute)s",
    ),
    "a dispute that was accepted and needs a response": planted(
        DISPUTE_CALL, "dp accepted_dispute", setting("dispute", "accepted_dispute", "status = 'needs_response'")
    ),
    "more held than disputed": planted(
        HELD,
        "account hold_account",
        f"UPDATE payments_journalline SET amount = amount + 1 WHERE account_id = {account_of_shop('dispute_hold')}"
        " AND entry_id = %(disputed_entry)s",
    ),
    "a dispute for another reason": alone(
        DISPUTE_EVENT, "dp lost_dispute", setting("dispute", "lost_dispute", "reason = 'other'")
    ),
    "a payout whose call is still open": alone(
        PAYOUT_CALL,
        "po succeeded_payout",
        "UPDATE payments_processorcall SET status = 'unknown' WHERE payout_id = %(succeeded_payout)s",
    ),
    "a payout that nobody was asked for": alone(
        PAYOUT_CALL, "po pending_payout", "DELETE FROM payments_processorcall WHERE payout_id = %(pending_payout)s"
    ),
    "a payout that came back without an entry": alone(
        PAYOUT_BOOKED,
        "po returned_payout",
        *without_entry("kind = 'payout_returned' AND payout_id = %(returned_payout)s"),
    ),
    "a payout that is paid and on its way": planted(
        TRANSIT, "account transit_account", setting("payout", "succeeded_payout", "status = 'pending'")
    ),
    "a payout to another place": alone(
        PAYOUT_EVENT, "po pending_payout", setting("payout", "pending_payout", "destination = 'ba_other'")
    ),
    "a payout that no event tells of": alone(
        PAYOUT_EVENT, "po pending_payout", "DELETE FROM payments_event WHERE object_id = %(pending_payout)s"
    ),
    "a settlement line of another amount": alone(
        SETTLED, "je settlement_entry", setting("settlementline", "settled", "gross = gross + 1, net = net + 1")
    ),
    "a settlement line that is not booked any more": planted(
        SETTLED, "je settlement_entry", setting("settlementline", "settled", "journal_entry_id = NULL")
    ),
    "a settlement line in another merchant's entry": planted(
        SETTLED_OWNER, "stl settled", setting("settlementline", "settled", "payment_id = %(other_payment)s")
    ),
    "a settlement line of another report": alone(
        SETTLED_OWNER, "stl settled", setting("settlementline", "settled", "report_id = %(other_report)s")
    ),
    "a settlement line that nobody looks at": alone(
        REPORTED, "stl unsettled", setting("discrepancy", "unsettled_discrepancy", "settlement_line_id = NULL")
    ),
    "a bank line of nothing": alone(
        BANKED, "bnk bank_line", setting("bankline", "bank_line", "batch_reference = NULL")
    ),
    "a bank line that nobody looks at": alone(
        BANKED, "bnk strange_line", setting("discrepancy", "strange_discrepancy", "bank_line_id = NULL")
    ),
    "a write-off that nobody approved": alone(
        WRITTEN_OFF, "dis missing", setting("repair", "written_off", "status = 'rejected'")
    ),
    "an approved write-off that is not booked": alone(
        WRITTEN_OFF, "dis missing", *without_entry("id = %(write_off_entry)s")
    ),
    "a write-off that is still open": alone(
        WRITTEN_OFF,
        "dis missing",
        setting("discrepancy", "missing", "status = 'open', resolution = NULL, resolved_at = NULL"),
    ),
    "a repair by one alone": alone(
        TWO_PEOPLE,
        "rep written_off",
        no_check("repair", "repair_approved_by_another"),
        setting("repair", "written_off", "decided_by = proposed_by"),
    ),
    "a repair without effect": alone(REPAIRED, "rep repaired", setting("repair", "repaired", "action = 'succeeded'")),
    "the first event dropped": planted(
        GAPS, "pay captured", "DELETE FROM payments_event WHERE object_id = %(captured)s AND sequence = 1"
    ),
    "an event with a later number": alone(GAPS, "pay captured", setting("event", "captured_event", "sequence = 9")),
    "a payout's event with a later number": alone(
        GAPS,
        "po pending_payout",
        "UPDATE payments_event SET sequence = 2 WHERE object_id = %(pending_payout)s",
    ),
    "an event that tells of a status out of turn": alone(
        LIFECYCLE,
        "pay captured",
        "UPDATE payments_event SET data = data || jsonb_build_object('status', 'canceled')"
        " WHERE object_id = %(captured)s AND sequence = 1",
    ),
    "an event for another merchant": alone(
        EVENT_OWNER, "pay captured", setting("event", "captured_event", "merchant_id = %(other_merchant)s")
    ),
    "an event about nothing": planted(
        EVENT_OWNER, "pay new", setting("event", "captured_event", "object_id = %(new)s, sequence = 1")
    ),
    "news that is ignored without a reason": alone(
        NEWS_REASON, "pev ignored_news", setting("processorevent", "ignored_news", "detail = NULL")
    ),
    "a contradiction that nobody looks at": alone(
        CONTRADICTED,
        "pev contradicted_news",
        setting("discrepancy", "contradiction", "processor_event_id = NULL, kind = 'unknown_object'"),
    ),
    "news that is applied and contradicts": planted(
        CONTRADICTED,
        "pev applied_news",
        setting("discrepancy", "contradiction", "processor_event_id = %(applied_news)s"),
    ),
    "a contradiction of no news": planted(
        NAMES_NEWS, "dis contradiction", setting("discrepancy", "contradiction", "processor_event_id = NULL")
    ),
    "another discrepancy said to be a contradiction": alone(
        NAMES_NEWS, "dis missing", setting("discrepancy", "missing", "kind = 'contradictory_news'")
    ),
    "a checkpoint over another sum": alone(CHECKPOINTS, "checkpoint", CHECKPOINT.format(1, 0)),
}
