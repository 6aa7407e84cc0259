"""Routing rules, and circuit breakers of accounts."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import payments.public_ids
from payments.migrations._rules import follows_lifecycle, frozen, sql
from payments.models.lifecycle_edges import write_edges

# PostgreSQL counts from 1, and takes what is not there for NULL.
CONNECTORS_IN_ORDER = """
ALTER TABLE payments_routingrule
ADD CONSTRAINT routing_rule_one_to_three_connectors
    CHECK (cardinality(connectors) BETWEEN 1 AND 3),
ADD CONSTRAINT routing_rule_connectors_have_names
    CHECK (array_position(connectors, NULL) IS NULL AND array_position(connectors, '') IS NULL),
ADD CONSTRAINT routing_rule_connectors_once
    CHECK ((connectors[1] IN (connectors[2], connectors[3]) OR connectors[2] = connectors[3]) IS NOT TRUE),
ADD CONSTRAINT routing_rule_live_money_is_real CHECK (NOT (mode = 'live' AND 'sandbox' = ANY (connectors)));
"""


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0017_api_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="CircuitBreaker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[("closed", "closed"), ("open", "open"), ("half_open", "half_open")], max_length=40
                    ),
                ),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("retry_at", models.DateTimeField(null=True)),
                ("open_seconds", models.PositiveIntegerField(default=0)),
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="circuit_breaker",
                        to="payments.processoraccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("retry_at__isnull", True), ("status", "closed")),
                            models.Q(models.Q(("status", "closed"), _negated=True), ("retry_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="circuit_breaker_retried_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("failing_since__isnull", True), ("failures", 0)),
                            models.Q(("failing_since__isnull", False), ("failures__gt", 0)),
                            _connector="OR",
                        ),
                        name="circuit_breaker_failing_since_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RoutingRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(choices=[("test", "test"), ("live", "live")], max_length=4)),
                (
                    "position",
                    models.PositiveIntegerField(),
                ),
                ("currency", models.CharField(blank=True, max_length=3, null=True)),
                ("amount_from", models.BigIntegerField(blank=True, null=True, verbose_name="from an amount of")),
                ("amount_to", models.BigIntegerField(blank=True, null=True, verbose_name="up to an amount of")),
                (
                    "payment_method_prefix",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="payment method begins with"),
                ),
                ("percentage", models.PositiveSmallIntegerField(default=100)),
                (
                    "connectors",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None),
                ),
                ("is_enabled", models.BooleanField(default=True, verbose_name="in force")),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="routing_rules",
                        to="payments.merchant",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("merchant", "mode", "position"), name="routing_rule_position_once"),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["test", "live"])), name="routing_rule_mode_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("percentage__gte", 1), ("percentage__lte", 100)),
                        name="routing_rule_percentage_of_a_hundred",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")), name="routing_rule_currency"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount_from__isnull", True), ("amount_to__isnull", True)),
                            ("currency__isnull", False),
                            _connector="OR",
                        ),
                        name="routing_rule_amounts_have_currency",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_from__gt", 0), ("amount_to__gt", 0), ("amount_from__lte", models.F("amount_to"))
                        ),
                        name="routing_rule_amounts_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("payment_method_prefix", ""), _negated=True),
                        name="routing_rule_prefix_not_empty",
                    ),
                ],
            },
        ),
        sql(CONNECTORS_IN_ORDER),
        migrations.RunPython(write_edges, migrations.RunPython.noop),
        follows_lifecycle("payments_circuitbreaker", "circuit_breaker"),
        frozen("payments_circuitbreaker", "id", "account_id"),
        # The id stands in addresses that processors send their news to.
        sql("DROP TRIGGER frozen_columns ON payments_processoraccount;"),
        frozen("payments_processoraccount", "id", "merchant_id", "mode", "connector", "created_at"),
    ]
