"""API keys: `Authorization: Bearer sk_test_…` names the merchant and the mode, and says what may be done.

Every view of the API declares the scope that each of its methods needs:

    scopes = {"GET": Scope.PAYMENTS_READ, "POST": Scope.PAYMENTS_WRITE}

A method without one is refused, and tests/api/test_scopes.py fails.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from payments.api.client_address import client_address_of
from payments.api.rate_limits import note_allowance
from payments.errors import AuthenticationFailed, PermissionDenied, TooManyRequests
from payments.operations import key_uses
from payments.operations.callers import Caller
from payments.operations.key_uses import KeyUse
from payments.scopes import Scope, allow

if TYPE_CHECKING:
    # The framework imports this module while its own views are being loaded.
    from rest_framework.views import APIView


class ApiKeyAuthentication(BaseAuthentication):
    """Recognizes a merchant by a secret key; `request.auth` is then the `KeyUse`."""

    def authenticate(self, request: Request) -> tuple[None, KeyUse] | None:
        """Return the use of the key, or None where no key was sent.

        Raises:
            AuthenticationFailed: what was sent is not a valid key.
            PermissionDenied: the key is not for use from the client's address.
            TooManyRequests: the key's rate limit is used up.
        """
        header = get_authorization_header(request).split()
        if not header:
            return None
        if len(header) != 2 or header[0].lower() != b"bearer":
            raise AuthenticationFailed("Send the key as `Authorization: Bearer sk_…`.")
        use = key_uses.use_api_key(secret=header[1].decode("latin-1"), address=client_address_of(request))
        note_allowance(request, use.allowance)
        if (seconds := use.allowance.retry_after_seconds) is not None:
            raise TooManyRequests(
                f"This key has sent too many requests. Wait for {seconds} s.", retry_after_seconds=seconds
            )
        return None, use

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 names in WWW-Authenticate."""
        return "Bearer"


class HasScope(BasePermission):
    """Lets in requests with a key that has the scope which the view's method needs."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether the key may do this.

        Raises:
            PermissionDenied: it lacks the scope.
        """
        if not isinstance(request.auth, KeyUse):
            return False
        method = request.method or ""
        needed = scope_of(view, method)
        if needed is None:
            # What the view does not take is refused for that reason; what it takes and no scope is declared for, here.
            return method == "OPTIONS" or not hasattr(view, method.lower())
        held = request.auth.scopes
        if not allow(held, needed):
            raise PermissionDenied(
                f"This needs the scope {needed}; this key has {', '.join(sorted(held))}.", required_scope=needed
            )
        return True


def scope_of(view: "APIView | type[APIView]", method: str) -> Scope | None:
    """Return the scope that a method of a view needs, if one is declared."""
    declared: Mapping[str, Scope] = getattr(view, "scopes", {})
    return declared.get("GET" if method == "HEAD" else method)


def caller_of(request: Request) -> Caller:
    """Return who asks; only for views that `HasScope` guards."""
    assert isinstance(request.auth, KeyUse)
    return request.auth.caller
