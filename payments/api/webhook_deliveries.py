"""What became of webhooks: list, get with every attempt, send again."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import PublicIdField, StrictFlagField, StrictSerializer
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import WebhookDeliverySchema
from payments.api.webhook_endpoints import ENDPOINT_ID, EventTypeField
from payments.lifecycles import WebhookDeliveryStatus
from payments.models.events import Event
from payments.models.webhooks import WebhookDelivery, WebhookEndpoint
from payments.operations import delivery_log
from payments.operations.representations import (
    as_json,
    represent_attempt,
    represent_delivery,
    represent_event,
)
from payments.public_ids import encode
from payments.scopes import Scope

DELIVERY_ID: Final = OpenApiParameter("delivery_id", str, OpenApiParameter.PATH, description="`whd_…`")


class DeliveryAttemptSchema(serializers.Serializer[Any]):
    """One request to an endpoint."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    request_headers = serializers.DictField(child=serializers.CharField())
    response_status = serializers.IntegerField(allow_null=True, help_text="Null, if no answer came.")
    response_body = serializers.CharField(allow_blank=True, help_text="The answer's first 4 KiB.")
    error = serializers.CharField(allow_null=True, help_text="Why no answer came.")


class WebhookDeliveryWithAttemptsSchema(WebhookDeliverySchema):
    """A delivery with every attempt."""

    request_body = serializers.CharField(help_text="What is sent, the same in each attempt.")
    attempts = DeliveryAttemptSchema(many=True)


class DeliveryQuery(PageQuery):
    """How a list of deliveries is narrowed."""

    starting_after = cursor(WebhookDelivery)
    ending_before = cursor(WebhookDelivery)
    status = serializers.ChoiceField(choices=[status.value for status in WebhookDeliveryStatus], required=False)
    event_type = EventTypeField(required=False, source="event__type")
    event = PublicIdField(Event.PREFIX, required=False, source="event_id")
    created_from = serializers.DateTimeField(required=False, source="created_at__gte")
    created_to = serializers.DateTimeField(required=False, source="created_at__lt", help_text="Excluded.")


class RedeliverBody(StrictSerializer):
    """Nothing is needed to send a delivery again."""


class RedeliverRangeBody(StrictSerializer):
    """Which events are sent again."""

    created_from = serializers.DateTimeField(help_text="Events from this moment on.")
    created_to = serializers.DateTimeField(help_text="Events before this moment.")
    include_succeeded = StrictFlagField(
        required=False, default=False, help_text="Send again what has been delivered, too."
    )
    starting_after = PublicIdField(Event.PREFIX, required=False, source="after_event_id")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        if attrs["created_to"] <= attrs["created_from"]:
            raise serializers.ValidationError({"created_to": ["This is not after created_from."]})
        return attrs


class DeliveryList(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/deliveries`"""

    scopes = {"GET": Scope.WEBHOOKS_READ}

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List the deliveries of a webhook endpoint, newest first",
        parameters=[ENDPOINT_ID, DeliveryQuery],
        responses={200: list_schema("WebhookDeliveryList", WebhookDeliverySchema), **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """List what was sent to an endpoint or is on its way, newest first."""
        page, filters = DeliveryQuery.read(request)
        found = delivery_log.list_deliveries(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            page=page,
            filters=filters,
        )
        return list_response(found, represent_delivery)


class DeliveryDetail(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}`"""

    scopes = {"GET": Scope.WEBHOOKS_READ}

    @extend_schema(
        operation_id="get_webhook_delivery",
        summary="Get one delivery with every attempt",
        parameters=[ENDPOINT_ID, DELIVERY_ID],
        responses={200: WebhookDeliveryWithAttemptsSchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def get(self, request: Request, endpoint_id: str, delivery_id: str) -> Response:
        """Get one delivery: what was sent, when, and what was answered."""
        delivery = delivery_log.get_delivery(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            delivery_id=id_in_path(WebhookDelivery, delivery_id),
        )
        attempts = [represent_attempt(attempt) for attempt in delivery_log.attempts_of(delivery)]
        body = as_json(represent_event(delivery.event))
        return Response(represent_delivery(delivery) | {"request_body": body, "attempts": attempts})


class DeliveryRedeliver(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver`"""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    @extend_schema(
        operation_id="redeliver_webhook",
        summary="Send one event again",
        parameters=[ENDPOINT_ID, DELIVERY_ID],
        request=RedeliverBody,
        responses={200: WebhookDeliverySchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def post(self, request: Request, endpoint_id: str, delivery_id: str) -> Response:
        """Send an event again, whatever became of it, and by the whole schedule if that fails."""
        RedeliverBody(data=request.data).is_valid(raise_exception=True)
        delivery = delivery_log.redeliver(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            delivery_id=id_in_path(WebhookDelivery, delivery_id),
            now=timezone.now(),
        )
        return Response(represent_delivery(delivery))


class WebhookEndpointRedeliver(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/redeliver`"""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    @extend_schema(
        operation_id="redeliver_webhooks",
        summary="Send again what an endpoint has missed",
        parameters=[ENDPOINT_ID],
        request=RedeliverRangeBody,
        responses={
            200: inline_serializer(
                "Redelivery",
                {
                    "object": serializers.ChoiceField(choices=["redelivery"]),
                    "queued": serializers.IntegerField(help_text="How many events are sent."),
                    "has_more": serializers.BooleanField(help_text="Whether there are events beyond the first 10,000."),
                    "last_event": serializers.CharField(
                        allow_null=True, help_text="Where there are more: send it as `starting_after`."
                    ),
                },
            ),
            **PROBLEMS,
        },
        tags=["webhook_endpoints"],
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send the events of a time that the endpoint takes and has not got, the oldest first.

        That includes those from before it existed, or while it was disabled.
        """
        body = RedeliverRangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        done = delivery_log.redeliver_range(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            **body.validated_data,
            now=timezone.now(),
        )
        last = done.next_event_id
        return Response(
            {
                "object": "redelivery",
                "queued": done.queued,
                "has_more": last is not None,
                "last_event": last and encode(Event.PREFIX, last),
            }
        )
