"""The RateLimit headers (draft-ietf-httpapi-ratelimit-headers): what an API key may ask for, and what is left of it."""

from collections.abc import Callable
from typing import Final

from rest_framework.request import Request

from django.http import HttpRequest, HttpResponse

from payments.operations.key_uses import Allowance

POLICY: Final = "RateLimit-Policy"
REMAINING: Final = "RateLimit"
_NOTE: Final = "payments.allowance"


def note_allowance(request: Request, allowance: Allowance) -> None:
    """Have the answer to a request carry what is left of its key's rate limit."""
    request.META[_NOTE] = allowance


class RateLimitHeadersMiddleware:
    """Puts the headers on every answer to a request that was counted, whatever became of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers."""
        response = self.get_response(request)
        allowance = request.META.get(_NOTE)
        if allowance is not None:
            response[POLICY] = f'"default";q={allowance.burst};w={allowance.window_seconds}'
            response[REMAINING] = f'"default";r={allowance.remaining};t={allowance.full_in_seconds}'
        return response
