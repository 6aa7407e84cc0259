"""API keys: issued, restricted, rolled and revoked by those who may, with a history of who did what.

Of a key only a hint is shown; its hash is never even read. A new secret is shown once, in the answer to the form.
"""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from unfold.admin import ModelAdmin
from unfold.decorators import action

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.action_forms import NoForm
from payments.admin.acts import Act, Revealed, perform
from payments.admin.api_key_forms import IssueForm, RestrictForm, RollForm, bounds_in
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.lifecycles import Mode
from payments.models.api_keys import ApiKey
from payments.models.merchants import Merchant
from payments.operations.api_keys import (
    Bounds,
    bounds_of,
    has_ended,
    issue_api_key,
    restrict_api_key,
    revoke_api_key,
    roll_api_key,
)
from payments.scopes import ALL


def state(key: ApiKey) -> str:
    """Return whether a key still opens something."""
    if key.revoked_at:
        return "revoked"
    if has_ended(key, now=timezone.now()):
        return "expired"
    return "rolled" if key.expires_at else "active"


def in_words(bounds: Bounds) -> str:
    """Return what a key may do, for the history."""
    limit = bounds.rate_limit
    parts = [f"scopes {', '.join(bounds.scopes)}", f"networks {', '.join(bounds.networks) or 'any'}"]
    parts += [f"{limit.per_second} requests a second, {limit.burst} at once"] if limit else []
    return "; ".join(parts)


def _rate_limit(key: ApiKey) -> str:
    limit = bounds_of(key).rate_limit
    return f"{limit.per_second} a second, {limit.burst} at once" if limit else "as in the settings"


HINT: Final = columns.code("key", "hint")
NAME: Final = columns.text("name", "name")
STATE: Final = Column("state", lambda key: cells.label(state(key)))
SCOPES: Final = Column("scopes", lambda key: "everything" if ALL in key.scopes else ", ".join(key.scopes))
NETWORKS: Final = Column("networks", lambda key: ", ".join(key.allowed_networks) or "any")
RATE_LIMIT: Final = Column("rate limit", _rate_limit)
LAST_USED: Final = columns.moment("last used", "last_used_at")
ENDS: Final = columns.moment("ends", "expires_at")
REVOKED: Final = columns.moment("revoked", "revoked_at")


def keys_section(keys: Iterable[ApiKey]) -> Section:
    """Return keys as a table."""
    shown = (HINT, NAME, columns.MODE, STATE, SCOPES, LAST_USED, columns.CREATED, columns.self_link("id"))
    return Section(ApiKey, "API keys", shown, keys)


def issue_key_page(merchant: Merchant, *, model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Ask what the key shall be for, issue it and show its secret."""

    def do(_: str, values: dict[str, Any]) -> Revealed:
        issued = issue_api_key(
            merchant=merchant,
            mode=Mode(values["mode"]),
            name=values["name"],
            bounds=bounds_in(values),
            now=timezone.now(),
        )
        model_admin.log_addition(request, issued.key, f"Issued: {in_words(bounds_of(issued.key))}.")
        return Revealed(f"Issued {issued.key} ({issued.key.hint}).", issued.secret)

    explanation = "The secret is shown once, right after this. Give it the fewest scopes that do."
    act = Act(f"Issue a key to {merchant}", explanation, "Issue", IssueForm, do)
    return perform(act, merchant, model_admin=model_admin, request=request)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """The keys of all merchants."""

    actions_detail = ("roll", "restrict", "revoke")  # type: ignore[assignment]
    id_lookups = {"key": "id", "mer": "merchant_id"}
    list_display = (HINT, NAME, columns.MERCHANT, columns.MODE, STATE, SCOPES, LAST_USED, columns.CREATED)
    list_filter = (BY_MODE, BY_MERCHANT)
    related = ("merchant",)
    search_help_text = "key_… or mer_…"
    page = (
        (HINT, columns.PUBLIC_ID),
        (NAME, columns.MERCHANT),
        (columns.MODE, STATE),
        SCOPES,
        (NETWORKS, RATE_LIMIT),
        (columns.CREATED, LAST_USED),
        (columns.id_link("replaced by", ApiKey, "replaced_by_id"), ENDS),
        REVOKED,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiKey]:
        """Leave the hash in the database."""
        keys: QuerySet[ApiKey] = super().get_queryset(request)
        return keys.defer("key_hash")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Lead to the history, which tells who issued and changed the key."""
        context["show_history"] = True
        return super().render_change_form(request, context, *args, **kwargs)

    def has_handle_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Tell who may roll, restrict and revoke keys: those who may change them."""
        return request.user.has_perm("payments.change_apikey")

    @action(description="Roll", url_path="roll", permissions=["handle"])  # type: ignore[operator]
    def roll(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for how long the old secret shall work, and show the new one."""
        key = self._key(request, object_id)

        def do(_: str, values: dict[str, Any]) -> Revealed:
            now, overlap = timezone.now(), timedelta(days=values["overlap_days"])
            issued = roll_api_key(key_id=key.pk, overlap=overlap, now=now)
            self.log_addition(request, issued.key, f"Issued in the place of {key}.")
            ends = f"{now + overlap:%Y-%m-%d %H:%M} UTC"
            return Revealed(f"Rolled: {issued.key} takes its place, and it ends {ends}.", issued.secret)

        explanation = "A new key with the same scopes, networks and limit takes its place. It is shown once."
        act = Act(f"Roll {key.hint}", explanation, "Roll", RollForm, do)
        return perform(act, key, model_admin=self, request=request)

    @action(description="Restrict", url_path="restrict", permissions=["handle"])  # type: ignore[operator]
    def restrict(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask what the key may do from now on."""
        key = self._key(request, object_id)

        def do(_: str, values: dict[str, Any]) -> str:
            changed = restrict_api_key(key_id=key.pk, bounds=bounds_in(values), now=timezone.now())
            return f"Restricted: {in_words(bounds_of(changed))}."

        explanation = "It counts at once. Scopes can be taken away, not added: issue another key for that."
        act = Act(f"Restrict {key.hint}", explanation, "Restrict", partial(RestrictForm, key=key), do)
        return perform(act, key, model_admin=self, request=request)

    @action(description="Revoke", url_path="revoke", permissions=["handle"])  # type: ignore[operator]
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether the key shall end, and end it."""
        key = self._key(request, object_id)

        def do(_: str, __: dict[str, Any]) -> str:
            revoke_api_key(key=key, now=timezone.now())
            return "Revoked."

        explanation = f"{key.name}: every request with this key is refused from now on. It cannot be taken back."
        return perform(
            Act(f"Revoke {key.hint}", explanation, "Revoke", NoForm, do), key, model_admin=self, request=request
        )

    def _key(self, request: HttpRequest, object_id: str) -> ApiKey:
        key: ApiKey = get_object_or_404(self.get_queryset(request), pk=object_id)
        return key
