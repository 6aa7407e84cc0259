"""The event log."""

from collections.abc import Iterable
from typing import Final

from django.contrib import admin

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.admin.webhook_deliveries import ENDPOINT, deliveries_section
from payments.models.base import PublicIdModel
from payments.models.disputes import Dispute
from payments.models.events import Event
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.reconciliation import Discrepancy
from payments.models.refunds import Refund
from payments.models.webhooks import WebhookEndpoint

SEQUENCE: Final = columns.text("sequence", "sequence")
# An event's type begins with what it is about.
_ABOUT: Final[dict[str, type[PublicIdModel]]] = {
    "payment": Payment,
    "refund": Refund,
    "dispute": Dispute,
    "payout": Payout,
    "discrepancy": Discrepancy,
    "webhook_endpoint": WebhookEndpoint,
}
OBJECT: Final = Column("object", lambda event: cells.link(_ABOUT[event.type.partition(".")[0]](id=event.object_id)))
TYPE: Final = columns.code("type", "type")


def events_section(events: Iterable[Event]) -> Section:
    """Return events as a table."""
    return Section(Event, "Events", (SEQUENCE, TYPE, columns.CREATED, columns.self_link("event")), events)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The events of all objects."""

    id_lookups = {"evt": "id", **dict.fromkeys(("pay", "re", "dp", "po", "dis", "we"), "object_id")}
    list_display = (
        columns.PUBLIC_ID,
        TYPE,
        OBJECT,
        SEQUENCE,
        columns.MERCHANT,
        columns.MODE,
        columns.CREATED,
    )
    list_filter = (BY_MODE, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "evt_…, pay_…, re_…, dp_…, po_…, dis_… or we_…"
    page = (
        (columns.PUBLIC_ID, TYPE),
        (OBJECT, SEQUENCE),
        (columns.MERCHANT, columns.MODE),
        columns.CREATED,
        Column("the object right after", lambda event: cells.document(event.data)),
    )

    def sections(self, obj: Event) -> list[Section]:
        """Return where it was sent."""
        return [deliveries_section(obj.deliveries.all(), other_side=ENDPOINT)]
