"""The Idempotency-Key header, and what a stored answer looks like over HTTP."""

import hashlib
import json
import re
from typing import Final

from rest_framework.request import Request

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter

from payments.api.authentication import caller_of
from payments.api.errors import JSON, PROBLEM_JSON
from payments.api.request_ids import request_id_of
from payments.errors import IdempotencyKeyMissing
from payments.operations.callers import Answer, IdempotentRequest

HEADER: Final = "Idempotency-Key"
_USABLE: Final = re.compile(r"[\x21-\x7e]{1,255}")

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    HEADER,
    # The same as _USABLE, in JSON.
    type={"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    location=OpenApiParameter.HEADER,
    required=True,
    description="New for each payment you mean to make, the same when you repeat a request. A random UUID does well.",
)


def idempotent_request(request: Request) -> IdempotentRequest:
    """Return the request's identity: caller, key and a fingerprint of method, path and canonical body.

    Raises:
        IdempotencyKeyMissing: the header is not there or not usable.
    """
    key = request.headers.get(HEADER, "")
    if not _USABLE.fullmatch(key):
        raise IdempotencyKeyMissing(
            f"Send an {HEADER} header of 1 to 255 printable ASCII characters without blanks,"
            " new for each payment and the same when you repeat a request.",
            param=HEADER,
        )
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    fingerprint = hashlib.sha256(f"{request.method}\n{request.path}\n{canonical}".encode()).hexdigest()
    return IdempotentRequest(
        caller=caller_of(request),
        key=key,
        fingerprint=fingerprint,
        path=request.path,
        request_id=request_id_of(request),
    )


def as_response(answer: Answer) -> HttpResponse:
    """Return the stored answer as it was the first time, and say so where it is a repetition."""
    response = HttpResponse(
        answer.body,
        status=answer.status,
        content_type=PROBLEM_JSON if answer.status >= 400 else JSON,
    )
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return response
