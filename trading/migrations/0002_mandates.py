"""Mandates of keys, and whether the kernel has them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]

    operations = [
        migrations.AddField("apikey", "mandate", models.JSONField(blank=True, default=dict)),
        migrations.AddField("apikey", "mandated_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "apikey",
            models.Index(
                condition=models.Q(("mandated_at__isnull", True)), fields=["id"], name="trading_key_unsettled"
            ),
        ),
    ]
