"""Disputes: list, get, answer with evidence, accept."""

from typing import Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import EvidenceField, PublicIdField, StrictSerializer
from payments.api.idempotency import IDEMPOTENCY_KEY, as_response, idempotent_request
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import DisputeSchema
from payments.lifecycles import DisputeStatus
from payments.models.disputes import Dispute
from payments.models.payments import Payment
from payments.operations import disputes
from payments.operations.representations import represent_dispute
from payments.scopes import Scope


class EvidenceBody(StrictSerializer):
    """What speaks against a dispute."""

    evidence = EvidenceField(help_text="1 to 20 texts of up to 5,000 characters each, by names of your choice.")


class AcceptDisputeBody(StrictSerializer):
    """Nothing is needed to accept."""


class DisputeQuery(PageQuery):
    """How a list of disputes is narrowed."""

    starting_after = cursor(Dispute)
    ending_before = cursor(Dispute)
    payment = PublicIdField(Payment.PREFIX, required=False, source="payment_id")
    status = serializers.ChoiceField(choices=[status.value for status in DisputeStatus], required=False)


DISPUTE_ID: Final = OpenApiParameter("dispute_id", str, OpenApiParameter.PATH, description="`dp_…`")
_DELIVERED: Final = OpenApiExample(
    "A parcel that arrived",
    value={"evidence": {"shipping_carrier": "DHL", "receipt": "Signed for by the cardholder on 2026-01-31."}},
    request_only=True,
)


class DisputeList(APIView):
    """`/v1/disputes`"""

    scopes = {"GET": Scope.DISPUTES_READ}

    @extend_schema(
        operation_id="list_disputes",
        summary="List disputes, newest first",
        parameters=[DisputeQuery],
        responses={200: list_schema("DisputeList", DisputeSchema), **PROBLEMS},
        tags=["disputes"],
    )
    def get(self, request: Request) -> Response:
        """List disputes, newest first."""
        page, filters = DisputeQuery.read(request)
        found = disputes.list_disputes(caller=caller_of(request), page=page, filters=filters)
        return list_response(found, represent_dispute)


class DisputeDetail(APIView):
    """`/v1/disputes/{dispute_id}`"""

    scopes = {"GET": Scope.DISPUTES_READ}

    @extend_schema(
        operation_id="get_dispute",
        summary="Get one dispute",
        parameters=[DISPUTE_ID],
        responses={200: DisputeSchema, **PROBLEMS},
        tags=["disputes"],
    )
    def get(self, request: Request, dispute_id: str) -> Response:
        """Get one dispute."""
        found = disputes.get_dispute(caller=caller_of(request), dispute_id=id_in_path(Dispute, dispute_id))
        return Response(represent_dispute(found))


class DisputeEvidence(APIView):
    """`/v1/disputes/{dispute_id}/evidence`"""

    scopes = {"POST": Scope.DISPUTES_WRITE}

    @extend_schema(
        operation_id="submit_evidence",
        summary="Argue against a dispute",
        parameters=[DISPUTE_ID, IDEMPOTENCY_KEY],
        request=EvidenceBody,
        responses={200: DisputeSchema, **PROBLEMS},
        examples=[_DELIVERED],
        tags=["disputes"],
    )
    def post(self, request: Request, dispute_id: str) -> HttpResponse:
        """Send evidence, once and before it is due. The dispute is then under review until the processor's word."""
        identity = idempotent_request(request)
        body = EvidenceBody(data=request.data)
        body.is_valid(raise_exception=True)
        return as_response(
            disputes.submit_evidence(
                request=identity,
                dispute_id=id_in_path(Dispute, dispute_id),
                **body.validated_data,
                now=timezone.now(),
            )
        )


class DisputeAccept(APIView):
    """`/v1/disputes/{dispute_id}/accept`"""

    scopes = {"POST": Scope.DISPUTES_WRITE}

    @extend_schema(
        operation_id="accept_dispute",
        summary="Give a dispute up",
        parameters=[DISPUTE_ID, IDEMPOTENCY_KEY],
        request=AcceptDisputeBody,
        responses={200: DisputeSchema, **PROBLEMS},
        tags=["disputes"],
    )
    def post(self, request: Request, dispute_id: str) -> HttpResponse:
        """Give a dispute up: the amount and the fee are lost."""
        identity = idempotent_request(request)
        AcceptDisputeBody(data=request.data).is_valid(raise_exception=True)
        return as_response(
            disputes.accept_dispute(request=identity, dispute_id=id_in_path(Dispute, dispute_id), now=timezone.now())
        )
