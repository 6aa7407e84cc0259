"""Request ids: taken from the client or made here, and given back on every answer."""

import re
from collections.abc import Callable

from rest_framework.request import Request

from django.http import HttpRequest, HttpResponse

from payments.public_ids import encode, new_uuid

HEADER = "X-Request-Id"
_USABLE = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestIdMiddleware:
    """Gives every request an id, which logs, problem documents and the answer's X-Request-Id carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Use the client's id where it is safe to repeat, and a new one where not."""
        offered = request.headers.get(HEADER, "")
        request_id = offered if _USABLE.fullmatch(offered) else encode("req", new_uuid())
        request.META["payments.request_id"] = request_id
        response = self.get_response(request)
        response[HEADER] = request_id
        return response


def request_id_of(request: HttpRequest | Request) -> str:
    """Return the id of a request."""
    return str(request.META["payments.request_id"])
