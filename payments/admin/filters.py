"""What lists can be narrowed by. No filter reads a table to know its choices."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
    RangeDateFilter,
)
from unfold.utils import parse_date_str

from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from payments.money import exponents

BY_MERCHANT = ("merchant", AutocompleteSelectFilter)
BY_MODE = ("mode", ChoicesDropdownFilter)
BY_STATUS = ("status", ChoicesDropdownFilter)


class CurrencyFilter(DropdownFilter):
    """One currency out of all that one can pay in; a DISTINCT over the table would read it from end to end."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return every currency."""
        return [(code, code) for code in sorted(exponents())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen currency."""
        return queryset.filter(currency=self.value()) if self.value() else queryset


class DayFilter(RangeDateFilter):
    """From one day to another in UTC, both included."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of these days; what is no date narrows nothing."""
        first = self._start_of_day("from")
        last = self._start_of_day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": first})
        if last:
            queryset = queryset.filter(**{f"{self.field_path}__lt": last + timedelta(days=1)})
        return queryset

    def _start_of_day(self, end: str) -> datetime | None:
        day = parse_date_str(str(self.used_parameters.get(f"{self.field_path}_{end}")))
        return datetime.combine(day, time(), tzinfo=UTC) if day else None
