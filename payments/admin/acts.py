"""What staff may do: one page with a form, which asks before it acts and says what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unfold.admin import ModelAdmin

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from payments.admin.action_forms import action_page, secret_page
from payments.errors import PaymentsError


@dataclass(frozen=True, slots=True)
class Revealed:
    """The sentence that says what was done, and a secret that is shown this once, beside it."""

    said: str
    secret: str


@dataclass(frozen=True, slots=True)
class Act:
    """A form page: its title, what it explains, the button, the form, and what is done with what was filled in.

    `do` takes the name of the user and the form's values, and returns the sentence that says what was done.
    """

    title: str
    explanation: str
    button: str
    form: Callable[[QueryDict | None], forms.Form]
    do: Callable[[str, dict[str, Any]], str | Revealed]


def perform(act: Act, row: Model, *, model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Show the form, or act and go back to the row's page; what is refused is said above the form."""
    form = act.form(request.POST if request.method == "POST" else None)
    page = reverse(f"admin:{row._meta.app_label}_{model_admin.opts.model_name}_change", args=[row.pk])
    if request.method == "POST" and form.is_valid():
        try:
            done = act.do(request.user.get_username(), form.cleaned_data)
        except PaymentsError as refusal:
            form.add_error(refusal.param if refusal.param in form.fields else None, refusal.detail)
        else:
            said = done.said if isinstance(done, Revealed) else done
            model_admin.log_change(request, row, said)
            if isinstance(done, Revealed):
                return secret_page(model_admin, request, title=act.title, said=said, secret=done.secret, back=page)
            messages.success(request, said)
            return redirect(page)
    return action_page(
        model_admin, request, form, title=act.title, button=act.button, back=page, explanation=act.explanation
    )
