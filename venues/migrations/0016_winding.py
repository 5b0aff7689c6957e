from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0015_fronts"),
    ]

    operations = [
        migrations.AddField(
            model_name="venue",
            name="embed_origins",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="venue",
            name="ends",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="venue",
            name="halt_ends",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="venue",
            name="theme",
            field=models.CharField(blank=True, choices=[("dark", "Dark"), ("light", "Light")], max_length=6),
        ),
        migrations.AlterField(
            model_name="venue",
            name="state",
            field=models.CharField(
                choices=[
                    ("launching", "Launching"),
                    ("open", "Open"),
                    ("halted", "Halted"),
                    ("failed", "Launch refused"),
                    ("winding", "Winding down"),
                    ("closed", "Closed"),
                ],
                default="launching",
                max_length=10,
            ),
        ),
    ]
