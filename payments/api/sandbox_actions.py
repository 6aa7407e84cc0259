"""The sandbox's page for payers: an HTML form that needs no key and no JavaScript, but its secret address."""

from typing import Final
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from payments.errors import NotFound
from payments.operations import sandbox_actions
from payments.operations.sandbox_actions import ActionPage

_DECISIONS: Final = {"approve": True, "refuse": False}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def action_page(request: HttpRequest, reference: str) -> HttpResponse:
    """Show the page, or take the payer's decision and send them back to the merchant.

    A decision that comes too late changes nothing: the page says what was decided (409).
    """
    now = timezone.now()
    try:
        if request.method != "POST":
            return _show(request, sandbox_actions.read_page(reference=reference, now=now))
        approved = _DECISIONS.get(request.POST.get("decision", ""))
        if approved is None:
            return _show(request, sandbox_actions.read_page(reference=reference, now=now), status=400)
        page, decided = sandbox_actions.decide(reference=reference, approved=approved, now=now)
    except NotFound as error:
        raise Http404 from error
    if not decided:
        return _show(request, page, status=409)
    if page.return_address is None:
        return _show(request, page)
    response = HttpResponseRedirect(page.return_address)
    # The browser comes to the merchant with GET.
    response.status_code = 303
    response["Content-Security-Policy"] = _policy(page)
    return response


def _show(request: HttpRequest, page: ActionPage, *, status: int = 200) -> HttpResponse:
    response = render(request, "payments/sandbox_action.html", {"page": page}, status=status)
    response["Content-Security-Policy"] = _policy(page)
    return response


def _policy(page: ActionPage) -> str:
    """Return what the browser may do: load our style, and send the form to us and on to the merchant."""
    targets = "'self'"
    if page.return_address is not None:
        parts = urlsplit(page.return_address)
        targets += f" {parts.scheme}://{parts.netloc}"
    return f"default-src 'none'; style-src 'self'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
