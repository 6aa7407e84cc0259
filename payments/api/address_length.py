"""Addresses that are too long are refused by us, in words that programs read, before gunicorn does it in HTML."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from payments.api.errors import plain_problem
from payments.errors import AddressTooLong

# Every filter of a list at its longest fits. Gunicorn takes about twice as much.
ADDRESS_CHARACTERS_MAX: Final = 4096


class AddressLengthMiddleware:
    """Answers 414 where path and query are longer than any that mean something here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Keep the rest of the chain."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass requests on whose address has a usual length."""
        if len(request.get_full_path()) > ADDRESS_CHARACTERS_MAX:
            problem = AddressTooLong(f"Path and query are longer than {ADDRESS_CHARACTERS_MAX} characters.")
            return plain_problem(problem, request)
        return self.get_response(request)
