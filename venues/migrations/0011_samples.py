import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0010_disputes"),
    ]

    operations = [
        migrations.CreateModel(
            name="VenueSample",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("last_trade", models.BigIntegerField(default=0)),
                ("fees", models.JSONField(default=dict)),
                ("liquidations", models.BigIntegerField(default=0)),
                ("interest_units", models.BigIntegerField(default=0)),
                ("insurance_units", models.BigIntegerField(default=0)),
                (
                    "venue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="samples", to="venues.venue"
                    ),
                ),
            ],
            options={
                "ordering": ["hour"],
                "constraints": [
                    models.UniqueConstraint(fields=("venue", "hour"), name="venue_sample_once_an_hour")
                ],
            },
        ),
    ]
