"""What members of venues did, kept for good."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE FUNCTION venues_act_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an act of a venue is never changed';
END $$;
CREATE TRIGGER venues_act_append_only BEFORE UPDATE OR DELETE ON venues_venueact
    FOR EACH ROW EXECUTE FUNCTION venues_act_guard();
"""
UNGUARD = "DROP FUNCTION venues_act_guard() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0005_team"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="VenueAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("verb", models.CharField(max_length=40)),
                ("about", models.CharField(blank=True, max_length=140)),
                ("words", models.CharField(blank=True, max_length=500)),
                ("before", models.JSONField(blank=True, default=dict)),
                ("after", models.JSONField(blank=True, default=dict)),
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
                    "venue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="acts", to="venues.venue"
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["venue", "-id"], name="act_of_venue")],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
