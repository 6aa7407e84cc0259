"""Pages of a list that is never counted: on ten million rows a COUNT takes longer than anybody waits."""

from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

# A page far behind costs all rows before it; whoever looks for something old filters or searches.
PAGES_MAX: Final = 200


class UncountedPage(Page):  # type: ignore[type-arg]
    """One page, which knows whether there is a next one."""

    def __init__(self, object_list: Any, number: int, paginator: "InfinitePaginator", *, more: bool) -> None:
        """Take the rows to show, and whether there are more."""
        super().__init__(object_list, number, paginator)
        self.more = more

    def has_next(self) -> bool:
        """Tell whether there are more rows, and a page for them."""
        return self.more and self.number < PAGES_MAX


class InfinitePaginator(Paginator):  # type: ignore[type-arg]
    """Reads one row more than a page shows, which tells whether there is a next page.

    It has the name by which django-unfold knows a paginator that does not count, and shows no number of results.
    """

    shown: UncountedPage | None = None
    template_name = "admin/payments/uncounted_pagination.html"

    def page(self, number: int | str) -> UncountedPage:
        """Return the page `number`, from 1."""
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows = list(self.object_list[start : start + self.per_page + 1])
        page = self.shown = UncountedPage(rows[: self.per_page], number, self, more=len(rows) > self.per_page)
        return page

    @cached_property
    def count(self) -> int:
        """Return how many rows can be paged through, which is not how many there are."""
        return PAGES_MAX * self.per_page

    @cached_property
    def num_pages(self) -> int:
        """Return the number of the last page that can be asked for."""
        return PAGES_MAX
