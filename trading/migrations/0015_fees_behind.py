from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0014_credential_notifications")]

    operations = [migrations.AddField("feespaid", "behind", models.BooleanField(default=False))]
