"""What the OpenAPI document says of each operation beside what its view says: its scope and the rate limit."""

from typing import Any, Final

from payments.api.authentication import scope_of
from payments.api.openapi import OpenApiSchema
from payments.api.rate_limits import POLICY, REMAINING

_HEADERS: Final = {
    POLICY: {
        "description": "The key's rate limit: `q` requests at once, and all of them again after `w` seconds.",
        "schema": {"type": "string"},
        "example": '"default";q=200;w=2',
    },
    REMAINING: {
        "description": "`r` more requests can be sent at once; in `t` seconds it is all of them.",
        "schema": {"type": "string"},
        "example": '"default";r=199;t=1',
    },
}
_RETRY_AFTER: Final = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
# These are answered before a key is known.
_UNCOUNTED: Final = frozenset({"401", "411", "414"})


class OperationSchema(OpenApiSchema):
    """Adds the scope that an operation needs, and the headers of its answers."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation, as OpenAPI has it."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        needed = scope_of(self.view, self.method)
        if operation is None or needed is None:
            return operation
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds the scope `{needed}`.".strip()
        operation["x-required-scope"] = str(needed)
        for status, response in operation["responses"].items():
            if status not in _UNCOUNTED:
                response.setdefault("headers", {}).update(_HEADERS)
            if status == "429":
                response["headers"]["Retry-After"] = _RETRY_AFTER
        return operation
