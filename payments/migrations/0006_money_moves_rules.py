"""What PostgreSQL refuses of disputes, payouts, news, reconciliation and repairs."""

from django.db import migrations

from payments.migrations._rules import (
    follows_lifecycle,
    frozen,
    never_deleted,
    same_owner,
    same_payment,
    set_once,
    sql,
)
from payments.models.lifecycle_edges import write_edges

_CALL = (
    *("id", "payment_id", "refund_id", "dispute_id", "payout_id", "merchant_id", "mode", "currency", "connector"),
    *("kind", "amount", "final", "payment_method", "created_at"),
)
_OWNER = ("id", "merchant_id", "mode", "currency", "amount", "created_at")

# Reports name no merchant, so no foreign key can tie a line to its payment's currency. A payment keeps its currency
# and is never deleted: what is true when a line is matched stays true.
SAME_CURRENCY = """
CREATE FUNCTION payments_settles_same_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.payment_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM payments_payment WHERE id = NEW.payment_id AND currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'a settlement line in % settles no payment in another currency', NEW.currency
            USING ERRCODE = '23503';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER same_currency BEFORE INSERT OR UPDATE OF payment_id, currency ON payments_settlementline
FOR EACH ROW EXECUTE FUNCTION payments_settles_same_currency();
"""

# A line is booked by an entry of its own report, for the merchant of the payment that it settles.
BOOKED_BY_OWN_REPORT = """
CREATE FUNCTION payments_booked_by_own_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.journal_entry_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM payments_journalentry entry JOIN payments_payment payment
            ON (payment.merchant_id, payment.mode, payment.currency) = (entry.merchant_id, entry.mode, entry.currency)
        WHERE entry.id = NEW.journal_entry_id AND entry.report_id = NEW.report_id AND payment.id = NEW.payment_id
    ) THEN
        RAISE EXCEPTION 'a settlement line is booked by its own report, for the merchant of its payment'
            USING ERRCODE = '23503';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER booked_by_own_report BEFORE INSERT OR UPDATE OF report_id, payment_id, journal_entry_id
ON payments_settlementline FOR EACH ROW EXECUTE FUNCTION payments_booked_by_own_report();
"""


class Migration(migrations.Migration):
    """Lifecycles, owners, and what never changes."""

    dependencies = [("payments", "0005_wider_journal")]

    operations = [
        migrations.RunPython(write_edges, migrations.RunPython.noop),
        follows_lifecycle("payments_dispute", "dispute"),
        follows_lifecycle("payments_payout", "payout"),
        follows_lifecycle("payments_processorevent", "processor_event"),
        follows_lifecycle("payments_discrepancy", "discrepancy"),
        follows_lifecycle("payments_repair", "repair"),
        *(
            never_deleted(f"payments_{table}")
            for table in (
                *("dispute", "payout", "processorevent", "discrepancy", "repair"),
                *("report", "settlementline", "bankline"),
            )
        ),
        frozen("payments_dispute", *_OWNER, "payment_id", "fee", "reason", "connector", "processor_reference"),
        frozen("payments_payout", *_OWNER, "destination", "connector", "scheduled_for"),
        frozen(
            "payments_processorevent",
            *("id", "connector", "event_id", "type", "object_reference", "payload", "occurred_at", "received_at"),
        ),
        frozen("payments_discrepancy", *_OWNER, "key", "kind", "detail"),
        frozen(
            "payments_repair",
            *("id", "processor_call_id", "discrepancy_id", "action", "processor_reference", "reason"),
            *("proposed_by", "created_at"),
        ),
        frozen("payments_report", "id", "name", "format", "digest", "created_at"),
        frozen(
            "payments_settlementline",
            *("id", "report_id", "line_number", "connector", "line_reference", "batch_reference", "kind"),
            *("processor_reference", "currency", "gross", "fee", "net", "occurred_at"),
        ),
        frozen(
            "payments_bankline",
            *("id", "report_id", "line_number", "account", "bank_reference", "text", "currency", "amount"),
            *("booking_date", "value_date"),
        ),
        # Once it is known what a line belongs to, which entry has booked it, and who has decided what, that is final.
        set_once("payments_settlementline", "payment_id", "processor_call_id", "dispute_id", "journal_entry_id"),
        set_once("payments_bankline", "payout_id", "batch_reference"),
        set_once("payments_report", "finished_at"),
        set_once("payments_processorevent", "settled_at"),
        set_once("payments_repair", "decided_by", "decided_at"),
        set_once(
            "payments_discrepancy",
            *("payment_id", "payout_id", "processor_call_id", "processor_event_id", "settlement_line_id"),
            *("bank_line_id", "resolution", "resolved_at"),
        ),
        sql(SAME_CURRENCY),
        sql(BOOKED_BY_OWN_REPORT),
        same_owner("payments_dispute", "payment_id", "payments_payment"),
        same_owner("payments_processorcall", "payout_id", "payments_payout"),
        same_owner("payments_journalentry", "payout_id", "payments_payout"),
        same_owner("payments_journalentry", "discrepancy_id", "payments_discrepancy"),
        same_owner("payments_discrepancy", "payment_id", "payments_payment"),
        same_owner("payments_discrepancy", "payout_id", "payments_payout"),
        # The owner is the payment's, on both sides.
        same_payment("payments_processorcall", "dispute_id", "payments_dispute"),
        same_payment("payments_journalentry", "dispute_id", "payments_dispute"),
        same_payment("payments_journalentry", "discrepancy_id", "payments_discrepancy"),
        same_payment("payments_settlementline", "processor_call_id", "payments_processorcall"),
        same_payment("payments_settlementline", "dispute_id", "payments_dispute"),
        same_payment("payments_discrepancy", "processor_call_id", "payments_processorcall"),
        sql("DROP TRIGGER frozen_columns ON payments_processorcall"),
        frozen("payments_processorcall", *_CALL),
    ]
