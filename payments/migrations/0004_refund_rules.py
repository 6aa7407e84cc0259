"""What PostgreSQL refuses of refunds."""

from django.db import migrations

from payments.migrations._rules import follows_lifecycle, frozen, never_deleted, same_owner, sql
from payments.models.lifecycle_edges import write_edges


class Migration(migrations.Migration):
    """The lifecycle of refunds, their owner, and what of them never changes."""

    dependencies = [("payments", "0003_refunds")]

    operations = [
        migrations.RunPython(write_edges, migrations.RunPython.noop),
        follows_lifecycle("payments_refund", "refund"),
        never_deleted("payments_refund"),
        frozen(
            "payments_refund",
            *("id", "payment_id", "merchant_id", "mode", "currency", "amount", "reason", "created_at"),
        ),
        same_owner("payments_refund", "payment_id", "payments_payment"),
        # The owner is the payment's, on both sides.
        sql(
            "ALTER TABLE payments_processorcall ADD CONSTRAINT processorcall_refund_same_payment"
            " FOREIGN KEY (refund_id, payment_id) REFERENCES payments_refund (id, payment_id)"
        ),
        sql("DROP TRIGGER frozen_columns ON payments_processorcall"),
        frozen(
            "payments_processorcall",
            *("id", "payment_id", "refund_id", "merchant_id", "mode", "currency", "connector", "kind", "amount"),
            *("final", "payment_method", "created_at"),
        ),
    ]
