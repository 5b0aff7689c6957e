"""Grades of assets as collateral, with their append-only history; symbols that a launch reserves."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GRADES = [
    ("A", "A: deep and steady"),
    ("B", "B: deep"),
    ("C", "C: thin"),
    ("D", "D: not as collateral"),
]
FORWARD = """
UPDATE ledger_asset SET grade = CASE symbol WHEN 'USD' THEN 'A' WHEN 'BTC' THEN 'B' WHEN 'ETH' THEN 'B' ELSE 'C' END
    WHERE issuer_id IS NULL;
CREATE TRIGGER ledger_grade_append_only BEFORE UPDATE OR DELETE ON ledger_gradechange
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_grade_no_truncate BEFORE TRUNCATE ON ledger_gradechange
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""
BACKWARD = """
DROP TRIGGER ledger_grade_append_only ON ledger_gradechange;
DROP TRIGGER ledger_grade_no_truncate ON ledger_gradechange;
"""


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("ledger", "0006_stake_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="asset",
            name="grade",
            field=models.CharField(choices=GRADES, db_default="D", default="D", max_length=1),
        ),
        migrations.AddField(
            model_name="asset",
            name="reserved_units",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="GradeChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("before", models.CharField(choices=GRADES, max_length=1)),
                ("grade", models.CharField(choices=GRADES, max_length=1)),
                ("reason", models.CharField(max_length=300)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "asset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grade_changes",
                        to="ledger.asset",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-pk"]},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
