"""The payer's action: where a call has sent the payer to, and the sandbox's own record of what was decided."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column for calls, a table for the sandbox."""

    dependencies = [
        ("payments", "0009_reconciliation"),
    ]

    operations = [
        migrations.AddField(
            model_name="processorcall",
            name="action_url",
            field=models.CharField(max_length=2000, null=True),
        ),
        migrations.CreateModel(
            name="SandboxAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=40)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("payment_method", models.CharField(max_length=255)),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField()),
                ("captures", models.BooleanField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("decision", models.CharField(max_length=40, null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("reference",), name="sandbox_action_reference_once"),
                    models.UniqueConstraint(fields=("idempotency_key",), name="sandbox_action_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("decision__isnull", True)),
                            models.Q(("decided_at__isnull", False), ("decision__isnull", False)),
                            _connector="OR",
                        ),
                        name="sandbox_action_decided_at_a_moment",
                    ),
                ],
            },
        ),
    ]
