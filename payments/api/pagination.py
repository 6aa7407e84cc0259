"""Lists: `limit`, `starting_after`, `ending_before` in, `{"data": […], "has_more": …}` out."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from drf_spectacular.utils import inline_serializer

from payments.api.fields import PublicIdField, StrictSerializer
from payments.models.base import PublicIdModel
from payments.operations.pages import LIMIT_DEFAULT, LIMIT_MAX, Page, Row, Slice


class PageQuery(StrictSerializer):
    """The query parameters of every list; a noun's own query adds its filters and cursors of its prefix."""

    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT_DEFAULT)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse two cursors at once."""
        if attrs.get("starting_after") and attrs.get("ending_before"):
            raise serializers.ValidationError({"ending_before": ["Send starting_after or ending_before, not both."]})
        return attrs

    @classmethod
    def read(cls, request: Request) -> tuple[Page, dict[str, Any]]:
        """Return the page that is asked for, and the filters."""
        query = cls(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        filters = dict(query.validated_data)
        page = Page(
            limit=filters.pop("limit"),
            starting_after=filters.pop("starting_after", None),
            ending_before=filters.pop("ending_before", None),
        )
        return page, filters


def cursor(model: type[PublicIdModel]) -> PublicIdField:
    """Return the field of a cursor: the id of a row at the edge of the page before."""
    return PublicIdField(model.PREFIX, required=False)


def list_response(found: Slice[Row], represent: Callable[[Row], dict[str, Any]]) -> Response:
    """Return a page over HTTP."""
    return Response({"object": "list", "data": [represent(row) for row in found.rows], "has_more": found.has_more})


def list_schema(name: str, item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the schema of a page of `item`."""
    return inline_serializer(
        name,
        {
            "object": serializers.ChoiceField(choices=["list"]),
            "data": item(many=True),
            "has_more": serializers.BooleanField(help_text="Whether there are more rows beyond this page."),
        },
    )
