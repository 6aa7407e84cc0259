"""What PostgreSQL refuses of webhooks, and the trigger that makes a delivery of every event for everyone who wants it."""

import django.contrib.postgres.indexes
from django.db import migrations

from payments.migrations._rules import (
    append_only,
    follows_lifecycle,
    frozen,
    never_deleted,
    same_merchant,
    set_once,
    sql,
)
from payments.models.lifecycle_edges import write_edges

# RFC 9562, version 7: milliseconds in 48 bits, microseconds as a fraction in the next 12 (its method 3), and chance.
# PostgreSQL has uuidv7() of its own from 18 on.
UUID7 = """
CREATE FUNCTION payments_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        substring(int8send(clock.microseconds / 1000) FROM 3)
            || int2send((28672 + (clock.microseconds % 1000) * 4096 / 1000)::int2)
            || substring(uuid_send(gen_random_uuid()) FROM 9),
        'hex'
    )::uuid
    FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS microseconds) AS clock
$$;
"""

# The patterns are those of payments.event_types. A test event is for the endpoint alone that it is about.
WANTS = """
CREATE FUNCTION payments_wants_event(endpoint_id uuid, event_types varchar[], event_type varchar, object_id uuid)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE event_type
        WHEN 'webhook_endpoint.test' THEN endpoint_id = object_id
        ELSE event_types && ARRAY[event_type, split_part(event_type, '.', 1) || '.*', '*']::varchar[]
    END
$$;
"""

# For every endpoint that wants an event there is a delivery as soon as there is the event: no verb can forget it.
FAN_OUT = """
CREATE FUNCTION payments_fan_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payments_webhookdelivery
        (id, endpoint_id, event_id, merchant_id, mode, status, attempts, tries, next_attempt_at, created_at)
    SELECT payments_uuid7(), endpoint.id, event.id, event.merchant_id, event.mode, 'pending', 0, 0,
           event.created_at, event.created_at
    FROM added AS event
    JOIN payments_webhookendpoint endpoint
        ON endpoint.merchant_id = event.merchant_id AND endpoint.mode = event.mode AND endpoint.status = 'enabled'
        AND payments_wants_event(endpoint.id, endpoint.event_types, event.type, event.object_id)
    ORDER BY event.id, endpoint.id;
    RETURN NULL;
END $$;
CREATE TRIGGER fan_out AFTER INSERT ON payments_event
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION payments_fan_out();
"""


class Migration(migrations.Migration):
    """Triggers, functions, a composite foreign key and a small index."""

    dependencies = [("payments", "0015_webhooks")]

    operations = [
        migrations.RunPython(write_edges, migrations.RunPython.noop),
        never_deleted("payments_webhookendpoint"),
        never_deleted("payments_webhookdelivery"),
        append_only("payments_deliveryattempt"),
        frozen("payments_webhookendpoint", "id", "merchant_id", "mode", "created_at"),
        set_once("payments_webhookendpoint", "deleted_at"),
        frozen("payments_webhookdelivery", "id", "endpoint_id", "event_id", "merchant_id", "mode", "created_at"),
        follows_lifecycle("payments_webhookendpoint", "webhook_endpoint"),
        follows_lifecycle("payments_webhookdelivery", "webhook_delivery"),
        same_merchant("payments_webhookdelivery", "endpoint_id", "payments_webhookendpoint"),
        sql(UUID7),
        sql(WANTS),
        sql(FAN_OUT),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["created_at"], autosummarize=True, name="event_by_time"
            ),
        ),
    ]
