"""What reconciliation searches by and how far it has come, who resolved what, and the sandbox's batches."""

import django.contrib.postgres.indexes
from django.db import migrations, models

from payments.migrations._rules import set_once, sql


class Migration(migrations.Migration):
    """Tables, columns and indexes; who resolved a discrepancy is as final as the resolution itself."""

    dependencies = [
        ("payments", "0008_disputes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SandboxBatch",
            fields=[
                ("reference", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("report", models.CharField(max_length=40)),
                ("currency", models.CharField(max_length=3)),
                ("closed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SandboxMovement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("processor_reference", models.CharField(max_length=40)),
                ("currency", models.CharField(max_length=3)),
                ("moved", models.BigIntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("batch_reference", models.CharField(max_length=40, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("subject", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("through", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="discrepancy",
            name="resolved_by",
            field=models.CharField(max_length=150, null=True),
        ),
        migrations.RemoveConstraint(model_name="discrepancy", name="discrepancy_resolved_with_reason"),
        migrations.AddConstraint(
            model_name="discrepancy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("resolution__isnull", True),
                        ("resolved_at__isnull", True),
                        ("resolved_by__isnull", True),
                        ("status", "open"),
                    ),
                    models.Q(
                        ("resolution__isnull", False),
                        ("resolution__regex", "\\S"),
                        ("resolved_at__isnull", False),
                        ("status", "resolved"),
                    ),
                    _connector="OR",
                ),
                name="discrepancy_resolved_with_reason",
            ),
        ),
        sql("DROP TRIGGER set_once ON payments_discrepancy"),
        set_once(
            "payments_discrepancy",
            *("payment_id", "payout_id", "processor_call_id", "processor_event_id", "settlement_line_id"),
            *("bank_line_id", "resolution", "resolved_by", "resolved_at"),
        ),
        migrations.AddField(
            model_name="sandboxrequest",
            name="batch_reference",
            field=models.CharField(max_length=40, null=True),
        ),
        migrations.AddIndex(
            model_name="discrepancy",
            index=models.Index(
                condition=models.Q(("status", "open")),
                fields=["kind", "created_at", "id"],
                name="discrepancy_open_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="discrepancy",
            index=models.Index(fields=["status", "created_at", "id"], name="discrepancy_by_age"),
        ),
        migrations.AddIndex(
            model_name="processorcall",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["answered_at"], name="processor_call_by_answer"),
        ),
        migrations.AddIndex(
            model_name="sandboxrequest",
            index=models.Index(
                condition=models.Q(("batch_reference__isnull", True), ("moved__isnull", False)),
                fields=["created_at"],
                name="sandbox_request_unsettled",
            ),
        ),
        migrations.AddIndex(
            model_name="sandboxrequest",
            index=models.Index(
                condition=models.Q(("batch_reference__isnull", False)),
                fields=["batch_reference", "id"],
                name="sandbox_request_batch",
            ),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(fields=["batch_reference"], name="settlement_line_by_batch"),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(fields=["processor_reference"], name="settlement_line_by_reference"),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("journal_entry__isnull", False)),
                fields=("processor_call", "kind"),
                name="settlement_line_booked_once_per_call",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("journal_entry__isnull", False)),
                fields=("dispute", "kind"),
                name="settlement_line_booked_once_per_dispute",
            ),
        ),
        migrations.AddIndex(
            model_name="sandboxbatch",
            index=models.Index(fields=["closed_at", "reference"], name="sandbox_batch_by_time"),
        ),
        migrations.AddIndex(
            model_name="sandboxmovement",
            index=models.Index(
                condition=models.Q(("batch_reference__isnull", True)),
                fields=["occurred_at"],
                name="sandbox_movement_unsettled",
            ),
        ),
        migrations.AddIndex(
            model_name="sandboxmovement",
            index=models.Index(
                condition=models.Q(("batch_reference__isnull", False)),
                fields=["batch_reference", "id"],
                name="sandbox_movement_batch",
            ),
        ),
    ]
