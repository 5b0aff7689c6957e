import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0013_fees"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PendingAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("act", models.CharField(max_length=30)),
                ("parameters", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=64)),
                ("words", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("doing", "Being done"),
                            ("done", "Done"),
                            ("failed", "Refused"),
                            ("withdrawn", "Withdrawn"),
                            ("expired", "Expired"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("requested", models.DateTimeField(auto_now_add=True)),
                ("due", models.DateTimeField(null=True)),
                ("expires", models.DateTimeField()),
                ("over", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "venue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="pending_acts",
                        to="venues.venue",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [models.Index(fields=["venue", "state"], name="act_waiting_at_venue")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "doing"])),
                        fields=("digest",),
                        name="act_waits_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by", None),
                            models.Q(("approved_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="act_of_two_people",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RuleChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("waiting", "Waiting for a second person"),
                            ("locked", "Announced"),
                            ("live", "In force"),
                            ("withdrawn", "Withdrawn"),
                            ("failed", "Refused"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("values", models.JSONField()),
                ("before", models.JSONField()),
                ("hurts", models.BooleanField()),
                ("risky", models.BooleanField()),
                ("words", models.CharField(blank=True, max_length=300)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("effective", models.DateTimeField(null=True)),
                ("applied", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("trying_since", models.DateTimeField(null=True)),
                ("tried_commands", models.PositiveIntegerField(default=0)),
                ("simulation", models.JSONField(blank=True, default=dict)),
                ("trial_error", models.CharField(blank=True, max_length=300)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_changes",
                        to="venues.market",
                    ),
                ),
                (
                    "undoes",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="undone_by",
                        to="venues.rulechange",
                    ),
                ),
                (
                    "venue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rule_changes",
                        to="venues.venue",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "locked")), fields=["effective"], name="rule_change_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "locked"])),
                        fields=("market",),
                        name="rule_change_waits_alone",
                    )
                ],
            },
        ),
    ]
