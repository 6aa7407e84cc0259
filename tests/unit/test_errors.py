"""Every error has a stable code, a status, a title and advice, and becomes one problem document."""

import re

import pytest

from payments import payout_errors, webhook_errors
from payments.errors import PaymentDeclined, PaymentsError, RequestInProgress, published_errors

# What was published once. A code is added here, and never renamed or given another status.
STATUSES = {
    "invalid_request": 400,
    "malformed_body": 400,
    "card_number_refused": 400,
    "idempotency_key_missing": 400,
    "signature_invalid": 400,
    "authentication_failed": 401,
    "payment_declined": 402,
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "payment_state_conflict": 409,
    "merchant_reference_taken": 409,
    "request_in_progress": 409,
    "length_required": 411,
    "body_too_large": 413,
    "address_too_long": 414,
    "unsupported_media_type": 415,
    "amount_exceeds_capturable": 422,
    "amount_exceeds_refundable": 422,
    "amount_exceeds_available": 422,
    "destination_missing": 422,
    "payout_declined": 402,
    "refund_declined": 402,
    "dispute_state_conflict": 409,
    "dispute_response_declined": 402,
    "idempotency_key_reused": 422,
    "no_processor_available": 422,
    "too_many_requests": 429,
    "internal_error": 500,
    "processor_unreachable": 502,
    "service_unavailable": 503,
    "webhook_address_refused": 422,
    "too_many_webhook_endpoints": 422,
    "webhook_endpoint_disabled": 409,
}
every_error = pytest.mark.parametrize("error", published_errors().values(), ids=published_errors().keys())


def test_the_published_codes_and_statuses_are_these() -> None:
    assert {code: error.status for code, error in published_errors().items()} == STATUSES


def test_no_two_errors_share_a_code() -> None:
    children = [error for error in PaymentsError.__subclasses__() if error.code]

    assert len({error.code for error in children}) == len(children)


def test_errors_of_other_modules_are_published_as_well() -> None:
    assert published_errors()["webhook_endpoint_disabled"] is webhook_errors.WebhookEndpointDisabled
    assert published_errors()["payout_declined"] is payout_errors.PayoutDeclined


@every_error
def test_an_error_has_a_title_and_says_what_to_do(error: type[PaymentsError]) -> None:
    assert re.fullmatch(r"[A-Z].{5,70}[^.]", error.title())
    assert error.advice().endswith(".")
    assert re.fullmatch(r"[a-z_]+", error.code)


def test_a_problem_document_has_every_member() -> None:
    declined = PaymentDeclined("The card was declined.", param="payment_method", decline_code="lost_card")

    document = declined.as_problem(instance="/v1/payments", request_id="req-1")

    assert document.pop("type").endswith("/docs/errors/payment_declined")
    assert document == {
        "title": "The processor declined",
        "status": 402,
        "detail": "The card was declined.",
        "instance": "/v1/payments",
        "code": "payment_declined",
        "param": "payment_method",
        "errors": [],
        "request_id": "req-1",
        "decline_code": "lost_card",
    }


def test_a_request_in_progress_says_when_to_come_back() -> None:
    error = RequestInProgress("Still running.", retry_after_seconds=3)

    assert error.retry_after_seconds == 3
    assert str(error) == "Still running."
