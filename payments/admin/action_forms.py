"""Pages on which staff say why, or hand something in, before an operation is carried out."""

from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


class NoForm(forms.Form):
    """Nothing to fill in."""


def secret_page(
    model_admin: "ModelAdmin[Any]", request: HttpRequest, *, title: str, said: str, secret: str, back: str
) -> HttpResponse:
    """Return a page that shows a secret, and that nothing keeps: no cache, no session, no address."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": title,
        "said": said,
        "secret": secret,
        "back": back,
    }
    response = TemplateResponse(request, "admin/payments/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


def action_page(
    model_admin: "ModelAdmin[Any]",
    request: HttpRequest,
    form: forms.Form,
    *,
    title: str,
    button: str,
    back: str,
    explanation: str = "",
) -> HttpResponse:
    """Return a page with a form, whose button sends it to the same address; `back` is where one came from."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": title,
        "explanation": explanation,
        "form": form,
        "button": button,
        "back": back,
        "media": form.media,
    }
    return TemplateResponse(request, "admin/payments/action_form.html", context)
