"""The base of every page about payments: to look at, and nothing else.

What changes state goes through operations; here nothing can be added, changed or deleted, by nobody. Who may look
is decided by Django's view permission of each model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from unfold.admin import ModelAdmin

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from payments.admin.columns import Column
from payments.admin.uncounted import InfinitePaginator
from payments.public_ids import decode


@dataclass(frozen=True, slots=True)
class Section:
    """A table of related rows on a row's page."""

    model: type[Model]
    title: str
    columns: Sequence[Column]
    rows: Iterable[Model]

    @property
    def lines(self) -> list[list[tuple[Column, str]]]:
        """Return each row as pairs of column and cell."""
        return [[(column, column(row)) for column in self.columns] for row in self.rows]


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows rows. Lists are never counted, and sorted by the primary key only."""

    actions = None
    change_form_before_template: str | None = None  # type: ignore[assignment]
    change_form_after_template: str | None = "admin/payments/sections.html"  # type: ignore[assignment]
    list_per_page = 50
    list_filter_submit = True
    ordering = ("-id",)
    paginator = InfinitePaginator
    # Facets are counts of the whole list behind every filter.
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    # The rows that are read together with each row.
    related: ClassVar[tuple[str, ...]] = ()
    # The fields of a row's page, by lines.
    page: ClassVar[Sequence[Column | tuple[Column, ...]]] = ()
    # The look-up that finds rows by a public id, for each prefix that can be searched for.
    id_lookups: ClassVar[Mapping[str, str]] = {}

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows come to be through operations only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows change through operations only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow what the filters offer.

        Django allows any look-up on the model's own columns, with which one could scan a table, or guess the hash
        of a key letter by letter.
        """
        return lookup in self._offered_lookups()

    def _offered_lookups(self) -> set[str]:
        offered: set[str] = set()
        entries: Iterable[Any] = self.list_filter
        for entry in entries:
            name = entry[0] if isinstance(entry, tuple) else entry.parameter_name
            offered |= {name, f"{name}__exact", f"{name}__id__exact", f"{name}_from", f"{name}_to"}
        return offered

    def get_paginator(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        """Count the history of a row, which is short, and nothing else."""
        if queryset.model is LogEntry:
            return Paginator(queryset, *args, **kwargs)
        return super().get_paginator(request, queryset, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read what is related in the same statement."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related(*self.related) if self.related else rows

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return `page`, in the form that Django wants."""
        return [(None, {"fields": self.page})]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return something where there is a search; what is searched, `get_search_results` says."""
        return ("id",) if self.id_lookups else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that a term names exactly; every look-up is one that an index answers."""
        # PostgreSQL takes no NUL: nothing it holds is named by a text that has one.
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            return queryset.none(), False
        term = search_term.strip()
        return (queryset.filter(self._named_by(term)) if term else queryset), False

    def _named_by(self, term: str) -> Q:
        for prefix, lookup in self.id_lookups.items():
            try:
                return Q(**{lookup: decode(prefix, term.lower())})
            except ValueError:
                continue
        try:
            return Q(pk=UUID(term)) | self.search(term)
        except ValueError:
            return self.search(term)

    def search(self, term: str) -> Q:
        """Return the rows that a term which is no id stands for: none, unless a list knows better."""
        return Q(pk__in=[])

    def sections(self, obj: Any) -> list[Section]:
        """Return the tables below the fields."""
        return []

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the sections whose model the user may look at."""
        context["title"] = str(self.opts.verbose_name).capitalize()
        context["sections"] = [
            section
            for section in self.sections(context["original"])
            if self.admin_site.get_model_admin(section.model).has_view_permission(request)
        ]
        return super().render_change_form(request, context, *args, **kwargs)
