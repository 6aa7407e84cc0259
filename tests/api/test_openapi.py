"""The OpenAPI document, for those who make programs from it: names that stay, types that say it, links that lead on."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from payments.public_ids import encode, new_uuid
from tests.api.schema import document

# Generated clients have a function of each name: one that is published stays.
OPERATIONS = {
    *("create_payment", "list_payments", "get_payment", "confirm_payment", "capture_payment", "cancel_payment"),
    *("create_refund", "list_refunds", "get_refund"),
    *("list_disputes", "get_dispute", "submit_evidence", "accept_dispute"),
    *("create_payout", "list_payouts", "get_payout"),
    *("get_balance", "list_balance_entries"),
    *("list_discrepancies", "get_discrepancy"),
    *("list_events", "get_event"),
    *("create_webhook_endpoint", "list_webhook_endpoints", "get_webhook_endpoint", "update_webhook_endpoint"),
    *("delete_webhook_endpoint", "rotate_webhook_secret", "test_webhook_endpoint"),
    *("list_webhook_deliveries", "get_webhook_delivery", "redeliver_webhook", "redeliver_webhooks"),
    "receive_processor_news",
}
# And a class of each of these.
MODELS = {
    *("Payment", "PaymentList", "PaymentStatus", "PaymentObject", "CaptureMethod", "NextAction", "NextActionType"),
    *("CreatePaymentBody", "ConfirmPaymentBody", "CapturePaymentBody", "CancelPaymentBody"),
    *("Refund", "RefundList", "RefundObject", "CreateRefundBody", "TransferStatus"),
    *("Dispute", "DisputeList", "DisputeObject", "DisputeStatus", "Evidence", "EvidenceBody", "AcceptDisputeBody"),
    *("Payout", "PayoutList", "PayoutObject", "CreatePayoutBody"),
    *("Balance", "BalanceObject", "CurrencyBalance", "BalanceEntry", "BalanceEntryList", "BalanceEntryObject"),
    *("BalanceEntryKind", "Line", "Account", "Direction", "Layer"),
    *("Discrepancy", "DiscrepancyList", "DiscrepancyObject", "DiscrepancyKind", "DiscrepancyStatus"),
    *("Event", "EventData", "EventList", "EventObject"),
    *("WebhookEndpoint", "WebhookEndpointList", "WebhookEndpointObject", "WebhookEndpointStatus"),
    *("WebhookDisabledReason", "Null", "WebhookEndpointWithSecret"),
    *("CreateWebhookEndpointBody", "PatchedUpdateWebhookEndpointBody", "RotateSecretBody", "SendTestEventBody"),
    *("WebhookDelivery", "WebhookDeliveryList", "WebhookDeliveryObject", "WebhookDeliveryStatus"),
    *(
        "WebhookDeliveryWithAttempts",
        "DeliveryAttempt",
        "Redelivery",
        "RedeliveryObject",
        "RedeliverRangeBody",
        "RedeliverBody",
    ),
    "NewsReceived",
    *("Problem", "Fault", "LastError", "Metadata", "Currency", "Mode", "ListObject"),
}


def operations() -> dict[str, dict[str, Any]]:
    """Return every operation by its name."""
    return {each["operationId"]: each for path in document()["paths"].values() for each in path.values()}


def links() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every link, with the schema of the answer that it leads on from."""
    for operation in operations().values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                (media,) = response["content"].values()
                yield link, schema_of(media["schema"])


def schema_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema refers to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document()["components"]["schemas"][name] if name else schema
    return found


def test_operations_keep_their_names() -> None:
    assert set(operations()) == OPERATIONS


def test_models_keep_their_names() -> None:
    assert set(document()["components"]["schemas"]) == MODELS


def test_choices_of_a_query_are_those_of_the_model() -> None:
    queries = [
        parameter["schema"]
        for operation in operations().values()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    ]

    assert not [schema for schema in queries if "enum" in schema]
    assert {"$ref": "#/components/schemas/PaymentStatus"} in queries


def test_a_payment_leads_to_what_can_be_done_with_it() -> None:
    created = operations()["create_payment"]["responses"]["201"]["links"]

    assert {"get_payment", "capture_payment", "cancel_payment", "create_refund", "list_events"} <= set(created)


def test_every_link_takes_what_is_there_to_a_parameter_that_is_there() -> None:
    found = list(links())

    for link, answer in found:
        target = operations()[link["operationId"]]
        named = {each["name"] for each in target.get("parameters", [])}
        body = target.get("requestBody", {"content": {"application/json": {"schema": {}}}})
        members = schema_of(body["content"]["application/json"]["schema"]).get("properties", {})
        assert link.get("parameters", {}).keys() <= named, link
        assert link.get("requestBody", {}).keys() <= members.keys(), link
        for pointer in [*link.get("parameters", {}).values(), *link.get("requestBody", {}).values()]:
            path = re.fullmatch(r"\$response\.body#/(data/0/)?(\w+)", pointer)
            assert path is not None, pointer
            row = schema_of(answer["properties"]["data"]["items"]) if path[1] else answer
            assert path[2] in row["properties"], link
    assert len(found) > 25


@pytest.mark.parametrize("operation", ["create_refund", "list_refunds"])
def test_ids_are_described_as_they_are(operation: str) -> None:
    described = operations()[operation]
    schemas = [each["schema"] for each in described.get("parameters", []) if each["name"] == "payment"]
    if "requestBody" in described:
        body = schema_of(described["requestBody"]["content"]["application/json"]["schema"])
        schemas.append(body["properties"]["payment"])

    (schema,) = schemas

    assert re.search(schema["pattern"], encode("pay", new_uuid()))
    assert not re.search(schema["pattern"], encode("re", new_uuid()))
    assert not re.search(schema["pattern"], encode("pay", new_uuid()).upper())
