"""The moves of an event, kept for good, and what the ends of a scalar mean."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE FUNCTION venues_event_move_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a move of an event is never changed';
END $$;
CREATE TRIGGER venues_event_move_append_only BEFORE UPDATE OR DELETE ON venues_eventmove
    FOR EACH ROW EXECUTE FUNCTION venues_event_move_guard();
"""
UNGUARD = "DROP FUNCTION venues_event_move_guard() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0003_capacity"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="high",
            field=models.CharField(blank=True, max_length=24),
        ),
        migrations.AddField(
            model_name="event",
            name="low",
            field=models.CharField(blank=True, max_length=24),
        ),
        migrations.AddField(
            model_name="event",
            name="measure",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.CreateModel(
            name="EventMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("open", "Trading"),
                            ("closed", "Closed, waiting for the result"),
                            ("proposed", "Result proposed"),
                            ("disputed", "Result disputed"),
                            ("resolved", "Resolved"),
                            ("void", "Void: paid at the last fair prices"),
                        ],
                        max_length=10,
                    ),
                ),
                ("words", models.CharField(blank=True, max_length=500)),
                ("source", models.CharField(blank=True, max_length=300)),
                ("payouts", models.JSONField(blank=True, default=dict)),
                ("voiding", models.BooleanField(default=False)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="moves", to="venues.event"
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
