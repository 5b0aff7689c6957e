"""Outages: one open for a risk group, with their end."""

from django.db import migrations, models

KINDS = [
    ("quarantine", "command set aside"),
    ("snapshot", "snapshot not usable"),
    ("journal", "journal does not hold"),
    ("halt", "group halted"),
    ("clock", "clock stepped"),
    ("outage", "does not answer"),
]


class Migration(migrations.Migration):
    dependencies = [("engine", "0009_history_by_month")]

    operations = [
        migrations.AddField("incident", "ended_at", models.DateTimeField(null=True)),
        migrations.AlterField("incident", "kind", models.CharField(choices=KINDS, max_length=16)),
        migrations.AddConstraint(
            "incident",
            models.UniqueConstraint(
                fields=["group_id"],
                condition=models.Q(kind="outage", ended_at=None),
                name="engine_outage_open_once",
            ),
        ),
    ]
