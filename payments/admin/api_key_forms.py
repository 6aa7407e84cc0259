"""What staff fill in to issue, restrict and roll an API key."""

from typing import Any, Final

from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from django import forms
from django.http import QueryDict

from payments.lifecycles import Mode
from payments.models.api_keys import ApiKey
from payments.operations.api_keys import OVERLAP_DAYS_MAX, RATE_LIMIT_MAX, Bounds, RateLimit, bounds_of
from payments.scopes import ALL, MEANINGS

_EVERYTHING: Final = (ALL, "everything, also what is added later")
_SCOPES: Final = [_EVERYTHING, *((scope.value, f"{scope}: {meaning}") for scope, meaning in MEANINGS.items())]


class BoundsForm(forms.Form):
    """What a key may do, from where and how often."""

    scopes = forms.MultipleChoiceField(choices=_SCOPES, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    networks = forms.CharField(
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="One on each line: 192.0.2.0/24, 2001:db8::/32 or one address. Empty: from anywhere.",
    )
    rate_limit_per_second = forms.IntegerField(
        label="Requests a second",
        required=False,
        min_value=1,
        max_value=RATE_LIMIT_MAX,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="In the long run. Empty: what the settings say.",
    )
    rate_limit_burst = forms.IntegerField(
        label="Requests at once",
        required=False,
        min_value=1,
        max_value=RATE_LIMIT_MAX,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    def clean(self) -> dict[str, Any]:
        """Ask for both parts of a rate limit, or for none."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if (cleaned.get("rate_limit_per_second") is None) != (cleaned.get("rate_limit_burst") is None):
            self.add_error("rate_limit_burst", "Fill in both numbers, or neither.")
        return cleaned


class IssueForm(BoundsForm):
    """A new key."""

    field_order = ("name", "mode")

    name = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Where it is used: `web shop`, `accounting`."
    )
    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode], widget=UnfoldAdminRadioSelectWidget)


class RestrictForm(BoundsForm):
    """Other bounds of a key, of no more scopes than it has."""

    def __init__(self, data: QueryDict | None, *, key: ApiKey) -> None:
        """Begin with what the key has."""
        bounds = bounds_of(key)
        limit = bounds.rate_limit
        initial = {
            "scopes": bounds.scopes,
            "networks": "\n".join(bounds.networks),
            "rate_limit_per_second": limit and limit.per_second,
            "rate_limit_burst": limit and limit.burst,
        }
        super().__init__(data, initial=initial)
        if ALL not in bounds.scopes:
            scopes = self.fields["scopes"]
            assert isinstance(scopes, forms.MultipleChoiceField)
            scopes.choices = [choice for choice in _SCOPES if choice[0] in bounds.scopes]


class RollForm(forms.Form):
    """How long both secrets work."""

    overlap_days = forms.IntegerField(
        label="Days until the old key ends",
        initial=1,
        min_value=0,
        max_value=OVERLAP_DAYS_MAX,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=f"0 to {OVERLAP_DAYS_MAX}; 0 is at once.",
    )


def bounds_in(values: dict[str, Any]) -> Bounds:
    """Return the bounds that were filled in."""
    per_second, burst = values["rate_limit_per_second"], values["rate_limit_burst"]
    return Bounds(
        scopes=tuple(values["scopes"]),
        networks=tuple(line for line in values["networks"].splitlines() if line.strip()),
        rate_limit=RateLimit(per_second=per_second, burst=burst) if per_second is not None else None,
    )
