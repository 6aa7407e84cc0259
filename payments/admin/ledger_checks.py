"""Runs of check_ledger: when, over how much, and how many differences there were."""

from typing import Final

from django.contrib import admin

from payments.admin import columns
from payments.admin.columns import Column
from payments.admin.read_only import ReadOnlyAdmin
from payments.models.ledger_checks import LedgerCheck

STARTED: Final = columns.moment("started", "started_at")
SECONDS: Final = Column("seconds", lambda check: f"{check.seconds:.1f}", right=True)
SCOPE: Final = Column("looked at", lambda check: "everything" if check.full else "what was touched")
DIFFERENCES: Final = Column("differences", lambda check: str(check.differences), right=True)


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    """The runs, newest first."""

    id_lookups = {LedgerCheck.PREFIX: "id"}
    list_display = (columns.self_link("run"), STARTED, SECONDS, SCOPE, DIFFERENCES)
    search_help_text = "chk_…"
    page = ((columns.PUBLIC_ID, SCOPE), (STARTED, columns.moment("finished", "finished_at")), (SECONDS, DIFFERENCES))
