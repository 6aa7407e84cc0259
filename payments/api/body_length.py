"""Bodies without a length are refused, because Django would not read them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from payments.api.errors import plain_problem
from payments.errors import LengthRequired


class BodyLengthMiddleware:
    """Answers 411 to a chunked body.

    WSGI has no length for it, so Django takes it for empty: a capture of a part, sent so, would be one of all.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass requests on whose body has a length, or that have none."""
        if "Transfer-Encoding" in request.headers:
            return plain_problem(LengthRequired("Send the body with Content-Length, not in chunks."), request)
        return self.get_response(request)
