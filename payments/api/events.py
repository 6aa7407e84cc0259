"""The event log: what changed, in order."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_field

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import PublicIdField
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import (
    DiscrepancySchema,
    DisputeSchema,
    PaymentSchema,
    PayoutSchema,
    RefundSchema,
    WebhookEndpointSchema,
)
from payments.lifecycles import Mode
from payments.models.disputes import Dispute
from payments.models.events import Event
from payments.models.payments import Payment
from payments.models.payouts import Payout
from payments.models.reconciliation import Discrepancy
from payments.models.refunds import Refund
from payments.models.webhooks import WebhookEndpoint
from payments.operations import events
from payments.operations.representations import represent_event
from payments.scopes import Scope


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="EventData",
        serializers={
            "payment": PaymentSchema,
            "refund": RefundSchema,
            "dispute": DisputeSchema,
            "payout": PayoutSchema,
            "discrepancy": DiscrepancySchema,
            "webhook_endpoint": WebhookEndpointSchema,
        },
        resource_type_field_name="object",
    )
)
class EventDataField(serializers.DictField):
    """A payment, a refund, a dispute, a payout, a discrepancy or a webhook endpoint."""


class EventSchema(serializers.Serializer[Any]):
    """One change of one object."""

    id = serializers.CharField(help_text="`evt_…`")
    object = serializers.ChoiceField(choices=["event"])
    mode = serializers.ChoiceField(choices=[mode.value for mode in Mode])
    type = serializers.CharField(
        help_text="`payment.created`, then `payment.` with the status reached; the same for refunds, disputes, payouts."
        " `payment.rerouted`: a processor could not be reached, and another is asked."
    )
    object_id = serializers.CharField(help_text="The object that changed.")
    sequence = serializers.IntegerField(help_text="From 1, without a gap for each object.")
    timestamp = serializers.DateTimeField(help_text="When it changed; Standard Webhooks' name for `created_at`.")
    data = EventDataField(help_text="The object as it was right after the change.")  # type: ignore[assignment]
    created_at = serializers.DateTimeField()


class EventQuery(PageQuery):
    """How a list of events is narrowed."""

    starting_after = cursor(Event)
    ending_before = cursor(Event)
    type = serializers.CharField(max_length=40, required=False, source="event_type")
    object_id = PublicIdField(
        *(noun.PREFIX for noun in (Payment, Refund, Dispute, Payout, Discrepancy, WebhookEndpoint)), required=False
    )


class EventList(APIView):
    """`/v1/events`"""

    scopes = {"GET": Scope.EVENTS_READ}

    @extend_schema(
        operation_id="list_events",
        summary="List events, newest first",
        parameters=[EventQuery],
        responses={200: list_schema("EventList", EventSchema), **PROBLEMS},
        tags=["events"],
    )
    def get(self, request: Request) -> Response:
        """List events, newest first."""
        page, filters = EventQuery.read(request)
        return list_response(events.list_events(caller=caller_of(request), page=page, **filters), represent_event)


class EventDetail(APIView):
    """`/v1/events/{event_id}`"""

    scopes = {"GET": Scope.EVENTS_READ}

    @extend_schema(
        operation_id="get_event",
        summary="Get one event",
        parameters=[OpenApiParameter("event_id", str, OpenApiParameter.PATH, description="`evt_…`")],
        responses={200: EventSchema, **PROBLEMS},
        tags=["events"],
    )
    def get(self, request: Request, event_id: str) -> Response:
        """Get one event."""
        event = events.get_event(caller=caller_of(request), event_id=id_in_path(Event, event_id))
        return Response(represent_event(event))
