"""What staff agree with a merchant: platform fees and payout schedules. These can be edited; each change is kept."""

from typing import Any, ClassVar, Final

from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from django import forms
from django.contrib import admin
from django.db.models import Field, Model
from django.http import HttpRequest, HttpResponse

from payments.admin import columns
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE, CurrencyFilter
from payments.admin.read_only import ReadOnlyAdmin
from payments.lifecycles import PayoutInterval
from payments.models.merchants import PlatformFee
from payments.models.payouts import PayoutSchedule
from payments.money import exponents

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

SHARE: Final = Column("share", lambda fee: f"{fee.fee_bps / 100:.2f} %", right=True)
FIXED: Final = columns.money("fixed part", "fixed_amount")
INTERVAL: Final = columns.text("interval", "interval")
WEEKDAY: Final = Column("weekday", lambda schedule: "" if schedule.weekday is None else _WEEKDAYS[schedule.weekday])
DESTINATION: Final = columns.code("destination", "destination")
MINIMUM: Final = columns.money("minimum", "minimum_amount")


class TermsAdmin(ReadOnlyAdmin):
    """Terms, to be edited by those who have Django's permission for it, with its history of who changed what.

    Whom they are for never changes, and nothing is deleted: a fee of nothing and a schedule that is manual end them.
    """

    autocomplete_fields = ("merchant",)
    related = ("merchant",)
    id_lookups = {"mer": "merchant_id"}
    search_help_text = "mer_…"

    # Whom the terms are for, and what they are.
    parties: ClassVar[tuple[str, ...]]
    terms: ClassVar[tuple[str, ...]]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Follow Django's permission."""
        return ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Follow Django's permission."""
        return ModelAdmin.has_change_permission(self, request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the parties and the terms."""
        return [(None, {"fields": (*self.parties, *self.terms)})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        """Fix the parties once the terms exist."""
        return self.parties if obj else ()

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Offer every currency that one can pay in, and weekdays by their names."""
        if db_field.name == "currency":
            return _choice([(code, code) for code in sorted(exponents())])
        if db_field.name == "weekday":
            return _choice([("", "–"), *enumerate(_WEEKDAYS)], required=False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the history, which other pages have not: they cannot be changed here."""
        context["show_history"] = True
        return super().render_change_form(request, context, *args, **kwargs)


class PlatformFeeForm(forms.ModelForm):  # type: ignore[type-arg]
    """Keeps a fee within its bounds, in words rather than by the name of a constraint."""

    def clean_fee_bps(self) -> int:
        """Refuse a share of more than the whole."""
        share: int = self.cleaned_data["fee_bps"]
        if share > 10_000:
            raise forms.ValidationError("At most 10000 basis points: that is the whole payment.")
        return share

    def clean_fixed_amount(self) -> int:
        """Refuse a negative part."""
        fixed: int = self.cleaned_data["fixed_amount"]
        if fixed < 0:
            raise forms.ValidationError("A fee is not negative.")
        return fixed


class PayoutScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Keeps interval and weekday together, in words rather than by the name of a constraint."""

    def clean_minimum_amount(self) -> int:
        """Refuse a minimum of nothing."""
        minimum: int = self.cleaned_data["minimum_amount"]
        if minimum < 1:
            raise forms.ValidationError("At least one minor unit.")
        return minimum

    def clean(self) -> dict[str, Any]:
        """Ask for a weekday where it means something, and drop it where it does not."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["weekday"] = None if cleaned.get("weekday") in ("", None) else int(cleaned["weekday"])
        if cleaned.get("interval") != PayoutInterval.WEEKLY:
            cleaned["weekday"] = None
        elif cleaned["weekday"] is None:
            self.add_error("weekday", "On which day of the week?")
        return cleaned


@admin.register(PlatformFee)
class PlatformFeeAdmin(TermsAdmin):
    """What the platform charges; a change is for captures from then on."""

    form = PlatformFeeForm
    parties = ("merchant", "currency")
    terms = ("fee_bps", "fixed_amount")
    list_display = (columns.MERCHANT, columns.CURRENCY, SHARE, FIXED)
    list_display_links = (columns.CURRENCY,)
    list_filter = (CurrencyFilter, BY_MERCHANT)


@admin.register(PayoutSchedule)
class PayoutScheduleAdmin(TermsAdmin):
    """When, and where to, what is available is paid out by itself."""

    form = PayoutScheduleForm
    parties = ("merchant", "mode", "currency")
    terms = ("interval", "weekday", "destination", "minimum_amount")
    list_display = (columns.MERCHANT, columns.CURRENCY, columns.MODE, INTERVAL, WEEKDAY, DESTINATION, MINIMUM)
    list_display_links = (columns.CURRENCY,)
    list_filter = (BY_MODE, CurrencyFilter, BY_MERCHANT)


def _choice(choices: list[tuple[Any, str]], *, required: bool = True) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, required=required, widget=UnfoldAdminSelectWidget)
