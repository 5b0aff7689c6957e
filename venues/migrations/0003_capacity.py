"""What open interest the kernel lets a venue carry, as last told; the outcome that late outcomes come out of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("venues", "0002_contracts")]

    operations = [
        migrations.AddField("event", "fallback", models.PositiveSmallIntegerField(blank=True, null=True)),
        migrations.AddField("event", "voiding", models.BooleanField(default=False)),
        migrations.AddField("event", "dispute", models.CharField(blank=True, max_length=500)),
        migrations.AddField("venue", "capacity_units", models.BigIntegerField(blank=True, null=True)),
    ]
