import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("venues", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TradingAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trading_accounts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "venue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trading_accounts",
                        to="venues.venue",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("label", models.CharField(blank=True, max_length=40)),
                ("key_hint", models.CharField(max_length=8)),
                ("key_sha256", models.CharField(max_length=64, unique=True)),
                ("secret_encrypted", models.BinaryField()),
                ("passphrase_digest", models.BinaryField()),
                ("permissions", models.JSONField(default=list)),
                ("allowed_ips", models.JSONField(blank=True, default=list)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="api_keys",
                        to="trading.tradingaccount",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="tradingaccount",
            constraint=models.UniqueConstraint(
                fields=("user", "venue"), name="trading_account_once_per_venue"
            ),
        ),
        migrations.AddConstraint(
            model_name="tradingaccount",
            constraint=models.UniqueConstraint(
                fields=("venue", "number"), name="trading_account_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="tradingaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 16)), name="trading_account_not_reserved"
            ),
        ),
    ]
