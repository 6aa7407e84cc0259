"""Who had a piece of news applied again, and what came of it."""

import django.db.models.deletion
from django.db import migrations, models

import payments.public_ids
from payments.migrations._rules import append_only
from payments.models.lifecycle_edges import write_edges


class Migration(migrations.Migration):

    dependencies = [
        ("payments", "0018_routing"),
    ]

    operations = [
        migrations.CreateModel(
            name="NewsReplay",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.public_ids.new_uuid, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("by", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=1000)),
                ("status_before", models.CharField(max_length=40)),
                ("detail_before", models.CharField(max_length=1000, null=True)),
                ("status_after", models.CharField(max_length=40)),
                ("detail_after", models.CharField(max_length=1000, null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replays",
                        to="payments.processorevent",
                    ),
                ),
            ],
            options={
                "verbose_name": "replay",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("by", ""), _negated=True), models.Q(("reason", ""), _negated=True)
                        ),
                        name="news_replay_says_who_and_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status_before", "applied"), _negated=True),
                        name="news_replay_was_not_applied",
                    ),
                ],
            },
        ),
        append_only("payments_newsreplay"),
        migrations.RunPython(write_edges, migrations.RunPython.noop),
    ]
