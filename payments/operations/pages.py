"""Pages of a list: newest first by id, cut by cursors, and never counted."""

from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

LIMIT_MAX = 100
LIMIT_DEFAULT = 10

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most `limit` rows, older than one id or newer than another."""

    limit: int = LIMIT_DEFAULT
    starting_after: UUID | None = None
    ending_before: UUID | None = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """The rows of a page, and whether there are more in the direction of the cursor."""

    rows: list[Row]
    has_more: bool


def slice_of(queryset: QuerySet[Row], page: Page) -> Slice[Row]:
    """Cut a page out of a queryset whose ids sort by time. One row more is read than is returned."""
    if page.ending_before is not None:
        newer = list(queryset.filter(id__gt=page.ending_before).order_by("id")[: page.limit + 1])
        return Slice(rows=newer[: page.limit][::-1], has_more=len(newer) > page.limit)
    if page.starting_after is not None:
        queryset = queryset.filter(id__lt=page.starting_after)
    rows = list(queryset.order_by("-id")[: page.limit + 1])
    return Slice(rows=rows[: page.limit], has_more=len(rows) > page.limit)
