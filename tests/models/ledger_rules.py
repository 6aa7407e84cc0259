"""The rules that PostgreSQL holds of the journal, each with plain SQL that breaks it."""

from itertools import combinations
from typing import Final

from tests.books import copy_of
from tests.models.breaches import BALANCED, breach, delete, entry, line, update

_LINE_TO_ENTRY: Final = "journalline.journalline_entry_same_owner"
_ENTRY_TO_CALL: Final = "journalentry.journalentry_processor_call_same_payment"

JOURNAL: Final = {
    "an entry whose debits and credits differ": breach(
        "journalentry.balances", entry(), line("debit", 1000), line("credit", 999)
    ),
    "an entry that balances over both layers but in neither": breach(
        "journalentry.balances", entry(), line("debit", 1000, "pending"), line("credit", 1000, "posted")
    ),
    "an entry without lines": breach("journalentry.balances", entry()),
    "a line more in an old entry": breach("journalline.entry_closed", line("debit", 1, entry_id="%(captured_entry)s")),
    "two lines that balance in an old entry": breach(
        "journalline.entry_closed",
        f"{line('debit', 1, entry_id='%(captured_entry)s')} "
        f"UNION ALL SELECT {line('credit', 1, entry_id='%(captured_entry)s').partition(' SELECT ')[2]}",
    ),
    "another date on a journal entry": breach(
        "journalentry.append_only",
        update("journalentry", "captured_entry", effective_at="effective_at - interval '1d'"),
    ),
    "a deleted journal entry": breach(
        "journalentry.append_only", delete("journalentry", "captured_entry"), backed_by=(_LINE_TO_ENTRY,)
    ),
    "another amount on a journal line": breach(
        "journalline.append_only", update("journalline", "captured_line", amount="amount + 1")
    ),
    "a deleted journal line": breach("journalline.append_only", delete("journalline", "captured_line")),
    "a line over nothing": breach("journalline.journal_line_amount_positive", entry(), *BALANCED, line("debit", 0)),
    "two negative lines that balance": breach(
        "journalline.journal_line_amount_positive", entry(), line("debit", -5), line("credit", -5)
    ),
    "a line on a third side": breach(
        "journalline.journal_line_direction_known",
        *(entry(), line("left", 5)),
        backed_by=("journalentry.balances",),
    ),
    "a line in a third layer": breach(
        "journalline.journal_line_layer_known", entry(), line("debit", 5, "maybe"), line("credit", 5, "maybe")
    ),
    "a call that is booked twice": breach(
        "journalentry.journal_entry_once_per_call",
        entry(payment_id="%(captured)s", processor_call_id="%(captured_call)s"),
        *BALANCED,
    ),
}

# A row of another merchant, mode or currency is kept out by one foreign key over all three.
OWNERS: Final = {
    "an entry about another merchant's payment": breach(
        "journalentry.journalentry_payment_same_owner",
        *(entry(payment_id="%(other_payment)s"), *BALANCED),
        backed_by=(_ENTRY_TO_CALL,),
    ),
    "an entry about a payment in live mode": breach(
        "journalentry.journalentry_payment_same_owner",
        *(entry(payment_id="%(live_payment)s"), *BALANCED),
        backed_by=(_ENTRY_TO_CALL,),
    ),
    "an entry about a payment in another currency": breach(
        "journalentry.journalentry_payment_same_owner",
        *(entry(payment_id="%(usd_payment)s"), *BALANCED),
        backed_by=(_ENTRY_TO_CALL,),
    ),
    "an entry caused by a call about another payment": breach(
        _ENTRY_TO_CALL,
        entry(payment_id="%(captured)s"),
        *BALANCED,
    ),
    "an entry caused by another merchant's call": breach(
        _ENTRY_TO_CALL,
        entry(processor_call_id="%(other_declined_call)s"),
        *BALANCED,
    ),
    "an entry caused by a call in live mode": breach(
        _ENTRY_TO_CALL,
        copy_of(
            "ProcessorCall",
            "declined_call",
            **{"id": "%(new)s", "payment_id": "%(live_payment)s", "mode": "'live'", "status": "'created'"},
        ),
        entry(processor_call_id="%(new)s"),
        *BALANCED,
    ),
    "an entry caused by a call in another currency": breach(
        _ENTRY_TO_CALL,
        entry(processor_call_id="%(usd_declined_call)s"),
        *BALANCED,
    ),
    "a line on another merchant's account": breach(
        "journalline.journalline_account_same_owner",
        *(entry(), line("debit", 1000, account_id="%(other_account)s"), line("credit", 1000)),
    ),
    "a line on an account in live mode": breach(
        "journalline.journalline_account_same_owner",
        *(entry(), line("debit", 1000, account_id="%(live_account)s"), line("credit", 1000)),
    ),
    "a line on an account in another currency": breach(
        "journalline.journalline_account_same_owner",
        *(entry(), line("debit", 1000, account_id="%(usd_account)s"), line("credit", 1000)),
    ),
    "a line of another merchant than its entry": breach(
        _LINE_TO_ENTRY,
        *(entry(), line("credit", 1000)),
        line("debit", 1000, merchant_id="%(other_merchant)s", account_id="%(other_account)s"),
    ),
    "a line in another mode than its entry": breach(
        _LINE_TO_ENTRY,
        *(entry(), line("credit", 1000)),
        line("debit", 1000, mode="'live'", account_id="%(live_account)s"),
    ),
    "a line in another currency than its entry": breach(
        _LINE_TO_ENTRY,
        *(entry(), line("credit", 1000)),
        line("debit", 1000, currency="'USD'", account_id="%(usd_account)s"),
    ),
}

_ONE_CAUSE: Final = "journalentry.journal_entry_has_one_cause"
# Of each kind one that is about the disputed payment, or its merchant at least. No kind of entry is used by all.
_CAUSES: Final = {
    "processor_call": "%(disputed_call)s",
    "dispute": "%(dispute)s",
    "payout": "%(payout)s",
    "report": "%(report)s",
    "discrepancy": "%(discrepancy)s",
}


def _caused(kind: str = "payment_expired", payment: str = "%(disputed)s", **causes: str) -> tuple[str, ...]:
    """Return an entry with these causes and no other, and its lines."""
    columns = {f"{cause}_id": causes.get(cause, "NULL") for cause in _CAUSES}
    return entry(kind=f"'{kind}'", payment_id=payment, **columns), *BALANCED


CAUSES: Final = {
    "an entry without a cause": breach(_ONE_CAUSE, *_caused()),
    **{
        f"an entry caused by a {one} and a {other}": breach(
            _ONE_CAUSE, *_caused(**{one: _CAUSES[one], other: _CAUSES[other]})
        )
        for one, other in combinations(_CAUSES, 2)
    },
    **{
        f"an entry caused by a {cause} about no payment": breach(
            _ONE_CAUSE, *_caused(payment="NULL", **{cause: _CAUSES[cause]})
        )
        for cause in ("processor_call", "dispute")
    },
    **{
        f"an entry caused by a {cause} about a payment": breach(_ONE_CAUSE, *_caused(**{cause: _CAUSES[cause]}))
        for cause in ("payout", "report")
    },
    "a dispute that is booked twice": breach(
        "journalentry.journal_entry_once_per_dispute", *_caused("dispute_opened", dispute="%(dispute)s")
    ),
    "a payout that is booked twice": breach(
        "journalentry.journal_entry_once_per_payout", *_caused("payout_created", "NULL", payout="%(payout)s")
    ),
    "a discrepancy that is written off twice": breach(
        "journalentry.journal_entry_once_per_discrepancy", *_caused("write_off", discrepancy="%(discrepancy)s")
    ),
    "an entry caused by a dispute of another payment": breach(
        "journalentry.journalentry_dispute_same_payment", *_caused(payment="%(captured)s", dispute="%(dispute)s")
    ),
    "an entry caused by another merchant's dispute": breach(
        "journalentry.journalentry_dispute_same_payment", *_caused(dispute="%(other_dispute)s")
    ),
    **{
        f"an entry caused by {whose} payout": breach(
            "journalentry.journalentry_payout_same_owner", *_caused(payment="NULL", payout=f"%({row})s")
        )
        for whose, row in (
            ("another merchant's", "other_payout"),
            ("a live mode", "live_payout"),
            ("another currency's", "usd_payout"),
        )
    },
    **{
        f"an entry caused by {whose} discrepancy": breach(
            "journalentry.journalentry_discrepancy_same_owner", *_caused(payment="NULL", discrepancy=f"%({row})s")
        )
        for whose, row in (
            ("another merchant's", "other_discrepancy"),
            ("a live mode", "live_discrepancy"),
            ("another currency's", "usd_discrepancy"),
            ("nobody's", "unowned_discrepancy"),
        )
    },
    "an entry caused by a discrepancy about another payment": breach(
        "journalentry.journalentry_discrepancy_same_payment",
        *_caused(payment="%(captured)s", discrepancy="%(discrepancy)s"),
    ),
}

# A run of check_ledger over nothing, for no row of the books is one.
_CHECK: Final = (
    'INSERT INTO payments_ledgercheck (id, started_at, finished_at, seconds, "full", differences, cluster_id,'
    " below_transaction_id, rules_digest) VALUES (%(new)s, %(now)s, %(now)s, 0, true, {differences}, 1, '1', 'digest')"
)

CHECKS: Final = {
    "another result of a check of the ledger": breach(
        "ledgercheck.append_only", _CHECK.format(differences=1), update("ledgercheck", "new", differences="0")
    ),
    "a deleted check of the ledger": breach(
        "ledgercheck.append_only", _CHECK.format(differences=1), delete("ledgercheck", "new")
    ),
    "a check of the ledger that finds less than nothing": breach(
        "ledgercheck.payments_ledgercheck_differences_check", _CHECK.format(differences=-1)
    ),
}

BREACHES: Final = JOURNAL | OWNERS | CAUSES | CHECKS
