"""Accounts at processors, and whose account a processor's news is of."""

import django.db.models.deletion
from django.db import migrations, models

import payments.models.encrypted
import payments.public_ids
from payments.migrations._rules import frozen, never_deleted, sql


class Migration(migrations.Migration):

    dependencies = [("payments", "0013_idempotency_expiry")]

    operations = [
        migrations.CreateModel(
            name="ProcessorAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(choices=[("test", "test"), ("live", "live")], max_length=4)),
                ("connector", models.CharField(max_length=40)),
                ("is_enabled", models.BooleanField(default=True, verbose_name="takes new payments")),
                ("encrypted_credentials", payments.models.encrypted.EncryptedTextField()),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="processor_accounts",
                        to="payments.merchant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("merchant", "mode", "connector"), name="processor_account_once"),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["test", "live"])), name="processor_account_mode_known"
                    ),
                ],
            },
        ),
        frozen("payments_processoraccount", "merchant_id", "mode", "connector", "created_at"),
        never_deleted("payments_processoraccount"),
        migrations.AddField(
            model_name="processorevent",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="payments.processoraccount",
            ),
        ),
        migrations.RemoveConstraint(model_name="processorevent", name="processor_event_once"),
        migrations.AddConstraint(
            model_name="processorevent",
            constraint=models.UniqueConstraint(
                fields=("connector", "account", "event_id"), name="processor_event_once", nulls_distinct=False
            ),
        ),
        # Besides what is frozen in it already.
        sql("""
CREATE TRIGGER frozen_account BEFORE UPDATE OF account_id ON payments_processorevent FOR EACH ROW
WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id)
EXECUTE FUNCTION payments_refuse_statement('these columns never change: account_id');
"""),
    ]
