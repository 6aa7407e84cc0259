"""The rules that PostgreSQL holds of reports and their lines, each with plain SQL that breaks it."""

from typing import Final

from tests.books import copy_of
from tests.models.breaches import breach, delete, frozen, set_once, update

_ADDS_UP: Final = "settlementline.settlement_line_adds_up"
_NAMES: Final = "settlementline.settlement_line_names_its_payment"
_TO_CALL: Final = "settlementline.settlementline_processor_call_same_payment"
_TO_DISPUTE: Final = "settlementline.settlementline_dispute_same_payment"
_CURRENCY: Final = "settlementline.same_currency"
_BOOKED: Final = "settlementline.booked_by_own_report"


def _unmatched(**changes: str) -> str:
    """Return an UPDATE of a line of a settlement report that matches nothing yet."""
    return update("settlementline", "unmatched_line", **changes)


REPORTS: Final = {
    "a deleted report": breach("report.never_deleted", delete("report", "empty_report")),
    "a report of which less than nothing is read": breach(
        "report.payments_report_lines_read_check", update("report", "empty_report", lines_read="-1")
    ),
    "the same report twice": breach("report.report_digest_once", copy_of("Report", "empty_report")),
}

SETTLEMENT_LINES: Final = {
    "a deleted line of a settlement report": breach(
        "settlementline.never_deleted", delete("settlementline", "unmatched_line")
    ),
    "the same line of a settlement report twice": breach(
        "settlementline.settlement_line_once", copy_of("SettlementLine", "unmatched_line")
    ),
    "a call that two lines of one kind book": breach(
        "settlementline.settlement_line_booked_once_per_call",
        copy_of("SettlementLine", "settlement_line", line_reference="'new'", dispute_id="NULL"),
    ),
    "a dispute that two lines of one kind book": breach(
        "settlementline.settlement_line_booked_once_per_dispute",
        copy_of("SettlementLine", "settlement_line", line_reference="'new'", processor_call_id="NULL"),
    ),
    "a line before the first": breach(
        "settlementline.payments_settlementline_line_number_check",
        copy_of("SettlementLine", "unmatched_line", line_reference="'new'", line_number="-1"),
    ),
    "a line whose gross less its fee is not its net": breach(
        _ADDS_UP, copy_of("SettlementLine", "unmatched_line", line_reference="'new'", net="0")
    ),
    "a line that settles a call of no payment": breach(_NAMES, _unmatched(processor_call_id="%(disputed_call)s")),
    "a line that settles a dispute of no payment": breach(_NAMES, _unmatched(dispute_id="%(dispute)s")),
    "a line that settles a call of another payment": breach(
        _TO_CALL, _unmatched(payment_id="%(captured)s", processor_call_id="%(disputed_call)s")
    ),
    "a line that settles a dispute of another payment": breach(
        _TO_DISPUTE, _unmatched(payment_id="%(captured)s", dispute_id="%(dispute)s")
    ),
    "a line that settles a payment in another currency": breach(_CURRENCY, _unmatched(payment_id="%(usd_payment)s")),
    "a line in another currency than the payment that it settles": breach(
        _CURRENCY,
        copy_of(
            "SettlementLine",
            "settlement_line",
            **{"line_reference": "'new'", "currency": "'USD'", "journal_entry_id": "NULL"},
        ),
    ),
    "a line that is booked for nobody": breach(_BOOKED, _unmatched(journal_entry_id="%(report_entry)s")),
    "a line that is booked for another merchant": breach(
        _BOOKED, _unmatched(payment_id="%(other_payment)s", journal_entry_id="%(report_entry)s")
    ),
    "a line that another report has booked": breach(
        _BOOKED, _unmatched(payment_id="%(disputed)s", journal_entry_id="%(bank_report_entry)s")
    ),
    "a line that no report has booked": breach(
        _BOOKED, _unmatched(payment_id="%(captured)s", journal_entry_id="%(captured_entry)s")
    ),
}

BANK_LINES: Final = {
    "a deleted line of a bank statement": breach("bankline.never_deleted", delete("bankline", "unmatched_bank_line")),
    "the same line of a bank statement twice": breach(
        "bankline.bank_line_once", copy_of("BankLine", "unmatched_bank_line")
    ),
    "a line of a bank statement before the first": breach(
        "bankline.payments_bankline_line_number_check",
        copy_of("BankLine", "unmatched_bank_line", bank_reference="'3'", line_number="-1"),
    ),
}

FROZEN_REPORT: Final = {
    "id": "%(new)s",
    "name": "'another'",
    "format": "'camt.053'",
    "digest": "'another'",
    "created_at": "created_at - interval '1d'",
}
REPORT_SET_ONCE: Final = {"finished_at": "NULL"}

FROZEN_SETTLEMENT_LINE: Final = {
    "id": "%(new)s",
    "report_id": "%(bank_report)s",
    "line_number": "line_number + 1",
    "connector": "'stripe'",
    "line_reference": "'new'",
    "batch_reference": "'batch-2'",
    "kind": "'refund'",
    "processor_reference": "'sbx-2'",
    "currency": "'USD'",
    "gross": "gross + 1",
    "fee": "fee + 1",
    "net": "net + 1",
    "occurred_at": "occurred_at - interval '1d'",
}
SETTLEMENT_LINE_SET_ONCE: Final = {
    "payment_id": "%(captured)s",
    "processor_call_id": "NULL",
    "dispute_id": "NULL",
    "journal_entry_id": "NULL",
}

FROZEN_BANK_LINE: Final = {
    "id": "%(new)s",
    "report_id": "%(report)s",
    "line_number": "line_number + 1",
    "account": "'DE-another'",
    "bank_reference": "'3'",
    "text": "'REFUND'",
    "currency": "'USD'",
    "amount": "amount - 1",
    "booking_date": "booking_date - 1",
    "value_date": "value_date - 1",
}
BANK_LINE_SET_ONCE: Final = {"payout_id": "NULL", "batch_reference": "'batch-2'"}

FROZEN: Final = {
    **frozen("report", "empty_report", FROZEN_REPORT, {}),
    **set_once("report", "empty_report", REPORT_SET_ONCE, {}),
    **frozen(
        "settlementline",
        "unmatched_line",
        FROZEN_SETTLEMENT_LINE,
        dict.fromkeys(("gross", "fee", "net"), (_ADDS_UP,)),
    ),
    **set_once("settlementline", "settlement_line", SETTLEMENT_LINE_SET_ONCE, {"payment_id": (_TO_CALL, _TO_DISPUTE)}),
    **frozen("bankline", "unmatched_bank_line", FROZEN_BANK_LINE, {}),
    **set_once("bankline", "bank_line", BANK_LINE_SET_ONCE, {}),
}

BREACHES: Final = REPORTS | SETTLEMENT_LINES | BANK_LINES | FROZEN
