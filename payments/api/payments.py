"""Payments: create, list, get, confirm, capture, cancel."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import (
    AmountField,
    CurrencyField,
    MetadataField,
    ReturnUrlField,
    StrictFlagField,
    StrictSerializer,
    StrictTextField,
)
from payments.api.idempotency import IDEMPOTENCY_KEY, as_response, idempotent_request
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import PaymentSchema
from payments.lifecycles import CaptureMethod, PaymentStatus
from payments.models.payments import Payment
from payments.operations import payments
from payments.operations.callers import Answer
from payments.operations.representations import represent_payment
from payments.scopes import Scope


class CreatePaymentBody(StrictSerializer):
    """What a payment is created from."""

    amount = AmountField(help_text="In minor units: 1999 is 19.99 EUR, 500 is 500 JPY.")
    currency = CurrencyField(help_text="ISO 4217, upper case.")
    capture_method = serializers.ChoiceField(
        choices=[method.value for method in CaptureMethod], default=CaptureMethod.AUTOMATIC.value
    )
    confirm = StrictFlagField(default=True, help_text="Authorize at once; needs a payment method.")
    payment_method = StrictTextField(
        required=False, allow_null=True, default=None, max_length=255, help_text="A token: `pm_card_visa`."
    )
    merchant_reference = StrictTextField(
        required=False, allow_null=True, default=None, max_length=255, help_text="Yours; unique for ever."
    )
    description = StrictTextField(required=False, allow_null=True, default=None, max_length=1000)
    metadata = MetadataField(required=False, default=dict)
    return_url = ReturnUrlField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for the payment method where the payment is to be authorized now."""
        if attrs["confirm"] and attrs["payment_method"] is None:
            raise serializers.ValidationError(
                {"payment_method": ["Send a payment_method, or confirm: false to add one later."]}, code="required"
            )
        attrs["capture_method"] = CaptureMethod(attrs["capture_method"])
        return attrs


class ConfirmPaymentBody(StrictSerializer):
    """With what a payment is confirmed."""

    payment_method = StrictTextField(required=False, allow_null=True, default=None, max_length=255)
    return_url = ReturnUrlField(required=False, allow_null=True, default=None)


class CapturePaymentBody(StrictSerializer):
    """How much is captured."""

    amount = AmountField(required=False, allow_null=True, default=None, help_text="All that is left, if not given.")
    final_capture = StrictFlagField(default=False, help_text="Give what is left back to the payer.")


class CancelPaymentBody(StrictSerializer):
    """Nothing is needed to cancel."""


class PaymentQuery(PageQuery):
    """How a list of payments is narrowed."""

    starting_after = cursor(Payment)
    ending_before = cursor(Payment)
    status = serializers.ChoiceField(choices=[status.value for status in PaymentStatus], required=False)
    currency = CurrencyField(required=False)
    merchant_reference = StrictTextField(max_length=255, required=False)
    created_at_gte = serializers.DateTimeField(required=False, source="created_at__gte")
    created_at_lt = serializers.DateTimeField(required=False, source="created_at__lt")


PAYMENT_ID = OpenApiParameter("payment_id", str, OpenApiParameter.PATH, description="`pay_…`")
_CARD_PAYMENT = OpenApiExample(
    "A card payment",
    value={"amount": 1999, "currency": "EUR", "payment_method": "pm_card_visa", "merchant_reference": "order-1001"},
    request_only=True,
)


class PaymentList(APIView):
    """`/v1/payments`"""

    scopes = {"GET": Scope.PAYMENTS_READ, "POST": Scope.PAYMENTS_WRITE}

    @extend_schema(
        operation_id="create_payment",
        summary="Take a payment, or begin one",
        parameters=[IDEMPOTENCY_KEY],
        request=CreatePaymentBody,
        responses={201: PaymentSchema, **PROBLEMS},
        examples=[_CARD_PAYMENT],
        tags=["payments"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Create a payment, and authorize (and capture) it at once unless told otherwise."""
        identity = idempotent_request(request)
        body = CreatePaymentBody(data=request.data)
        body.is_valid(raise_exception=True)
        return as_response(payments.create_payment(request=identity, **body.validated_data, now=timezone.now()))

    @extend_schema(
        operation_id="list_payments",
        summary="List payments, newest first",
        parameters=[PaymentQuery],
        responses={200: list_schema("PaymentList", PaymentSchema), **PROBLEMS},
        tags=["payments"],
    )
    def get(self, request: Request) -> Response:
        """List payments, newest first."""
        page, filters = PaymentQuery.read(request)
        found = payments.list_payments(caller=caller_of(request), page=page, filters=filters)
        return list_response(found, represent_payment)


class PaymentDetail(APIView):
    """`/v1/payments/{payment_id}`"""

    scopes = {"GET": Scope.PAYMENTS_READ}

    @extend_schema(
        operation_id="get_payment",
        summary="Get one payment",
        parameters=[PAYMENT_ID],
        responses={200: PaymentSchema, **PROBLEMS},
        tags=["payments"],
    )
    def get(self, request: Request, payment_id: str) -> Response:
        """Get one payment."""
        found = payments.get_payment(caller=caller_of(request), payment_id=id_in_path(Payment, payment_id))
        return Response(represent_payment(found))


class _PaymentStep(APIView):
    """A step of one payment: reads the body, makes the step, returns its answer."""

    scopes = {"POST": Scope.PAYMENTS_WRITE}
    body: type[StrictSerializer]
    step: Callable[..., Answer]

    def post(self, request: Request, payment_id: str) -> HttpResponse:
        """Make the step."""
        identity = idempotent_request(request)
        body = self.body(data=request.data)
        body.is_valid(raise_exception=True)
        answer = type(self).step(
            request=identity, payment_id=id_in_path(Payment, payment_id), **body.validated_data, now=timezone.now()
        )
        return as_response(answer)


def _describe_step(name: str, body: type[StrictSerializer], summary: str) -> Callable[[type], type]:
    return extend_schema_view(
        post=extend_schema(
            operation_id=f"{name}_payment",
            summary=summary,
            parameters=[PAYMENT_ID, IDEMPOTENCY_KEY],
            request=body,
            responses={200: PaymentSchema, **PROBLEMS},
            tags=["payments"],
        )
    )


@_describe_step("confirm", ConfirmPaymentBody, "Authorize a payment that waits for it")
class PaymentConfirm(_PaymentStep):
    """`/v1/payments/{payment_id}/confirm`"""

    body = ConfirmPaymentBody
    step = payments.confirm_payment


@_describe_step("capture", CapturePaymentBody, "Capture what was authorized, all or a part of it")
class PaymentCapture(_PaymentStep):
    """`/v1/payments/{payment_id}/capture`"""

    body = CapturePaymentBody
    step = payments.capture_payment


@_describe_step("cancel", CancelPaymentBody, "Cancel a payment and give back what is reserved")
class PaymentCancel(_PaymentStep):
    """`/v1/payments/{payment_id}/cancel`"""

    body = CancelPaymentBody
    step = payments.cancel_payment
