"""Webhook endpoints: create, list, get, change, delete, rotate the secret, send a test event."""

from datetime import timedelta
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema

from payments.api.authentication import caller_of
from payments.api.errors import PROBLEMS
from payments.api.fields import StrictFlagField, StrictSerializer, StrictTextField
from payments.api.pagination import PageQuery, cursor, list_response, list_schema
from payments.api.paths import id_in_path
from payments.api.schemas import WebhookDeliverySchema, WebhookEndpointSchema
from payments.event_types import EVENT_TYPES, known_patterns
from payments.models.base import SHORT_TEXT
from payments.models.webhooks import WebhookEndpoint
from payments.operations import webhook_endpoints
from payments.operations.representations import represent_delivery, represent_endpoint
from payments.scopes import Scope

OVERLAP_HOURS_DEFAULT: Final = 24
OVERLAP_HOURS_MAX: Final = 168


class EventTypeField(serializers.CharField):
    """One type of events. The document does not list them: programs made from it know those that come later, too."""

    def to_internal_value(self, data: Any) -> str:
        """Return the type."""
        event_type: str = super().to_internal_value(data)
        if event_type not in EVENT_TYPES:
            raise serializers.ValidationError(
                f"There are no events of the type {event_type!r}. The page /docs/events lists those there are.",
                code="unknown_event_type",
            )
        return event_type


class EventTypesField(serializers.ListField):
    """Types of events, or patterns of them, each once."""

    child = StrictTextField(max_length=SHORT_TEXT)

    def __init__(self, **kwargs: Any) -> None:
        """Bound the list, and say what may be in it."""
        help_text = f"`*` for all, `payment.*` for all of payments, or one of: {', '.join(sorted(EVENT_TYPES))}."
        super().__init__(min_length=1, max_length=len(EVENT_TYPES), help_text=help_text, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the patterns."""
        patterns: list[str] = super().to_internal_value(data)
        if unknown := [pattern for pattern in patterns if pattern not in known_patterns()]:
            raise serializers.ValidationError(
                f"There are no events of the type {unknown[0]!r}. The page /docs/events lists those there are;"
                " `payment.*` stands for all of payments, and `*` for all.",
                code="unknown_event_type",
            )
        if len(set(patterns)) < len(patterns):
            raise serializers.ValidationError("Name each type once.", code="repeated")
        return patterns


class CreateWebhookEndpointBody(StrictSerializer):
    """What a webhook endpoint is created from."""

    url = StrictTextField(max_length=2000, help_text="An https address on the public internet.")
    event_types = EventTypesField()
    description = StrictTextField(required=False, allow_null=True, default=None, max_length=500)
    ordered = StrictFlagField(
        required=False,
        default=False,
        help_text="Send no event before the one before it is delivered or given up. One failure holds up what follows.",
    )


class UpdateWebhookEndpointBody(StrictSerializer):
    """What changes of a webhook endpoint; the rest stays."""

    url = StrictTextField(required=False, max_length=2000)
    event_types = EventTypesField(required=False)
    description = StrictTextField(required=False, allow_null=True, max_length=500)
    ordered = StrictFlagField(required=False)
    enabled = StrictFlagField(
        required=False, help_text="Switching off cancels what is pending, which can be sent again later."
    )


class RotateSecretBody(StrictSerializer):
    """For how long the old secret signs as well."""

    overlap_hours = serializers.IntegerField(
        min_value=0, max_value=OVERLAP_HOURS_MAX, default=OVERLAP_HOURS_DEFAULT, help_text="0 ends it at once."
    )


class SendTestEventBody(StrictSerializer):
    """Nothing is needed to send a test event."""


class WebhookEndpointWithSecretSchema(WebhookEndpointSchema):
    """A webhook endpoint with its secret, which is shown this once."""

    secret = serializers.CharField(help_text="`whsec_…`, to verify signatures with. Keep it: it is not shown again.")


class WebhookEndpointQuery(PageQuery):
    """How a list of webhook endpoints is cut."""

    starting_after = cursor(WebhookEndpoint)
    ending_before = cursor(WebhookEndpoint)


ENDPOINT_ID: Final = OpenApiParameter("endpoint_id", str, OpenApiParameter.PATH, description="`we_…`")
_SHOP: Final = OpenApiExample(
    "All about payments",
    value={"url": "https://shop.example.com/webhooks", "event_types": ["payment.*"]},
    request_only=True,
)


class WebhookEndpointList(APIView):
    """`/v1/webhook_endpoints`"""

    scopes = {"POST": Scope.WEBHOOKS_WRITE, "GET": Scope.WEBHOOKS_READ}

    @extend_schema(
        operation_id="create_webhook_endpoint",
        summary="Have events sent to an address",
        request=CreateWebhookEndpointBody,
        responses={201: WebhookEndpointWithSecretSchema, **PROBLEMS},
        examples=[_SHOP],
        tags=["webhook_endpoints"],
    )
    def post(self, request: Request) -> Response:
        """Have events sent to an address from now on. The secret that verifies them is in this answer alone."""
        body = CreateWebhookEndpointBody(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = webhook_endpoints.create_endpoint(
            caller=caller_of(request), **body.validated_data, now=timezone.now()
        )
        return Response(_with_secret(endpoint), status=201)

    @extend_schema(
        operation_id="list_webhook_endpoints",
        summary="List webhook endpoints, newest first",
        parameters=[WebhookEndpointQuery],
        responses={200: list_schema("WebhookEndpointList", WebhookEndpointSchema), **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def get(self, request: Request) -> Response:
        """List webhook endpoints, newest first."""
        page, _ = WebhookEndpointQuery.read(request)
        return list_response(webhook_endpoints.list_endpoints(caller=caller_of(request), page=page), represent_endpoint)


class WebhookEndpointDetail(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}`"""

    scopes = {"GET": Scope.WEBHOOKS_READ, "PATCH": Scope.WEBHOOKS_WRITE, "DELETE": Scope.WEBHOOKS_WRITE}

    @extend_schema(
        operation_id="get_webhook_endpoint",
        summary="Get one webhook endpoint",
        parameters=[ENDPOINT_ID],
        responses={200: WebhookEndpointSchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Get one webhook endpoint."""
        endpoint = webhook_endpoints.get_endpoint(
            caller=caller_of(request), endpoint_id=id_in_path(WebhookEndpoint, endpoint_id)
        )
        return Response(represent_endpoint(endpoint))

    @extend_schema(
        operation_id="update_webhook_endpoint",
        summary="Change a webhook endpoint, or switch it off and on",
        parameters=[ENDPOINT_ID],
        request=UpdateWebhookEndpointBody,
        responses={200: WebhookEndpointSchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def patch(self, request: Request, endpoint_id: str) -> Response:
        """Change what is given and leave the rest."""
        body = UpdateWebhookEndpointBody(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = webhook_endpoints.update_endpoint(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            changes=body.validated_data,
            now=timezone.now(),
        )
        return Response(represent_endpoint(endpoint))

    @extend_schema(
        operation_id="delete_webhook_endpoint",
        summary="Delete a webhook endpoint",
        parameters=[ENDPOINT_ID],
        responses={200: WebhookEndpointSchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def delete(self, request: Request, endpoint_id: str) -> Response:
        """Send nothing to it any more. What is pending is canceled; the answer shows it for the last time."""
        endpoint = webhook_endpoints.delete_endpoint(
            caller=caller_of(request), endpoint_id=id_in_path(WebhookEndpoint, endpoint_id), now=timezone.now()
        )
        return Response(represent_endpoint(endpoint))


class WebhookEndpointSecret(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/rotate_secret`"""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    @extend_schema(
        operation_id="rotate_webhook_secret",
        summary="Give a webhook endpoint a new secret",
        parameters=[ENDPOINT_ID],
        request=RotateSecretBody,
        responses={200: WebhookEndpointWithSecretSchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Make a new secret, which is in this answer alone. Until the overlap is over both sign every webhook."""
        body = RotateSecretBody(data=request.data)
        body.is_valid(raise_exception=True)
        endpoint = webhook_endpoints.rotate_secret(
            caller=caller_of(request),
            endpoint_id=id_in_path(WebhookEndpoint, endpoint_id),
            overlap=timedelta(hours=body.validated_data["overlap_hours"]),
            now=timezone.now(),
        )
        return Response(_with_secret(endpoint))


class WebhookEndpointTest(APIView):
    """`/v1/webhook_endpoints/{endpoint_id}/test`"""

    scopes = {"POST": Scope.WEBHOOKS_WRITE}

    @extend_schema(
        operation_id="test_webhook_endpoint",
        summary="Send a test event to a webhook endpoint",
        parameters=[ENDPOINT_ID],
        request=SendTestEventBody,
        responses={200: WebhookDeliverySchema, **PROBLEMS},
        tags=["webhook_endpoints"],
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Send an event of the type `webhook_endpoint.test` to this endpoint alone, whatever types it takes."""
        SendTestEventBody(data=request.data).is_valid(raise_exception=True)
        delivery = webhook_endpoints.send_test_event(
            caller=caller_of(request), endpoint_id=id_in_path(WebhookEndpoint, endpoint_id), now=timezone.now()
        )
        return Response(represent_delivery(delivery))


def _with_secret(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return represent_endpoint(endpoint) | {"secret": endpoint.secret}
