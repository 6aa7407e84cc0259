"""Everything that goes wrong leaves as a problem document (RFC 9457), whoever raised it."""

import logging
from typing import Any, Final

from rest_framework import exceptions, serializers
from rest_framework.response import Response

from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from drf_standardized_errors.formatter import flatten_errors
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import ExceptionHandlerContext

from payments import errors
from payments.api.request_ids import request_id_of
from payments.api.schemas import DisputeSchema, PaymentSchema, PayoutSchema, RefundSchema
from payments.operations.representations import as_json

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1

logger = logging.getLogger(__name__)

# What the framework raises, in our terms.
_BY_STATUS: Final[dict[int, type[errors.PaymentsError]]] = {
    error.status: error
    for error in (
        errors.MalformedBody,
        errors.AuthenticationFailed,
        errors.PermissionDenied,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.NotAcceptable,
        errors.UnsupportedMediaType,
        errors.TooManyRequests,
    )
}


class FaultSchema(serializers.Serializer[Any]):
    """One field at fault."""

    param = serializers.CharField(allow_null=True, help_text="The path to the field: `metadata.order`.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSchema(serializers.Serializer[Any]):
    """An error, as RFC 9457 has it, with our own members."""

    type = serializers.URLField(help_text="A page that explains this code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened this time, and what to do.")
    instance = serializers.CharField(help_text="The path of the request.")
    code = serializers.CharField(help_text="Stable, for programs.")
    param = serializers.CharField(allow_null=True, help_text="The field at fault.")
    errors = FaultSchema(many=True, help_text="Each field at fault, where fields are.")  # type: ignore[assignment]
    request_id = serializers.CharField()
    decline_code = serializers.CharField(allow_null=True, required=False, help_text="Why the processor declined.")
    advice_code = serializers.CharField(allow_null=True, required=False, help_text="What the payer should do.")
    retryable = serializers.BooleanField(required=False, help_text="Whether the same payment method may work later.")
    payment = PaymentSchema(required=False, help_text="The payment as it stands after a decline.")
    refund = RefundSchema(required=False, help_text="The refund as it stands after it failed.")
    dispute = DisputeSchema(required=False, help_text="The dispute as it stands after an answer did not get there.")
    payout = PayoutSchema(required=False, help_text="The payout as it stands after it failed.")
    payment_id = serializers.CharField(required=False, help_text="The payment that has the merchant_reference.")
    payment_status = serializers.CharField(required=False, help_text="The status that does not allow the step.")
    dispute_status = serializers.CharField(required=False, help_text="The status that does not allow an answer.")
    amount_capturable = serializers.IntegerField(required=False, help_text="What can still be captured.")
    amount_refundable = serializers.IntegerField(required=False, help_text="What can still be refunded.")
    amount_available = serializers.IntegerField(required=False, help_text="What can be paid out.")
    required_scope = serializers.CharField(required=False, help_text="The scope that the key lacks.")


# What any address may answer; the docs have a page for each code.
PROBLEMS: Final = {
    (status, PROBLEM_JSON): ProblemSchema
    for status in (400, 401, 402, 403, 404, 409, 411, 413, 414, 415, 422, 429, 502, 503)
}


class ProblemHandler(ExceptionHandler):
    """Turns exceptions of ours, of the framework and unforeseen ones into problem documents."""

    def run(self) -> Response:
        """Return the answer."""
        problem = as_payments_error(self.convert_known_exceptions(self.exc))
        request = self.context["request"]
        assert request is not None, "views are called with a request"
        document = problem.as_problem(instance=request.path, request_id=request_id_of(request))
        self.set_rollback()
        response = Response(document, status=problem.status, content_type=PROBLEM_JSON, headers=headers_of(problem))
        allowed = getattr(self.context["view"], "allowed_methods", None)
        if isinstance(problem, errors.MethodNotAllowed) and allowed:
            response["Allow"] = ", ".join(allowed)
        if isinstance(problem, errors.InternalError):
            logger.error("%s %s failed", request.method, request.path, exc_info=self.exc)
        return response


def problem_response(exception: Exception, context: ExceptionHandlerContext) -> Response:
    """Return the answer for whatever a view raised."""
    return ProblemHandler(exception, context).run()


def as_payments_error(exception: Exception) -> errors.PaymentsError:
    """Return the error of ours that stands for `exception`."""
    match exception:
        case errors.PaymentsError():
            return exception
        case exceptions.APIException() if exception.status_code in _BY_STATUS:
            return _from_framework(exception)
        case SuspiciousOperation():
            return errors.InvalidRequest("The request holds more parameters than any address here takes.")
        case OperationalError():
            logger.error("the database cannot be used", exc_info=exception)
            return errors.ServiceUnavailable("The database cannot be reached. Repeat the request in a moment.")
        case _:
            return errors.InternalError("Something failed on our side; it has been logged.")


def _from_framework(exception: exceptions.APIException) -> errors.PaymentsError:
    match exception:
        case exceptions.ValidationError():
            return _invalid(exception)
        case exceptions.NotAuthenticated():
            return errors.AuthenticationFailed("No API key was sent. Send `Authorization: Bearer sk_…`.")
        case _:
            return _BY_STATUS[exception.status_code](str(exception.detail))


def headers_of(problem: errors.PaymentsError) -> dict[str, str]:
    """Return the HTTP headers that belong to an error."""
    match problem:
        case errors.AuthenticationFailed():
            return {"WWW-Authenticate": "Bearer"}
        case errors.RequestInProgress() | errors.TooManyRequests():
            return {"Retry-After": str(problem.retry_after_seconds)}
        case errors.ServiceUnavailable():
            return {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case _:
            return {}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django refuses to look at, for its Host header, say; Django's handler400."""
    return plain_problem(errors.InvalidRequest("The request's address or headers are not valid here."), request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer an address that leads nowhere; Django's handler404."""
    problem = errors.NotFound(f"There is nothing at {request.path}. The API is documented at /docs.")
    return plain_problem(problem, request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something failed outside the API's views; Django's handler500."""
    return plain_problem(errors.InternalError("Something failed on our side; it has been logged."), request)


def plain_problem(problem: errors.PaymentsError, request: HttpRequest) -> HttpResponse:
    """Return the problem document for a request that no view of the API has seen."""
    document = problem.as_problem(instance=request.path, request_id=request_id_of(request))
    return HttpResponse(as_json(document), status=problem.status, content_type=PROBLEM_JSON)


def _invalid(exception: exceptions.ValidationError) -> errors.InvalidRequest:
    faults = [
        {"param": fault.attr, "code": fault.code, "detail": fault.detail} for fault in flatten_errors(exception.detail)
    ]
    first = faults[0]
    summary = f"{first['param']}: {first['detail']}" if first["param"] else str(first["detail"])
    more = f" ({len(faults) - 1} more in `errors`)" if len(faults) > 1 else ""
    return errors.InvalidRequest(summary + more, param=first["param"], errors=faults)
