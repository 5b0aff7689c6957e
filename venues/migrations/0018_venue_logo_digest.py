"""A venue names its logo by digest, so that showing it needs no second table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("venues", "0017_automation")]

    operations = [
        migrations.RemoveField(model_name="venue", name="logo"),
        migrations.AddField(
            model_name="venue",
            name="logo",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
