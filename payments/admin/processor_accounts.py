"""Merchants' accounts at processors, whose credentials go in and never come out, and their circuit breakers."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from unfold.decorators import action
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from django import forms
from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from payments.admin import cells, columns
from payments.admin.acts import Act, perform
from payments.admin.columns import Column
from payments.admin.filters import BY_MERCHANT, BY_MODE, BY_STATUS
from payments.admin.read_only import ReadOnlyAdmin, Section
from payments.admin.terms import TermsAdmin
from payments.lifecycles import Mode
from payments.models.circuit_breakers import CircuitBreaker
from payments.models.processor_accounts import ProcessorAccount
from payments.operations.circuit_breakers import reset_breaker
from payments.operations.processor_accounts import (
    change_credentials,
    check_credentials,
    credentials_needed,
    enable_account,
    open_account,
    webhook_address,
)

CONNECTOR: Final = columns.text("connector", "connector")
TAKES_NEW: Final = Column("takes new payments", lambda account: cells.yes_no(account.is_enabled))
WEBHOOKS: Final = Column("address for its webhooks", lambda account: cells.mono(webhook_address(account)))
FAILURES: Final = columns.text("calls without an answer", "failures")
FAILING_SINCE: Final = columns.moment("since", "failing_since")
RETRIED: Final = columns.moment("next try", "retry_at")
ACCOUNT: Final = columns.link("account", "account")


def accounts_section(accounts: Iterable[ProcessorAccount]) -> Section:
    """Return accounts as a table."""
    shown = (columns.self_link("account"), CONNECTOR, columns.MODE, TAKES_NEW, columns.CREATED)
    return Section(ProcessorAccount, "Processor accounts", shown, accounts)


class ProcessorAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes credentials, each in a field of its own that is always shown empty."""

    # By connector, what each credential is.
    needed: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def clean(self) -> dict[str, Any]:
        """Have the chosen connector look at what was filled in, together with what is there already."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        connector = cleaned.get("connector") or self.instance.connector
        mode = cleaned.get("mode") or self.instance.mode
        if connector not in self.needed or not mode:
            return cleaned
        given = self.credentials_given(connector)
        if self.instance.encrypted_credentials:
            given = self.instance.credentials | given
        try:
            check_credentials(connector=connector, credentials=given, mode=Mode(mode))
        except ValueError as error:
            self.add_error(None, str(error))
        return cleaned

    def credentials_given(self, connector: str) -> dict[str, str]:
        """Return the credentials that were filled in."""
        named = {name: self.cleaned_data.get(field_of(connector, name)) for name in self.needed[connector]}
        return {name: value for name, value in named.items() if value}


def field_of(connector: str, credential: str) -> str:
    """Return the name of a credential's field in the form."""
    return f"{connector}__{credential}"


class CloseForm(forms.Form):
    """Why a circuit breaker is closed by hand."""

    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget, max_length=1000, help_text="Why its processor should be answering again."
    )


@admin.register(ProcessorAccount)
class ProcessorAccountAdmin(TermsAdmin):
    """The accounts: opened, given other credentials and switched on and off by those who may."""

    form = ProcessorAccountForm
    parties = ("merchant", "mode", "connector")
    terms = ("is_enabled",)
    shown = (WEBHOOKS, columns.CREATED)
    id_lookups = {"pac": "id", "mer": "merchant_id"}
    list_display = (columns.PUBLIC_ID, columns.MERCHANT, CONNECTOR, columns.MODE, TAKES_NEW, columns.CREATED)
    list_filter = (BY_MODE, BY_MERCHANT)
    search_help_text = "pac_… or mer_…"
    actions_detail = ("close_breaker",)  # type: ignore[assignment]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form with a field for every credential of the account's connector, or at first of all of them."""
        needed = _needed_by(obj)
        fields = {
            field_of(connector, name): _secret(name, found_at, kept=obj is not None)
            for connector, credentials in needed.items()
            for name, found_at in credentials.items()
        }
        chosen = {"connector": _choice_of(needed)} if obj is None else {}
        kwargs["form"] = type("AccountForm", (ProcessorAccountForm,), {"needed": needed, **chosen, **fields})
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return whose account it is where, and its credentials for those who may change them."""
        about = [*self.parties, *self.terms, *(self.shown if obj else ())]
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": about})]
        said = "" if obj else "Only those of the connector that is chosen above are kept."
        secrets = [
            (
                f"Credentials at {connector}",
                {"fields": [field_of(connector, name) for name in credentials], "description": said},
            )
            for connector, credentials in _needed_by(obj).items()
        ]
        return [(None, {"fields": about}), *secrets]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Fix whose account it is where."""
        return (*self.parties, *self.shown) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Open the account, or change what was changed."""
        now, given = timezone.now(), form.credentials_given(obj.connector) if obj.connector in form.needed else {}
        if not change:
            opened = open_account(
                merchant=obj.merchant,
                mode=Mode(obj.mode),
                connector=obj.connector,
                credentials=given,
                is_enabled=obj.is_enabled,
                now=now,
            )
            obj.pk = opened.pk
            return
        if given:
            change_credentials(account=obj, changed=given, now=now)
        if "is_enabled" in form.changed_data:
            enable_account(account=obj, is_enabled=obj.is_enabled, now=now)

    def sections(self, obj: ProcessorAccount | None) -> list[Section]:
        """Return its circuit breaker, if calls ever went unanswered."""
        breakers = CircuitBreaker.objects.filter(account=obj) if obj else ()
        return [
            Section(CircuitBreaker, "Circuit breaker", (columns.STATUS, FAILURES, FAILING_SINCE, RETRIED), breakers)
        ]

    def has_close_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those may close a breaker who may change accounts."""
        return bool(request.user.has_perm("payments.change_processoraccount"))

    @action(  # type: ignore[operator]
        description="Close circuit breaker", url_path="close_breaker", permissions=["close"]
    )
    def close_breaker(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send payments there again, before a trial has shown that they are answered."""
        account = get_object_or_404(ProcessorAccount, pk=object_id)

        def do(_: str, values: dict[str, Any]) -> str:
            was_open = reset_breaker(account_id=account.pk)
            return f"{'Closed' if was_open else 'It was closed already'}: {values['reason']}"

        explanation = "New payments are sent to this account again at once. If they are not answered, it opens again."
        act = Act(f"Close the circuit breaker of {account}", explanation, "Close", CloseForm, do)
        return perform(act, account, model_admin=self, request=request)


@admin.register(CircuitBreaker)
class CircuitBreakerAdmin(ReadOnlyAdmin):
    """The breakers of all accounts where calls ever went unanswered."""

    id_lookups = {"pac": "account_id", "mer": "account__merchant_id"}
    list_display = (
        ACCOUNT,
        columns.link("merchant", "account.merchant"),
        columns.text("connector", "account.connector"),
        columns.label("mode", "account.mode"),
        columns.STATUS,
        FAILURES,
        FAILING_SINCE,
        RETRIED,
    )
    list_filter = (BY_STATUS,)
    list_display_links = None
    related = ("account__merchant",)
    search_help_text = "pac_… or mer_…"
    page = ((ACCOUNT, columns.STATUS), (FAILURES, FAILING_SINCE), RETRIED)

    def search(self, term: str) -> Q:
        """Find by the connector."""
        return Q(account__connector=term)


def _needed_by(account: Any) -> dict[str, dict[str, str]]:
    needed = credentials_needed()
    # An account may be at a processor that this version does not know.
    return needed if account is None else {name: needed[name] for name in needed if name == account.connector}


def _choice_of(connectors: Iterable[str]) -> forms.ChoiceField:
    choices = [(name, name) for name in connectors]
    return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget)


def _secret(name: str, found_at: str, *, kept: bool) -> forms.CharField:
    """Return a field that is never filled in by us, nor by the browser. Whether it is needed, the form knows."""
    label = name.replace("_", " ").capitalize()
    text = f"{found_at} Empty: it stays as it is." if kept else found_at
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, max_length=1000, widget=widget, help_text=text)
