"""The API's own documentation: the OpenAPI document, a page to read and try it, and a page for every error."""

from itertools import groupby

from rest_framework.permissions import AllowAny

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from payments.errors import PaymentsError, published_errors
from payments.event_types import EVENT_TYPES


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the keys in the OpenAPI document."""

    target_class = "payments.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A secret API key: `sk_test_…` for test mode, `sk_live_…` for live mode.",
        }


class OpenApiDocument(SpectacularJSONAPIView):
    """`/v1/openapi.json`"""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class ApiReference(SpectacularSwaggerView):
    """`/docs`: the reference, with its scripts and styles served by us."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    url_name = "openapi"


def event_list(request: HttpRequest) -> HttpResponse:
    """List every type of event, by what it is about."""
    nouns = {noun: list(types) for noun, types in groupby(sorted(EVENT_TYPES), key=lambda name: name.partition(".")[0])}
    return render(request, "payments/events.html", {"nouns": nouns})


def error_list(request: HttpRequest) -> HttpResponse:
    """List every error code."""
    found = sorted(published_errors().values(), key=lambda error: (error.status, error.code))
    return _explain(request, found)


def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one error code; the `type` of problem documents leads here."""
    error = published_errors().get(code)
    if error is None:
        raise Http404(f"There is no error with the code {code}.")
    return _explain(request, [error])


def _explain(request: HttpRequest, found: list[type[PaymentsError]]) -> HttpResponse:
    explained = [
        {
            "code": error.code,
            "status": error.status,
            "title": error.title(),
            # Between backticks is what belongs to the wire: every second piece.
            "advice": error.advice().replace("\n", " ").split("`"),
        }
        for error in found
    ]
    return render(request, "payments/errors.html", {"errors": explained})
