"""Discrepancies: list, get."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_spectacular.utils import OpenApiParameter, extend_schema

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import PublicIdField
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import DiscrepancySchema
from payments.lifecycles import DiscrepancyStatus
from payments.models.payments import Payment
from payments.models.reconciliation import Discrepancy, DiscrepancyKind
from payments.operations import discrepancies
from payments.operations.representations import represent_discrepancy
from payments.scopes import Scope


class DiscrepancyQuery(PageQuery):
    """How a list of discrepancies is narrowed."""

    starting_after = cursor(Discrepancy)
    ending_before = cursor(Discrepancy)
    status = serializers.ChoiceField(choices=[status.value for status in DiscrepancyStatus], required=False)
    kind = serializers.ChoiceField(choices=[kind.value for kind in DiscrepancyKind], required=False)
    payment = PublicIdField(Payment.PREFIX, required=False, source="payment_id")


class DiscrepancyList(APIView):
    """`/v1/discrepancies`"""

    scopes = {"GET": Scope.DISCREPANCIES_READ}

    @extend_schema(
        operation_id="list_discrepancies",
        summary="List discrepancies, newest first",
        parameters=[DiscrepancyQuery],
        responses={200: list_schema("DiscrepancyList", DiscrepancySchema), **PROBLEMS},
        tags=["discrepancies"],
    )
    def get(self, request: Request) -> Response:
        """List what does not match, newest first."""
        page, filters = DiscrepancyQuery.read(request)
        found = discrepancies.list_discrepancies(caller=caller_of(request), page=page, filters=filters)
        return list_response(found, represent_discrepancy)


class DiscrepancyDetail(APIView):
    """`/v1/discrepancies/{discrepancy_id}`"""

    scopes = {"GET": Scope.DISCREPANCIES_READ}

    @extend_schema(
        operation_id="get_discrepancy",
        summary="Get one discrepancy",
        parameters=[OpenApiParameter("discrepancy_id", str, OpenApiParameter.PATH, description="`dis_…`")],
        responses={200: DiscrepancySchema, **PROBLEMS},
        tags=["discrepancies"],
    )
    def get(self, request: Request, discrepancy_id: str) -> Response:
        """Get one discrepancy."""
        found = discrepancies.get_discrepancy(
            caller=caller_of(request), discrepancy_id=id_in_path(Discrepancy, discrepancy_id)
        )
        return Response(represent_discrepancy(found))
