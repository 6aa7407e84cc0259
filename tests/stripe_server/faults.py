"""What the server can do wrong with the next request."""

from enum import Enum, auto


class Fault(Enum):
    """One way to answer badly, or not at all. Those named `…_BEFORE` and the refusals do not act; the others did."""

    DROP_BEFORE = auto()
    ERROR_BEFORE = auto()
    RATE_LIMITED = auto()
    KEY_REFUSED = auto()
    KEY_NOT_ALLOWED = auto()
    STILL_RUNNING = auto()
    DROP_AFTER = auto()
    RESET_AFTER = auto()
    ERROR_AFTER = auto()
    SLOW_AFTER = auto()
    GARBAGE_AFTER = auto()
    OTHER_JSON_AFTER = auto()
    TRUNCATED_AFTER = auto()

    @property
    def acts(self) -> bool:
        """Tell whether the request is carried out."""
        return self.name.endswith("_AFTER")


# Answers that Stripe gives without having acted: status, type and code of the error.
REFUSALS: dict[Fault, tuple[int, str, str | None]] = {
    Fault.ERROR_BEFORE: (500, "api_error", None),
    Fault.RATE_LIMITED: (429, "invalid_request_error", "rate_limit"),
    Fault.KEY_REFUSED: (401, "invalid_request_error", None),
    Fault.KEY_NOT_ALLOWED: (403, "invalid_request_error", "more_permissions_required"),
    Fault.STILL_RUNNING: (409, "idempotency_error", "idempotency_key_in_use"),
}
