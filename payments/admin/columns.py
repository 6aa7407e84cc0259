"""Columns and fields: a title and how to show it. The same ones make up lists, pages and the tables on them."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar

from payments.admin import cells
from payments.models.base import PublicIdModel


@dataclass(frozen=True, slots=True)
class Column:
    """What Django's admin takes as a callable in `list_display` and `fieldsets`."""

    do_not_call_in_templates: ClassVar[bool] = True

    title: str
    show: Callable[[Any], str]
    right: bool = False

    def __call__(self, row: Any) -> str:
        """Return the row's cell."""
        return self.show(row)

    @property
    def short_description(self) -> str:
        """Return the title, where Django looks for it."""
        return self.title

    @property
    def __name__(self) -> str:
        """Return the name that Django makes a CSS class of."""
        return self.title.replace(" ", "_")


def text(title: str, path: str) -> Column:
    """Show an attribute as it stands."""
    get = attrgetter(path)
    return Column(title, lambda row: str(get(row) or cells.EMPTY))


def code(title: str, path: str) -> Column:
    """Show an attribute that is an id, a token or the like."""
    get = attrgetter(path)
    return Column(title, lambda row: cells.mono(get(row)))


def label(title: str, path: str) -> Column:
    """Show an attribute as a colored label."""
    get = attrgetter(path)
    return Column(title, lambda row: cells.label(get(row)))


def moment(title: str, path: str) -> Column:
    """Show a moment in UTC."""
    get = attrgetter(path)
    return Column(f"{title} (UTC)", lambda row: cells.moment(get(row)))


def money(title: str, path: str) -> Column:
    """Show an amount of the row's currency in major units."""
    get = attrgetter(path)
    return Column(title, lambda row: cells.money(get(row), row.currency), right=True)


def link(title: str, path: str) -> Column:
    """Link to a related row, which has to be read together with this one."""
    get = attrgetter(path)
    return Column(title, lambda row: cells.link(get(row)))


def id_link(title: str, model: type[PublicIdModel], path: str) -> Column:
    """Link to the row of `model` whose id an attribute holds, without reading that row."""
    get = attrgetter(path)
    return Column(title, lambda row: cells.link(model(id=get(row)) if get(row) else None))


def self_link(title: str) -> Column:
    """Link to the row's own page by its public id."""
    return Column(title, cells.link)


PUBLIC_ID = code("id", "public_id")
MERCHANT = link("merchant", "merchant")
MODE = label("mode", "mode")
STATUS = label("status", "status")
AMOUNT = money("amount", "amount")
CURRENCY = text("currency", "currency")
CREATED = moment("created", "created_at")
