"""A large settlement report is taken in within minutes, and in little memory.

Of 20,000 lines here, so that the suite stays quick; `REPORT_LINES=100000 pytest tests/operations/test_large_report.py`
takes in the hundred thousand.
"""

import os
import resource
from io import BytesIO
from time import perf_counter

import pytest

from django.db import connection
from django.utils import timezone

from payments.models import JournalEntry, ProcessorCall, Report, SettlementLine
from payments.operations.reconciliation import reconcile
from tests.books import copy_of
from tests.reports import HEADER, cash, discrepancies
from tests.shop import Shop, uuid_of

LINES = int(os.environ.get("REPORT_LINES", "20000"))
SECONDS_MAX = 240
# All lines at once would take some 3 kB each; what is held at any time is one chunk.
MEMORY_BYTES_MAX = 24 * 1024 * 1024


def many_captures(shop: Shop) -> None:
    """Copy the call of one payment, past the triggers; through the API so many payments would take an hour."""
    call = ProcessorCall.objects.get(payment_id=uuid_of(shop.pay().json()["id"]))
    copies = copy_of("ProcessorCall", "call", id="gen_random_uuid()", processor_reference="'bulk_' || number")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(copies.replace(" WHERE ", f", generate_series(1, {LINES}) AS number WHERE "), {"call": call.pk})
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE payments_processorcall")


def resident_bytes() -> int:
    """Return the most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def content() -> bytes:
    moment = "2026-03-10T12:00:00+00:00"
    lines = (f"l{n},BULK,charge,bulk_{n},EUR,1999,28,1971,{moment}" for n in range(1, LINES + 1))
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.mark.timeout(400)
def test_many_lines_are_booked_in_little_memory(shop: Shop) -> None:
    many_captures(shop)
    file = BytesIO(content())

    before = resident_bytes()
    began = perf_counter()
    summary = reconcile(name="bulk.csv", file=file, connector="sandbox", now=timezone.now())
    seconds, grown = perf_counter() - began, resident_bytes() - before

    assert (summary.lines, summary.new, summary.matched, summary.opened) == (LINES, LINES, LINES, 0)
    assert cash(shop) == {"EUR": LINES * 1971}
    assert SettlementLine.objects.filter(journal_entry__isnull=True).count() == 0
    assert JournalEntry.objects.filter(report=Report.objects.get()).count() == LINES // 1000
    assert discrepancies() == []
    assert grown < MEMORY_BYTES_MAX
    assert seconds < SECONDS_MAX
