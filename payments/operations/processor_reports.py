"""The processors' reports: fetched as soon as they are made, and reconciled."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Final

from payments.connectors.base import CannotAsk
from payments.connectors.registry import Source, sources
from payments.connectors.sandbox.settlement import close_batches, report
from payments.models.reconciliation import Report, Sweep
from payments.operations.reconciliation import Summary, reconcile
from payments.staff_errors import BadReport

logger = logging.getLogger(__name__)

# How far back a processor is asked for reports at first.
_KEPT: Final = timedelta(days=30)
_MEMORY_BYTES: Final = 1 << 20


def fetch_reports(*, now: datetime) -> list[Summary]:
    """Fetch every connector's new reports and reconcile them; one that cannot be read keeps no other back.

    Neither does a processor that cannot be asked: it is asked again the next time, from where it was asked last.
    """
    return [summary for source in sources() for summary in _fetch_from(source, now=now)]


def sandbox_settlement(*, now: datetime) -> Iterator[str]:
    """Close the sandbox's batches with all that moved until now, and yield the lines of their settlement report.

    Where nothing moved since the last report, there is none, and nothing is yielded.
    """
    name = close_batches(before=now, now=now)
    if name is not None:
        yield from report(name)


def _fetch_from(source: Source, *, now: datetime) -> list[Summary]:
    try:
        return _fetch_new(source, now=now)
    except CannotAsk:
        logger.exception("the reports of %s cannot be fetched", source.label)
        return []


def _fetch_new(source: Source, *, now: datetime) -> list[Summary]:
    """Reconcile what was made since the last time all went well."""
    # At most 40 characters.
    subject = f"reports of {source.name}" if source.account is None else f"reports {source.account.public_id}"
    last = Sweep.objects.filter(subject=subject).first()
    names = source.connector.reports(since=last.through if last else now - _KEPT, now=now)
    known = _finished(source, names)
    summaries, unread = [], False
    for name in names:
        if _name(source, name) in known:
            continue
        try:
            summaries.append(_fetch(source, name, now=now))
        except BadReport:
            unread = True
            logger.exception("report %s of %s cannot be read", name, source.label)
    if not unread:
        Sweep.objects.update_or_create(subject=subject, defaults={"through": now})
    return summaries


def _fetch(source: Source, name: str, *, now: datetime) -> Summary:
    with SpooledTemporaryFile(max_size=_MEMORY_BYTES) as file:
        for text in source.connector.report(name):
            file.write(text.encode())
        return reconcile(name=_name(source, name), file=file, connector=source.name, now=now)


def _finished(source: Source, names: list[str]) -> set[str]:
    reports = Report.objects.filter(name__in=[_name(source, name) for name in names], finished_at__isnull=False)
    return set(reports.values_list("name", flat=True))


def _name(source: Source, name: str) -> str:
    return f"{source.label}/{name}"
