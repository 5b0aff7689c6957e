"""When a risk group that did not answer answered again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("governance", "0007_sealed_votes")]

    operations = [migrations.AddField("incident", "ended", models.DateTimeField(null=True))]
