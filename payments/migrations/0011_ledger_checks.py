"""The runs of check_ledger, and what tells them which events and entries are new."""

import django.contrib.postgres.indexes
import django.db.models.functions.comparison
from django.db import migrations, models

import payments.models.transaction_ids
import payments.public_ids
from payments.migrations._rules import append_only, sql

# A writer may not choose the transaction an event belongs to.
STAMP_EVENTS = """
CREATE TRIGGER stamp_transaction BEFORE INSERT ON payments_event
FOR EACH ROW EXECUTE FUNCTION payments_stamp_transaction();
"""


class Migration(migrations.Migration):
    """A table, a column that writes nothing into the rows there are, and two small indexes."""

    dependencies = [
        ("payments", "0010_actions"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("seconds", models.FloatField()),
                ("full", models.BooleanField()),
                ("differences", models.PositiveIntegerField()),
                ("cluster_id", models.BigIntegerField()),
                ("below_transaction_id", payments.models.transaction_ids.TransactionIdField()),
                ("rules_digest", models.CharField(max_length=64)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.AddField(
            model_name="event",
            name="transaction_id",
            field=payments.models.transaction_ids.TransactionIdField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(
                django.db.models.functions.comparison.Cast(
                    django.db.models.functions.comparison.Cast("transaction_id", models.TextField()),
                    models.BigIntegerField(),
                ),
                autosummarize=True,
                name="event_transactions",
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                django.db.models.functions.comparison.Cast(
                    django.db.models.functions.comparison.Cast("transaction_id", models.TextField()),
                    models.BigIntegerField(),
                ),
                autosummarize=True,
                name="journal_entry_transactions",
            ),
        ),
        sql(STAMP_EVENTS),
        append_only("payments_ledgercheck"),
    ]
