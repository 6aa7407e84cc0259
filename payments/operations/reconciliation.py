"""Reconciling a file: each line counts once, whatever file it stands in, and however often a file is read.

A file is known by the digest of its bytes. It is read in chunks, each a transaction of its own: what died half-way
goes on behind the last chunk, and two who read the same file at the same time share it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import IO, Final, cast

from django.db import connection, transaction

from payments.models.reconciliation import Report, ReportFormat, SettlementLine
from payments.operations.bank_entries import check_batches, link_waiting, take_in_bank
from payments.operations.report_formats import Booked, Line, Settled, open_report
from payments.operations.settlements import Taken, take_in_settlement

CHUNK_LINES: Final = 1000
_NAME_MAX: Final = 255
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a file.

    `lines` is how many it has, `new` how many of them were never read before, in this file or another. `matched` of
    the new ones are booked, or belong to a batch or a payout. `opened` and `cleared` are discrepancies.
    """

    report: Report
    lines: int
    new: int
    matched: int
    opened: int
    cleared: int


def reconcile(*, name: str, file: IO[bytes], connector: str, now: datetime) -> Summary:
    """Take in a settlement report of `connector`, or a bank statement, and say what does not match.

    The file has to be one that can be read twice. What follows a line that cannot be read is not taken in; what stands
    before it, in earlier chunks, is.

    Raises:
        BadReport: its format is not known, or a line cannot be read.
    """
    digest = _digest(file)
    done = Report.objects.filter(digest=digest, finished_at__isnull=False).first()
    if done is not None:
        return Summary(done, lines=done.lines_read, new=0, matched=0, opened=0, cleared=0)
    opened = open_report(file)
    chunks = _chunks(opened.lines)
    # A file whose very first lines cannot be read leaves nothing behind.
    first = next(chunks, [])
    report = _report(name, digest, opened.format, now=now)
    total, position = Taken(), 0
    for chunk in chain([first], chunks):
        position += len(chunk)
        if position > report.lines_read:
            total += _take_in_chunk(report, connector, chunk, position, now=now)
    total += _finish(report, now=now)
    return Summary(report, report.lines_read, total.new, total.booked, total.opened, total.cleared)


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_READ_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while chunk := list(islice(lines, CHUNK_LINES)):
        yield chunk


def _report(name: str, digest: str, report_format: ReportFormat, *, now: datetime) -> Report:
    report = Report(name=name[:_NAME_MAX], format=report_format, digest=digest, created_at=now)
    Report.objects.bulk_create([report], ignore_conflicts=True)
    return Report.objects.get(digest=digest)


def _take_in_chunk(report: Report, connector: str, chunk: Sequence[Line], position: int, *, now: datetime) -> Taken:
    """Take in what of a chunk, which ends at line `position` of the file, nobody has taken in meanwhile."""
    with transaction.atomic(durable=True):
        _one_at_a_time(report)
        unread = position - report.lines_read
        if unread <= 0:
            return Taken()
        lines = chunk[-unread:]
        if report.format == ReportFormat.SETTLEMENT_CSV:
            taken = take_in_settlement(report, connector, cast(Sequence[Settled], lines), now=now)
        else:
            taken = take_in_bank(report, cast(Sequence[Booked], lines), now=now)
        report.lines_read = position
        report.save(update_fields=("lines_read",))
        return taken


def _finish(report: Report, *, now: datetime) -> Taken:
    """Look at the batches as a whole, now that all of the report's lines are there."""
    with transaction.atomic(durable=True):
        _one_at_a_time(report)
        if report.finished_at is not None:
            return Taken()
        taken = Taken()
        if report.format == ReportFormat.SETTLEMENT_CSV:
            lines = SettlementLine.objects.filter(report=report).order_by()
            batches = set(lines.values_list("batch_reference", flat=True).distinct())
            taken = link_waiting(batches, now=now) + check_batches(batches, now=now)
        report.finished_at = now
        report.save(update_fields=("finished_at",))
        return taken


def _one_at_a_time(report: Report) -> None:
    """Wait until no other chunk, of whatever file, is being taken in, and see how far the report is then."""
    lock_reconciliation()
    report.refresh_from_db()


def lock_reconciliation() -> None:
    """Keep others from taking in lines until the caller's transaction ends: two could claim the same movement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('payments.reconciliation'))")
