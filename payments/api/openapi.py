"""What the OpenAPI document says beyond what the framework sees: names, ids, currencies, and what leads where."""

from collections.abc import Iterator
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from payments.api.fields import StrictSerializer
from payments.money import exponents
from payments.public_ids import PATTERN

_ID: Final = "$response.body#/id"
_FIRST_ID: Final = "$response.body#/data/0/id"
_OF_PAYMENT: Final = "$response.body#/payment"

_WITH_ENDPOINT: Final = {
    name: {"endpoint_id": _ID}
    for name in (
        *("get_webhook_endpoint", "update_webhook_endpoint", "delete_webhook_endpoint", "rotate_webhook_secret"),
        *("test_webhook_endpoint", "list_webhook_deliveries", "redeliver_webhooks"),
    )
}

# What one can do next with an answer: operation, and what it takes out of the answer into its parameters.
_NEXT: Final[dict[str, dict[str, dict[str, str]]]] = {
    "Payment": {
        **{f"{verb}_payment": {"payment_id": _ID} for verb in ("get", "confirm", "capture", "cancel")},
        **{f"list_{noun}": {"payment": _ID} for noun in ("refunds", "disputes", "balance_entries", "discrepancies")},
        "list_events": {"object_id": _ID},
    },
    "Refund": {
        "get_refund": {"refund_id": _ID},
        "get_payment": {"payment_id": _OF_PAYMENT},
        "list_events": {"object_id": _ID},
    },
    "Dispute": {
        **{name: {"dispute_id": _ID} for name in ("get_dispute", "submit_evidence", "accept_dispute")},
        "get_payment": {"payment_id": _OF_PAYMENT},
        "list_events": {"object_id": _ID},
    },
    "Payout": {"get_payout": {"payout_id": _ID}, "list_events": {"object_id": _ID}},
    "Event": {"get_event": {"event_id": _ID}},
    "WebhookEndpoint": _WITH_ENDPOINT,
    "WebhookEndpointWithSecret": _WITH_ENDPOINT,
    # Nobody asks for these; they are found in lists.
    "DisputeList": {name: {"dispute_id": _FIRST_ID} for name in ("get_dispute", "submit_evidence", "accept_dispute")},
    "DiscrepancyList": {"get_discrepancy": {"discrepancy_id": _FIRST_ID}},
}
# The same, into the body.
_NEXT_WITH_BODY: Final[dict[str, dict[str, dict[str, str]]]] = {"Payment": {"create_refund": {"payment": _ID}}}


class OpenApiSchema(AutoSchema):
    """Describes one view; `PaymentSchema` is our name of what merchants know as a `Payment`."""

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return the name of the model, as programs made from the document will have it."""
        return type(serializer).__name__.removesuffix("Schema")

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """Say of a body that it may hold nothing else, where that is so."""
        found: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        return found | {"additionalProperties": False} if isinstance(serializer, StrictSerializer) else found


class CurrencyType(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The currencies one can pay in, by name."""

    target_class = "payments.api.fields.CurrencyField"

    def get_name(self) -> str:
        """Return the model's name."""
        return "Currency"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema."""
        return {"type": "string", "enum": sorted(exponents()), "description": "ISO 4217, upper case."}


class PublicIdType(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """An id with the prefix of its kind."""

    target_class = "payments.api.fields.PublicIdField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema."""
        prefixes = "|".join(self.target.prefixes)
        return {"type": "string", "pattern": f"^({prefixes})_{PATTERN}$"}


class MetadataType(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A merchant's own texts, the same in every body and answer."""

    target_class = "payments.api.fields.MetadataField"

    def get_name(self) -> str:
        """Return the model's name."""
        return "Metadata"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema."""
        return _texts(self.target, "Up to 50 texts of yours, by names of up to 40 characters.")


class EvidenceType(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """What a merchant says against a dispute."""

    target_class = "payments.api.fields.EvidenceField"

    def get_name(self) -> str:
        """Return the model's name."""
        return "Evidence"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the schema."""
        return _texts(self.target, "Texts by names of your choice, out of up to 40 of a to z and _.")


def _texts(field: Any, description: str) -> dict[str, Any]:
    """Return the schema of a mapping from names to texts."""
    child = {"type": "string", "maxLength": field.child.max_length}
    if not field.child.allow_blank:
        child["minLength"] = 1
    found = {"type": "object", "additionalProperties": child, "maxProperties": field.names_max}
    if field.names_min:
        found["minProperties"] = field.names_min
    return found | {"description": description}


def share_enums(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Let query parameters refer to the choices that a model already names, instead of repeating them."""
    names = {
        tuple(schema["enum"]): name for name, schema in result["components"]["schemas"].items() if "enum" in schema
    }
    for _name, operation in _operations(result):
        for parameter in operation.get("parameters", []):
            name = names.get(tuple(parameter["schema"].get("enum", ())))
            if name is not None:
                parameter["schema"] = {"$ref": f"#/components/schemas/{name}"}
    return result


def add_links(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Say of the answers that make or show objects which requests take something out of it."""
    for name, operation in _operations(result):
        for status, response in operation["responses"].items():
            if status == "201" or (status == "200" and name.startswith(("get_", "list_"))):
                (media,) = response["content"].values()
                model = media["schema"].get("$ref", "").rpartition("/")[2]
                if links := _links_of(model, name):
                    response["links"] = links
    return result


def _links_of(model: str, operation: str) -> dict[str, Any]:
    links = {
        target: {"operationId": target, "parameters": parameters}
        for target, parameters in _NEXT.get(model, {}).items()
        if target != operation
    }
    return links | {
        target: {"operationId": target, "requestBody": body} for target, body in _NEXT_WITH_BODY.get(model, {}).items()
    }


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in result["paths"].values():
        for operation in path.values():
            yield operation["operationId"], operation
