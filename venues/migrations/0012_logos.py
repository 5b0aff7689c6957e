"""Logos, and what the names of venues look like."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from exchange_os.ledger.words import skeleton


def shape_names(apps: Any, schema_editor: Any) -> None:
    for venue in apps.get_model("venues", "Venue").objects.all():
        venue.name_shape = skeleton(venue.name)
        venue.save(update_fields=["name_shape"])


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0011_samples"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="venue",
            name="name_shape",
            field=models.CharField(blank=True, db_default="", db_index=True, default="", max_length=120),
        ),
        migrations.CreateModel(
            name="Logo",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(db_index=True, max_length=64)),
                ("small", models.BinaryField()),
                ("large", models.BinaryField()),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="venue",
            name="logo",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="venues",
                to="venues.logo",
            ),
        ),
        migrations.AddConstraint(
            model_name="logo",
            constraint=models.UniqueConstraint(fields=("user", "digest"), name="logo_once_a_user"),
        ),
        migrations.RunPython(shape_names, migrations.RunPython.noop),
    ]
