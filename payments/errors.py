"""Everything that can go wrong with a request, as one tree of exceptions.

Each class is a page of the docs: its code and HTTP status never change once published, the first line of
its docstring is the title, the rest says what to do. The API turns them into problem documents (RFC 9457).
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from payments import conf


class PaymentsError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = ""
    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, param: str | None = None, **members: Any) -> None:
        """Take what happened this time, the field at fault, and further members of the problem document."""
        super().__init__(detail)
        self.detail = detail
        self.param = param
        self.members = members

    @classmethod
    def title(cls) -> str:
        """Return the title: the docstring's first line."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0].rstrip(".")

    @classmethod
    def advice(cls) -> str:
        """Return what to do about it: the docstring after its first line."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[2].strip()

    def as_problem(self, *, instance: str, request_id: str) -> dict[str, Any]:
        """Return the problem document for a request to the path `instance`."""
        return {
            "type": f"{conf.public_url()}/docs/errors/{self.code}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "param": self.param,
            "errors": [],
            "request_id": request_id,
            **self.members,
        }


class InvalidRequest(PaymentsError):
    """The request is not valid.

    `errors` lists every field at fault with its own message; `param` names the first. Nothing was stored:
    correct the request and send it again, the idempotency key is still free.
    """

    code = "invalid_request"
    status = 400


class MalformedBody(PaymentsError):
    """The body is not a JSON object.

    Send one JSON object in UTF-8 with `Content-Type: application/json`.
    """

    code = "malformed_body"
    status = 400


class CardNumberRefused(PaymentsError):
    """The request holds what looks like a card number.

    This API takes payment methods by token only, so that no card number reaches our systems. `param` names
    the field. Create a token with the processor and send that; leave card numbers out of references and
    metadata too.
    """

    code = "card_number_refused"
    status = 400


class IdempotencyKeyMissing(PaymentsError):
    """The Idempotency-Key header is missing or not usable.

    Every POST that moves money needs the header: 1 to 255 printable ASCII characters, new for each payment
    you mean to make and the same when you repeat a request. A random UUID does well.
    """

    code = "idempotency_key_missing"
    status = 400


class AuthenticationFailed(PaymentsError):
    """The API key is missing, unknown, expired or revoked.

    Send `Authorization: Bearer sk_test_…` (or `sk_live_…`) with a key of this platform. A key that was rolled ends when
    its overlap is over: use the one that has taken its place.
    """

    code = "authentication_failed"
    status = 401


class PermissionDenied(PaymentsError):
    """This key may not do that.

    Where `required_scope` is given, the key lacks that scope: use a key that has it. Otherwise the request comes from
    an address outside the networks that the key is kept to; `detail` names the address that we see.
    """

    code = "permission_denied"
    status = 403


class NotFound(PaymentsError):
    """There is no such object.

    It does not exist, belongs to another merchant or was made in the other mode: a test key never sees live
    objects, nor a live key test objects.
    """

    code = "not_found"
    status = 404


class MethodNotAllowed(PaymentsError):
    """This address does not take that HTTP method.

    The `Allow` header of the answer lists those it takes.
    """

    code = "method_not_allowed"
    status = 405


class NotAcceptable(PaymentsError):
    """The answer cannot be given in the form that was asked for.

    Accept `application/json`.
    """

    code = "not_acceptable"
    status = 406


class LengthRequired(PaymentsError):
    """The body is sent without saying how long it is.

    Send a `Content-Length` header instead of `Transfer-Encoding: chunked`. Nothing was read of the body and
    nothing was done.
    """

    code = "length_required"
    status = 411


class BodyTooLarge(PaymentsError):
    """The body is too large.

    No request of this API needs more than 64 KiB; a processor's news may have 256 KiB.
    """

    code = "body_too_large"
    status = 413


class AddressTooLong(PaymentsError):
    """The address is too long.

    Path and query together have at most 4,096 characters, which is more than all filters of a list need.
    """

    code = "address_too_long"
    status = 414


class UnsupportedMediaType(PaymentsError):
    """The body is not sent as JSON.

    Send `Content-Type: application/json`.
    """

    code = "unsupported_media_type"
    status = 415


class TooManyRequests(PaymentsError):
    """There were too many requests in a short time.

    Wait for the seconds in the `Retry-After` header. Nothing was done by this request, and its idempotency key is still
    free. Each answer says in its `RateLimit` header how many requests the key has left.
    """

    code = "too_many_requests"
    status = 429

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        """Take in how many seconds the next request is let through."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class PaymentStateConflict(PaymentsError):
    """The payment's status does not allow that now.

    Fetch the payment and look at `status`. While it is `processing` another request about it is under way:
    wait for its result. Nothing was changed by this request.
    """

    code = "payment_state_conflict"
    status = 409


class DisputeStateConflict(PaymentsError):
    """The dispute cannot be answered now.

    Fetch the dispute and look at `status` and `evidence_due_at`. It is answered once, while it is `needs_response`;
    evidence only until it is due. While an answer is on its way, wait for its result. Nothing was changed by this
    request.
    """

    code = "dispute_state_conflict"
    status = 409


class MerchantReferenceTaken(PaymentsError):
    """Another payment already has this merchant_reference.

    A reference is unique for ever, so that one order is never paid twice. Look the payment up with
    `GET /v1/payments?merchant_reference=…` and carry on with it.
    """

    code = "merchant_reference_taken"
    status = 409


class RequestInProgress(PaymentsError):
    """A request with this idempotency key is still running.

    Repeat it after the seconds in the `Retry-After` header: you will get the first request's answer.
    """

    code = "request_in_progress"
    status = 409

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        """Take in how many seconds a retry is worth while."""
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class AmountExceedsCapturable(PaymentsError):
    """The amount is more than can still be captured.

    Capture at most the payment's `amount_capturable`. Nothing was captured by this request.
    """

    code = "amount_exceeds_capturable"
    status = 422


class AmountExceedsRefundable(PaymentsError):
    """The amount is more than can still be refunded.

    Refund at most what was captured and is neither refunded nor on its way back, disputed or lost in a dispute. Nothing
    was refunded by this request.
    """

    code = "amount_exceeds_refundable"
    status = 422


class IdempotencyKeyReused(PaymentsError):
    """This idempotency key was used with another request.

    A key belongs to one request: same method, path and body. Take a new key for a new request.
    """

    code = "idempotency_key_reused"
    status = 422


class NoProcessorAvailable(PaymentsError):
    """No processor takes payments in this mode.

    Test mode works out of the box with the sandbox. Live mode needs a processor that your platform's operators
    have set up.
    """

    code = "no_processor_available"
    status = 422


class PaymentDeclined(PaymentsError):
    """The processor declined.

    `decline_code` says why, `advice_code` what to do, and `retryable` whether the same card may work later.
    `payment` is the payment as it stands: confirm it with another payment method, or cancel it.
    """

    code = "payment_declined"
    status = 402


class RefundDeclined(PaymentsError):
    """The processor did not accept the refund.

    `refund` is the refund as it stands, and nothing went back to the payer. Where `retryable` is true, refund again
    under a new idempotency key.
    """

    code = "refund_declined"
    status = 402


class DisputeResponseDeclined(PaymentsError):
    """The processor did not take the answer to the dispute.

    `dispute` is the dispute as it stands: no evidence was handed in, and nothing was accepted. `decline_code` says why.
    Where `retryable` is true, answer again under a new idempotency key.
    """

    code = "dispute_response_declined"
    status = 402


class ProcessorUnreachable(PaymentsError):
    """The processor could not be reached.

    Nothing was sent to it and no money moved. `payment`, `refund`, `dispute` or `payout` is what it was about, as it
    stands: repeat the step under a new idempotency key. Where none of them is there, the processor has not answered
    for a while and was not even tried: nothing was stored, and the same key can be used again in half a minute.
    """

    code = "processor_unreachable"
    status = 502


class InternalError(PaymentsError):
    """Something failed on our side.

    Repeat the request under the same idempotency key: it is carried to its end, never done twice. Give
    `request_id` to support if it goes on.
    """

    code = "internal_error"
    status = 500


class ServiceUnavailable(PaymentsError):
    """The platform cannot answer right now.

    Repeat the request under the same idempotency key after the seconds in the `Retry-After` header.
    """

    code = "service_unavailable"
    status = 503


def published_errors() -> Mapping[str, type[PaymentsError]]:
    """Return every error with a code, by code."""
    return {error.code: error for error in _descendants(PaymentsError) if error.code}


def _descendants(error: type[PaymentsError]) -> Iterator[type[PaymentsError]]:
    for child in error.__subclasses__():
        yield child
        yield from _descendants(child)
