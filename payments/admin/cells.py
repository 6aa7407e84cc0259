"""How values look in the admin: ids, amounts, moments, statuses and links, on every page the same."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from payments.lifecycles import (
    CallStatus,
    CircuitBreakerStatus,
    DiscrepancyStatus,
    DisputeStatus,
    Mode,
    PaymentStatus,
    WebhookDeliveryStatus,
    WebhookEndpointStatus,
)
from payments.models.base import PublicIdModel
from payments.money import Money

EMPTY: Final = "–"

# The colors are django-unfold's; what has none is gray.
_COLORS: Final[Mapping[str, str]] = {
    PaymentStatus.REQUIRES_PAYMENT_METHOD: "warning",
    PaymentStatus.REQUIRES_CONFIRMATION: "info",
    PaymentStatus.PROCESSING: "info",
    PaymentStatus.REQUIRES_ACTION: "warning",
    PaymentStatus.REQUIRES_CAPTURE: "info",
    PaymentStatus.SUCCEEDED: "success",
    PaymentStatus.FAILED: "danger",
    CallStatus.CREATED: "info",
    CallStatus.SUBMITTED: "info",
    CallStatus.DECLINED: "danger",
    CallStatus.ACTION_REQUIRED: "warning",
    CallStatus.UNKNOWN: "warning",
    CallStatus.NOT_SENT: "danger",
    DisputeStatus.NEEDS_RESPONSE: "warning",
    DisputeStatus.UNDER_REVIEW: "info",
    DisputeStatus.WON: "success",
    DisputeStatus.LOST: "danger",
    DisputeStatus.ACCEPTED: "danger",
    DiscrepancyStatus.OPEN: "warning",
    DiscrepancyStatus.RESOLVED: "success",
    WebhookEndpointStatus.ENABLED: "success",
    WebhookEndpointStatus.DISABLED: "danger",
    WebhookDeliveryStatus.PENDING: "info",
    # That it is open has the color of an open discrepancy.
    CircuitBreakerStatus.CLOSED: "success",
    CircuitBreakerStatus.HALF_OPEN: "info",
    Mode.LIVE: "primary",
}


def words(code: str) -> str:
    """Return a code for people to read: `requires_capture` becomes `requires capture`."""
    return code.replace("_", " ")


@cache
def label(code: str) -> SafeString:
    """Return a status, mode or the like as a colored label."""
    context = {"text": words(code), "type": _COLORS.get(code)}
    return render_to_string("unfold/helpers/label.html", context)


def money(amount: int, currency: str) -> SafeString:
    """Return an amount in major units: `19.99 EUR`."""
    return format_html('<span class="amount">{}</span>', str(Money(amount, currency)))


def moment(value: datetime | None) -> SafeString | str:
    """Return a moment in UTC, to the second."""
    if value is None:
        return EMPTY
    return format_html('<span class="amount">{}</span>', moment_as_text(value))


def moment_as_text(value: datetime) -> str:
    """Return a moment in UTC, to the second, for a sentence."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(start: datetime, end: datetime | None) -> str:
    """Return the time between two moments, in seconds from one second on and in milliseconds below."""
    if end is None:
        return EMPTY
    seconds = (end - start).total_seconds()
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def age(since: datetime, until: datetime | None = None) -> str:
    """Return the time since a moment (until another, if given) in the largest unit that says something: `3 days`."""
    seconds = int(((until or timezone.now()) - since).total_seconds())
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def mono(text: str | None) -> SafeString | str:
    """Return an id, token or code in a monospaced font."""
    return format_html('<span class="mono">{}</span>', text) if text else EMPTY


def link(row: Model | None, text: str | None = None) -> SafeString | str:
    """Return a link to the row's own page, showing `text` or what the row is called."""
    if row is None:
        return EMPTY
    shown = text or str(row)
    style = "text-link mono" if isinstance(row, PublicIdModel) and shown == row.public_id else "text-link"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="{}">{}</a>', address, style, shown)


def yes_no(value: bool) -> str:
    """Return a truth."""
    return "yes" if value else "no"


def document(value: Any) -> SafeString | str:
    """Return a JSON value, indented."""
    if not value:
        return EMPTY
    return format_html('<div class="json">{}</div>', json.dumps(value, indent=2, ensure_ascii=False))


def lines(values: Mapping[str, str]) -> SafeString | str:
    """Return names and values, a line each."""
    if not values:
        return EMPTY
    return format_html_join("", '<div><span class="mono">{}</span>: {}</div>', values.items())
