"""The books: accounts, and journal entries with their lines."""

from collections.abc import Iterable
from typing import Final

from unfold.contrib.filters.admin import ChoicesDropdownFilter

from django.contrib import admin

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE, CurrencyFilter
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.models.disputes import Dispute
from payments.models.ledger import Direction, JournalEntry, JournalLine, Layer, LedgerAccount
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.processor import ProcessorCall

_LINES_SHOWN: Final = 25


def _on_side(side: Direction) -> Column:
    return Column(
        side.value, lambda line: cells.money(line.amount, line.currency) if line.direction == side else "", right=True
    )


ACCOUNT: Final = Column("account", lambda line: cells.link(line.account, line.account.code))
LAYER: Final = columns.label("layer", "layer")
DEBIT: Final = _on_side(Direction.DEBIT)
CREDIT: Final = _on_side(Direction.CREDIT)
CODE: Final = columns.text("code", "code")
KIND: Final = Column("kind", lambda entry: cells.words(entry.kind))
EFFECTIVE: Final = columns.moment("effective", "effective_at")
ENTRY: Final = columns.id_link("entry", JournalEntry, "entry_id")
ENTRY_KIND: Final = Column("kind", lambda line: cells.words(line.entry.kind))
ENTRY_EFFECTIVE: Final = columns.moment("effective", "entry.effective_at")
PAYMENT: Final = columns.id_link("payment", Payment, "payment_id")
PAYOUT: Final = columns.id_link("payout", Payout, "payout_id")


def lines_section(lines: Iterable[JournalLine]) -> Section:
    """Return journal lines as a table, each with the entry it belongs to."""
    return Section(JournalEntry, "Journal", (ENTRY, ENTRY_KIND, ACCOUNT, LAYER, DEBIT, CREDIT, ENTRY_EFFECTIVE), lines)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    """The journal."""

    id_lookups = {
        "je": "id",
        "pay": "payment_id",
        "call": "processor_call_id",
        "dp": "dispute_id",
        "po": "payout_id",
    }
    list_display = (
        columns.PUBLIC_ID,
        KIND,
        columns.MERCHANT,
        PAYMENT,
        columns.CURRENCY,
        columns.MODE,
        EFFECTIVE,
    )
    list_filter = (("kind", ChoicesDropdownFilter), BY_MODE, CurrencyFilter, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "je_…, pay_…, call_…, dp_… or po_…"
    page = (
        (columns.PUBLIC_ID, KIND),
        (columns.MERCHANT, columns.MODE),
        (PAYMENT, columns.id_link("processor call", ProcessorCall, "processor_call_id"), PAYOUT),
        (EFFECTIVE, columns.text("transaction", "transaction_id")),
        columns.id_link("dispute", Dispute, "dispute_id"),
    )

    def sections(self, obj: JournalEntry) -> list[Section]:
        """Return the entry's lines."""
        lines = obj.lines.select_related("account").order_by("id")
        return [Section(JournalEntry, "Lines", (ACCOUNT, LAYER, DEBIT, CREDIT), lines)]


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    """The accounts."""

    id_lookups = {"mer": "merchant_id"}
    list_display = (CODE, columns.MERCHANT, columns.CURRENCY, columns.MODE)
    list_filter = (("code", ChoicesDropdownFilter), BY_MODE, CurrencyFilter, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "mer_…"
    page = ((CODE, columns.MERCHANT), (columns.CURRENCY, columns.MODE))

    def sections(self, obj: LedgerAccount) -> list[Section]:
        """Return the latest lines of each layer."""
        shown = (ENTRY, ENTRY_KIND, DEBIT, CREDIT, ENTRY_EFFECTIVE)
        # In the order of the index that balances are summed from.
        latest = obj.lines.select_related("entry").order_by("-transaction_id", "-id")
        return [
            Section(JournalEntry, f"Latest {layer} lines", shown, latest.filter(layer=layer)[:_LINES_SHOWN])
            for layer in (Layer.POSTED, Layer.PENDING)
        ]
