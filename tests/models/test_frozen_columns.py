"""Which columns of a row may change is decided for every column of every noun."""

import pytest

from django.apps import apps
from django.db import connection

from tests.models import (
    api_key_rules,
    discrepancy_rules,
    dispute_rules,
    news_rules,
    payout_rules,
    reconciliation_rules,
    routing_rules,
    webhook_rules,
)
from tests.models.breaches import KEPT_BY
from tests.models.refund_rules import FROZEN_REFUND
from tests.models.rules import FROZEN_CALL, FROZEN_PAYMENT

# A new column goes here, or into the migration's `frozen` and the tables of the rules beside this file.
MAY_CHANGE = {
    "Payment": {
        *("status", "amount_authorized", "amount_capturable", "amount_captured", "amount_refunded", "amount_disputed"),
        *("amount_refund_pending", "platform_fee", "payment_method", "connector", "processor_reference"),
        *("authorization_code", "last_error", "next_action_url", "return_url", "authorization_expires_at"),
        "updated_at",
        # Nothing changes these yet; they are the merchant's own notes and deadline.
        *("merchant_reference", "description", "metadata", "expires_at"),
    },
    "ProcessorCall": {
        *("status", "processor_reference", "authorization_code", "decline_code", "advice_code", "message"),
        *("action_url", "answered_at"),
    },
    # The metadata are the merchant's own notes.
    "Refund": {"status", "processor_reference", "last_error", "metadata", "updated_at"},
    "Dispute": {"status", "evidence", "evidence_due_at", "last_error", "updated_at"},
    "Payout": {"status", "description", "metadata", "processor_reference", "last_error", "updated_at"},
    # Whose news it is, a trigger of its own keeps.
    "ProcessorEvent": {"status", "detail", "account_id"},
    "ProcessorAccount": {"is_enabled", "encrypted_credentials", "updated_at"},
    "Report": {"lines_read"},
    "SettlementLine": set(),
    "BankLine": set(),
    "Discrepancy": {"status", "owner"},
    "Repair": {"status"},
    "WebhookEndpoint": {
        *("url", "description", "event_types", "ordered", "secret", "previous_secret", "previous_secret_expires_at"),
        *("status", "disabled_reason", "failing_since", "updated_at"),
    },
    "WebhookDelivery": {"status", "attempts", "tries", "next_attempt_at", "finished_at"},
    "ApiKey": {"scopes", "allowed_networks", "rate_limit_per_second", "rate_limit_burst", "last_used_at"},
}
FROZEN = {
    "Payment": FROZEN_PAYMENT,
    "ProcessorCall": FROZEN_CALL,
    "Refund": FROZEN_REFUND,
    "Dispute": dispute_rules.FROZEN_DISPUTE,
    "Payout": payout_rules.FROZEN_PAYOUT,
    "ProcessorEvent": news_rules.FROZEN_NEWS,
    "ProcessorAccount": routing_rules.FROZEN_ACCOUNT,
    "Report": reconciliation_rules.FROZEN_REPORT,
    "SettlementLine": reconciliation_rules.FROZEN_SETTLEMENT_LINE,
    "BankLine": reconciliation_rules.FROZEN_BANK_LINE,
    "Discrepancy": discrepancy_rules.FROZEN_DISCREPANCY,
    "Repair": discrepancy_rules.FROZEN_REPAIR,
    "WebhookEndpoint": webhook_rules.FROZEN_ENDPOINT,
    "WebhookDelivery": webhook_rules.FROZEN_DELIVERY,
    "ApiKey": api_key_rules.FROZEN_KEY,
}
SET_ONCE = {
    "ProcessorEvent": news_rules.NEWS_SET_ONCE,
    "Report": reconciliation_rules.REPORT_SET_ONCE,
    "SettlementLine": reconciliation_rules.SETTLEMENT_LINE_SET_ONCE,
    "BankLine": reconciliation_rules.BANK_LINE_SET_ONCE,
    "Discrepancy": discrepancy_rules.DISCREPANCY_SET_ONCE | discrepancy_rules.RESOLUTION_SET_ONCE,
    "Repair": discrepancy_rules.REPAIR_SET_ONCE,
    "WebhookEndpoint": webhook_rules.ENDPOINT_SET_ONCE,
    "ApiKey": api_key_rules.KEY_SET_ONCE,
}


def columns_of(model: str) -> set[str]:
    """Return the names of a table's columns."""
    return {field.column for field in apps.get_model("payments", model)._meta.concrete_fields}


def watched(model: str, trigger: str) -> set[str]:
    """Return the columns that a trigger on the table watches."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_trigger JOIN pg_attribute ON attrelid = tgrelid AND attnum = ANY (tgattr)"
            " WHERE tgname = %s AND tgrelid = %s::regclass",
            [trigger, f"payments_{model.lower()}"],
        )
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize("model", MAY_CHANGE)
def test_every_column_is_frozen_set_once_or_may_change(model: str, db: None) -> None:
    frozen, set_once = watched(model, "frozen_columns"), watched(model, "set_once")

    # What is watched has a breach, column by column.
    assert (frozen, set_once) == (set(FROZEN[model]), set(SET_ONCE.get(model, {})))
    assert columns_of(model) - frozen - set_once == MAY_CHANGE[model]


def test_it_is_decided_for_every_table_whose_rows_are_kept_and_may_change() -> None:
    changing = {table for table, rule in KEPT_BY.items() if rule == "never_deleted"}

    assert {model.lower() for model in MAY_CHANGE} == changing


def test_every_table_with_a_trigger_against_deletion_is_known(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname IN ('never_deleted', 'append_only')"
        )
        found = {table.removeprefix("payments_"): name for table, name in cursor.fetchall()}

    assert found == KEPT_BY
