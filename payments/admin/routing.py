"""Routing rules: which of a merchant's connectors takes a payment, edited in the order in which they are tried."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Final

from unfold.widgets import UnfoldAdminSelectWidget

from django import forms
from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest

from payments.admin import cells, columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE, CurrencyFilter
from payments.admin.read_only import Section
from payments.admin.terms import TermsAdmin
from payments.models.routing import RoutingRule
from payments.money import Money
from payments.operations.processor_accounts import connectors_to_route_to, known_connectors

POSITION: Final = Column("position", lambda rule: str(rule.position), right=True)
MATCHES: Final = Column("takes", lambda rule: describe(rule))  # pylint: disable=unnecessary-lambda
CONNECTORS: Final = Column("connectors", lambda rule: " → ".join(rule.connectors))
IN_FORCE: Final = Column("in force", lambda rule: cells.yes_no(rule.is_enabled))

# As many as `CONNECTORS_MAX`.
_CHOICES: Final = ("first_choice", "second_choice", "third_choice")
_HELP: Final = {
    "position": "Rules are tried from the lowest position to the highest; the first that matches takes the payment.",
    "currency": "Empty: every currency.",
    "amount_from": "In minor units (1999 is 19.99 EUR), included. Only with a currency. Empty: from the smallest.",
    "amount_to": "In minor units, included. Only with a currency. Empty: up to the largest.",
    "payment_method_prefix": "Such as pm_card_. Capital letters matter. Empty: every payment method.",
    "percentage": "Of those payments that match all else, 1 to 100. The same payment always falls on the same side.",
    "is_enabled": "A rule that is not in force is kept, and has no say.",
}


def describe(rule: RoutingRule) -> str:
    """Return in words what a rule takes: `30 % of EUR from 10.00 EUR with pm_card_…`."""
    words = [f"{rule.percentage} % of {rule.currency or 'everything'}"]
    if rule.amount_from is not None:
        words.append(f"from {Money(rule.amount_from, rule.currency or '')}")
    if rule.amount_to is not None:
        words.append(f"up to {Money(rule.amount_to, rule.currency or '')}")
    if rule.payment_method_prefix:
        words.append(f"with {rule.payment_method_prefix}…")
    return " ".join(words)


def rules_section(rules: Iterable[RoutingRule]) -> Section:
    """Return rules as a table."""
    shown = (POSITION, columns.self_link("rule"), columns.MODE, MATCHES, CONNECTORS, IN_FORCE)
    return Section(RoutingRule, "Routing rules", shown, rules)


def _choice(label: str, help_text: str, *, required: bool = True) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, help_text=help_text, required=required, widget=UnfoldAdminSelectWidget)


class RoutingRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Keeps a rule within its bounds, in words rather than by the name of a constraint."""

    first_choice = _choice("First choice", "The connector that is asked first.")
    second_choice = _choice("Second choice", "Asked where the first could not be reached at all.", required=False)
    third_choice = _choice("Third choice", "Asked where neither could be reached.", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer every connector there is, and show those that the rule has."""
        super().__init__(*args, **kwargs)
        names = [("", "–"), *((name, name) for name in known_connectors())]
        for name, connector in zip_longest(_CHOICES, self.instance.connectors or ()):
            self.fields[name].choices = names  # type: ignore[attr-defined]
            self.initial[name] = connector or ""

    def clean_currency(self) -> str | None:
        """Take nothing for every currency."""
        return self.cleaned_data["currency"] or None

    def clean_percentage(self) -> int:
        """Refuse what is no share of a hundred."""
        share: int = self.cleaned_data["percentage"]
        if not 1 <= share <= 100:
            raise forms.ValidationError("From 1 to 100.")
        return share

    def clean(self) -> dict[str, Any]:
        """Look at what only makes sense together."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._clean_amounts(cleaned)
        merchant_id = cleaned["merchant"].pk if cleaned.get("merchant") else self.instance.merchant_id
        mode = cleaned.get("mode") or self.instance.mode
        if merchant_id is None or not mode:
            return cleaned
        self._clean_position(cleaned.get("position"), merchant_id, mode)
        ways = connectors_to_route_to(merchant_id=merchant_id, mode=mode)
        self.instance.connectors = self._clean_connectors(cleaned, ways)
        return cleaned

    def _clean_amounts(self, cleaned: dict[str, Any]) -> None:
        given = {name: cleaned.get(name) for name in ("amount_from", "amount_to")}
        amounts = {name: amount for name, amount in given.items() if amount is not None}
        for name, amount in amounts.items():
            if amount < 1:
                self.add_error(name, "At least one minor unit, or nothing.")
            elif cleaned.get("currency") is None and "currency" not in self.errors:
                self.add_error(name, "Of which currency?")
        if len(amounts) == 2 and amounts["amount_from"] > amounts["amount_to"]:
            self.add_error("amount_to", "Less than the amount that the rule begins at.")

    def _clean_position(self, position: int | None, merchant_id: Any, mode: str) -> None:
        if position is None:
            return
        others = RoutingRule.objects.filter(merchant_id=merchant_id, mode=mode, position=position)
        if others.exclude(pk=self.instance.pk).exists():
            self.add_error("position", "Another rule of this merchant has this position.")

    def _clean_connectors(self, cleaned: dict[str, Any], ways: list[str]) -> list[str]:
        chosen: list[str] = []
        for field in _CHOICES:
            name = cleaned.get(field)
            if not name:
                continue
            if name in chosen:
                self.add_error(field, f"{name} is tried before already.")
            # What is out of force is looked at when it comes into force.
            elif name not in ways and cleaned.get("is_enabled"):
                self.add_error(field, f"New payments of this merchant cannot go to {name}: it has no enabled account.")
            chosen.append(name)
        return chosen


@admin.register(RoutingRule)
class RoutingRuleAdmin(TermsAdmin):
    """The rules of all merchants. A change is for payments that are confirmed from then on."""

    form = RoutingRuleForm
    parties = ("merchant", "mode")
    terms = (
        *("position", "currency", "amount_from", "amount_to", "payment_method_prefix", "percentage"),
        *(*_CHOICES, "is_enabled"),
    )
    id_lookups = {"rule": "id", "mer": "merchant_id"}
    list_display = (columns.MERCHANT, columns.MODE, POSITION, MATCHES, CONNECTORS, IN_FORCE)
    list_display_links = (MATCHES,)
    list_filter = (BY_MODE, CurrencyFilter, BY_MERCHANT)
    # The order in which they are tried; the index of positions has it.
    ordering = ("merchant_id", "mode", "position")  # type: ignore[assignment]
    search_help_text = "rule_… or mer_…"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the parties and the terms; to those who may only look, the connectors in one line."""
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        fields = [name for name in (*self.parties, *self.terms) if name not in _CHOICES]
        return [(None, {"fields": (*fields, CONNECTORS)})]

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Say of every field what it means to leave it empty."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "currency":
            field.choices = [("", "–"), *field.choices]
            field.required = False
        if field is not None:
            field.help_text = _HELP.get(db_field.name, field.help_text)
        return field
