"""Where processors send their news. They have no key of ours: they sign what they send."""

from typing import Any, Final

from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from payments.api.errors import PROBLEM_JSON, ProblemSchema
from payments.api.paths import id_in_path
from payments.errors import BodyTooLarge, LengthRequired
from payments.models.processor_accounts import ProcessorAccount
from payments.operations.processor_webhooks import receive_news

# Processors send whole objects with all they hold.
BODY_BYTES_MAX: Final = 262_144


class OneForm(BaseContentNegotiation):
    """Answers in JSON whatever is accepted: no processor reads the answer, and none may be turned away for it."""

    def select_parser(self, request: Request, parsers: Any) -> None:
        """Choose none: the body is taken as it comes."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Choose the one there is."""
        return renderers[0], renderers[0].media_type


class NewsReceivedSchema(serializers.Serializer[Any]):
    """That it arrived, for the first time or again."""

    received = serializers.BooleanField()


class ProcessorWebhook(APIView):
    """`/v1/processor_webhooks/{connector}/{account_id}`"""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    content_negotiation_class = OneForm

    @extend_schema(
        operation_id="receive_processor_news",
        summary="Take a processor's news in",
        description=(
            "For processors, not for merchants: enter this address at the processor, as the account's page in the admin"
            " shows it. The body is verified by the processor's signature, stored once and applied afterwards."
        ),
        parameters=[
            OpenApiParameter("connector", str, OpenApiParameter.PATH, description="`stripe`"),
            OpenApiParameter("account_id", str, OpenApiParameter.PATH, description="`pac_…`"),
        ],
        request=OpenApiTypes.OBJECT,
        responses={
            200: NewsReceivedSchema,
            **{(status, PROBLEM_JSON): ProblemSchema for status in (400, 404, 411, 413, 503)},
        },
        auth=[],
        tags=["processors"],
    )
    def post(self, request: Request, connector: str, account_id: str) -> Response:
        """Take a piece of news in."""
        account = id_in_path(ProcessorAccount, account_id)
        body = _body_of(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        receive_news(connector=connector, account_id=account, body=body, headers=headers, now=timezone.now())
        return Response({"received": True})


def _body_of(request: Request) -> bytes:
    """Return the body as it was sent, which is what is signed.

    Raises:
        LengthRequired, BodyTooLarge: it does not say how long it is, or is longer than any processor's news.
    """
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal():
        raise LengthRequired("Send the length of the body in bytes as Content-Length.")
    if int(length) > BODY_BYTES_MAX:
        raise BodyTooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    body: bytes = request.body
    return body
