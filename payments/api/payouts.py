"""Payouts: create, list, get."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import AmountField, CurrencyField, MetadataField, StrictSerializer, StrictTextField
from payments.api.idempotency import IDEMPOTENCY_KEY, as_response, idempotent_request
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import PayoutSchema
from payments.lifecycles import PayoutStatus
from payments.models.payouts import Payout
from payments.operations import payouts
from payments.operations.representations import represent_payout
from payments.scopes import Scope


class CreatePayoutBody(StrictSerializer):
    """What a payout is created from."""

    amount = AmountField(
        required=False, allow_null=True, default=None, help_text="In minor units; all that is available, if not given."
    )
    currency = CurrencyField(help_text="ISO 4217, upper case.")
    destination = StrictTextField(
        required=False,
        allow_null=True,
        default=None,
        max_length=255,
        help_text="The processor's token of a bank account; that of the payout schedule, if not given.",
    )
    description = StrictTextField(required=False, allow_null=True, default=None, max_length=1000)
    metadata = MetadataField(required=False, default=dict)


class PayoutQuery(PageQuery):
    """How a list of payouts is narrowed."""

    starting_after = cursor(Payout)
    ending_before = cursor(Payout)
    status = serializers.ChoiceField(choices=[status.value for status in PayoutStatus], required=False)
    currency = CurrencyField(required=False)


class PayoutList(APIView):
    """`/v1/payouts`"""

    scopes = {"GET": Scope.PAYOUTS_READ, "POST": Scope.PAYOUTS_WRITE}

    @extend_schema(
        operation_id="create_payout",
        summary="Pay out a part or all of what is available",
        parameters=[IDEMPOTENCY_KEY],
        request=CreatePayoutBody,
        responses={201: PayoutSchema, **PROBLEMS},
        tags=["payouts"],
    )
    def post(self, request: Request) -> HttpResponse:
        """Pay out. However many payouts are asked for at once, together they are never more than is available."""
        identity = idempotent_request(request)
        body = CreatePayoutBody(data=request.data)
        body.is_valid(raise_exception=True)
        return as_response(payouts.create_payout(request=identity, **body.validated_data, now=timezone.now()))

    @extend_schema(
        operation_id="list_payouts",
        summary="List payouts, newest first",
        parameters=[PayoutQuery],
        responses={200: list_schema("PayoutList", PayoutSchema), **PROBLEMS},
        tags=["payouts"],
    )
    def get(self, request: Request) -> Response:
        """List payouts, newest first."""
        page, filters = PayoutQuery.read(request)
        found = payouts.list_payouts(caller=caller_of(request), page=page, filters=filters)
        return list_response(found, represent_payout)


class PayoutDetail(APIView):
    """`/v1/payouts/{payout_id}`"""

    scopes = {"GET": Scope.PAYOUTS_READ}

    @extend_schema(
        operation_id="get_payout",
        summary="Get one payout",
        parameters=[OpenApiParameter("payout_id", str, OpenApiParameter.PATH, description="`po_…`")],
        responses={200: PayoutSchema, **PROBLEMS},
        tags=["payouts"],
    )
    def get(self, request: Request, payout_id: str) -> Response:
        """Get one payout."""
        found = payouts.get_payout(caller=caller_of(request), payout_id=id_in_path(Payout, payout_id))
        return Response(represent_payout(found))
