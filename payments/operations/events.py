"""The event log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from payments.errors import NotFound
from payments.event_types import EVENT_TYPES
from payments.models.events import Event
from payments.operations.callers import Caller
from payments.operations.pages import Page, Slice, slice_of
from payments.operations.representations import Subject, represent
from payments.public_ids import encode


def record_event(subject: Subject, *, now: datetime, created: bool = False, event_type: str | None = None) -> None:
    """Write down, in the caller's transaction, that an object came to be, reached its status, or `event_type`."""
    _event(subject, now=now, created=created, event_type=event_type).save(force_insert=True)


def record_events(subjects: Sequence[Subject], *, now: datetime, created: bool = False) -> None:
    """Write down the same of each of several objects, in few statements."""
    Event.objects.bulk_create([_event(subject, now=now, created=created) for subject in subjects])


def list_events(
    *, caller: Caller, page: Page, event_type: str | None = None, object_id: UUID | None = None
) -> Slice[Event]:
    """Return a page of events, newest first; `event_type` and `object_id` narrow it."""
    events = Event.objects.filter(**caller.owned)
    if event_type is not None:
        events = events.filter(type=event_type)
    if object_id is not None:
        events = events.filter(object_id=object_id)
    return slice_of(events, page)


def get_event(*, caller: Caller, event_id: UUID) -> Event:
    """Return one event of the caller's.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    event = Event.objects.filter(**caller.owned, pk=event_id).first()
    if event is None:
        raise NotFound(f"There is no event {encode(Event.PREFIX, event_id)}.")
    return event


def _event(subject: Subject, *, now: datetime, created: bool, event_type: str | None = None) -> Event:
    # A discrepancy that is nobody's is no merchant's news.
    assert subject.merchant_id is not None and subject.mode is not None, f"{subject} belongs to no merchant"
    shown = represent(subject)
    written = event_type or f"{shown['object']}.{'created' if created else subject.status}"
    assert written in EVENT_TYPES, f"{written} is not in the catalogue of events"
    return Event(
        merchant_id=subject.merchant_id,
        mode=subject.mode,
        type=written,
        object_id=subject.id,
        data=shown,
        created_at=now,
    )
