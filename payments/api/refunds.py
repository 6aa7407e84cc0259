"""Refunds: create, list, get."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import AmountField, MetadataField, PublicIdField, StrictSerializer, StrictTextField
from payments.api.idempotency import IDEMPOTENCY_KEY, as_response, idempotent_request
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import RefundSchema
from payments.lifecycles import RefundStatus
from payments.models.payments import Payment
from payments.models.refunds import Refund
from payments.operations import refunds
from payments.operations.representations import represent_refund
from payments.scopes import Scope


class CreateRefundBody(StrictSerializer):
    """What a refund is created from."""

    payment = PublicIdField(Payment.PREFIX, source="payment_id")
    amount = AmountField(required=False, allow_null=True, default=None, help_text="All that is left, if not given.")
    reason = StrictTextField(required=False, allow_null=True, default=None, max_length=255)
    metadata = MetadataField(required=False, default=dict)


class RefundQuery(PageQuery):
    """How a list of refunds is narrowed."""

    starting_after = cursor(Refund)
    ending_before = cursor(Refund)
    payment = PublicIdField(Payment.PREFIX, required=False, source="payment_id")
    status = serializers.ChoiceField(choices=[status.value for status in RefundStatus], required=False)


class RefundList(APIView):
    """`/v1/refunds`"""

    scopes = {"GET": Scope.REFUNDS_READ, "POST": Scope.REFUNDS_WRITE}

    @extend_schema(
        operation_id="create_refund",
        summary="Give back a part or all of a payment",
        parameters=[IDEMPOTENCY_KEY],
        request=CreateRefundBody,
        responses={201: RefundSchema, **PROBLEMS},
        tags=["refunds"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Refund a payment. What is refunded and on its way back is together never more than what was captured."""
        identity = idempotent_request(request)
        body = CreateRefundBody(data=request.data)
        body.is_valid(raise_exception=True)
        return as_response(refunds.create_refund(request=identity, **body.validated_data, now=timezone.now()))

    @extend_schema(
        operation_id="list_refunds",
        summary="List refunds, newest first",
        parameters=[RefundQuery],
        responses={200: list_schema("RefundList", RefundSchema), **PROBLEMS},
        tags=["refunds"],
    )
    def get(self, request: Request) -> Response:
        """List refunds, newest first."""
        page, filters = RefundQuery.read(request)
        found = refunds.list_refunds(caller=caller_of(request), page=page, filters=filters)
        return list_response(found, represent_refund)


class RefundDetail(APIView):
    """`/v1/refunds/{refund_id}`"""

    scopes = {"GET": Scope.REFUNDS_READ}

    @extend_schema(
        operation_id="get_refund",
        summary="Get one refund",
        parameters=[OpenApiParameter("refund_id", str, OpenApiParameter.PATH, description="`re_…`")],
        responses={200: RefundSchema, **PROBLEMS},
        tags=["refunds"],
    )
    def get(self, request: Request, refund_id: str) -> Response:
        """Get one refund."""
        found = refunds.get_refund(caller=caller_of(request), refund_id=id_in_path(Refund, refund_id))
        return Response(represent_refund(found))
