from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0006_favourites")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="wanted",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name="export",
            name="kind",
            field=models.CharField(
                choices=[
                    ("fills", "Fills"),
                    ("bills", "Funding, liquidations and settlements"),
                    ("orders", "Orders that traded"),
                    ("transfer", "Transfers"),
                    ("wallet", "Wallet movements"),
                ],
                max_length=8,
            ),
        ),
    ]
