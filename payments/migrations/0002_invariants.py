"""What PostgreSQL refuses, whatever the code believes.

Every rule here has a test in tests/models that tries to break it with plain SQL. A refusal has an SQLSTATE of
class 23, so that Django raises IntegrityError.
"""

from django.db import migrations

from payments.migrations._rules import append_only, follows_lifecycle, frozen, never_deleted, same_owner, sql
from payments.models.lifecycle_edges import write_edges

REFUSE_STATEMENT = """
CREATE FUNCTION payments_refuse_statement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is refused on %: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = '23001';
END $$;
"""

LIFECYCLE = """
CREATE FUNCTION payments_follow_lifecycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    previous text := '';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.status = OLD.status THEN
            RETURN NEW;
        END IF;
        previous := OLD.status;
    END IF;
    IF NOT EXISTS (
        SELECT FROM payments_lifecycleedge
        WHERE noun = TG_ARGV[0] AND from_status = previous AND to_status = NEW.status
    ) THEN
        RAISE EXCEPTION 'a % does not go from "%" to "%"', TG_ARGV[0], previous, NEW.status
            USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
"""

ENTRY_BALANCES = """
CREATE FUNCTION payments_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    IF NOT EXISTS (SELECT FROM payments_journalline WHERE entry_id = NEW.id) THEN
        RAISE EXCEPTION 'journal entry % has no lines', NEW.id USING ERRCODE = '23514';
    END IF;
    SELECT layer, sum(CASE direction WHEN 'debit' THEN amount ELSE -amount END) AS difference INTO wrong
    FROM payments_journalline WHERE entry_id = NEW.id
    GROUP BY layer HAVING sum(CASE direction WHEN 'debit' THEN amount ELSE -amount END) <> 0;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % does not balance: debits less credits are % in the layer %',
            NEW.id, wrong.difference, wrong.layer USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON payments_journalentry
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_entry_balances();
"""

# The balance of an entry is checked once, at the commit that brings it. This keeps later lines out.
ENTRY_CLOSED = """
CREATE FUNCTION payments_entry_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN payments_journalentry entry ON entry.id = added.entry_id
        WHERE entry.transaction_id <> pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'a journal entry takes no lines after the transaction that wrote it'
            USING ERRCODE = '23001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_closed AFTER INSERT ON payments_journalline
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments_entry_closed();
"""

# A writer may not choose the transaction an entry or line belongs to.
STAMP_TRANSACTION = """
CREATE FUNCTION payments_stamp_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction_id := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER stamp_transaction BEFORE INSERT ON payments_journalentry
FOR EACH ROW EXECUTE FUNCTION payments_stamp_transaction();
CREATE TRIGGER stamp_transaction BEFORE INSERT ON payments_journalline
FOR EACH ROW EXECUTE FUNCTION payments_stamp_transaction();
"""

# Two writers of one object get the same number here, and the unique constraint refuses the second. Writers hold
# the object's row lock, so that it does not come to this.
EVENT_SEQUENCE = """
CREATE FUNCTION payments_next_in_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sequence := 1 + coalesce(
        (SELECT max(sequence) FROM payments_event WHERE object_id = NEW.object_id), 0
    );
    RETURN NEW;
END $$;
CREATE TRIGGER next_in_sequence BEFORE INSERT ON payments_event
FOR EACH ROW EXECUTE FUNCTION payments_next_in_sequence();
"""


class Migration(migrations.Migration):
    """Triggers, functions and composite foreign keys."""

    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.RunPython(write_edges, migrations.RunPython.noop),
        sql(REFUSE_STATEMENT),
        *(append_only(table) for table in ("payments_journalentry", "payments_journalline", "payments_event")),
        *(never_deleted(table) for table in ("payments_payment", "payments_processorcall")),
        frozen("payments_payment", "id", "merchant_id", "mode", "amount", "currency", "capture_method", "created_at"),
        frozen(
            "payments_processorcall",
            *("id", "payment_id", "merchant_id", "mode", "currency", "connector", "kind", "amount", "final"),
            *("payment_method", "created_at"),
        ),
        sql(LIFECYCLE),
        follows_lifecycle("payments_payment", "payment"),
        follows_lifecycle("payments_processorcall", "processor_call"),
        sql(STAMP_TRANSACTION),
        sql(ENTRY_BALANCES),
        sql(ENTRY_CLOSED),
        sql(EVENT_SEQUENCE),
        same_owner("payments_processorcall", "payment_id", "payments_payment"),
        same_owner("payments_journalentry", "payment_id", "payments_payment"),
        # The owner is the payment's, on both sides.
        sql(
            "ALTER TABLE payments_journalentry ADD CONSTRAINT journalentry_processor_call_same_payment"
            " FOREIGN KEY (processor_call_id, payment_id) REFERENCES payments_processorcall (id, payment_id)"
        ),
        same_owner("payments_journalline", "entry_id", "payments_journalentry"),
        same_owner("payments_journalline", "account_id", "payments_ledgeraccount"),
    ]
