"""Panels drawn by lot: how is written once, as everything that was said and voted."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER governance_paneldraw_append_only BEFORE UPDATE OR DELETE ON governance_paneldraw
    FOR EACH ROW EXECUTE FUNCTION governance_refuse();
CREATE TRIGGER governance_paneldraw_no_truncate BEFORE TRUNCATE ON governance_paneldraw
    FOR EACH STATEMENT EXECUTE FUNCTION governance_refuse();
"""
BACKWARD = """
DROP TRIGGER governance_paneldraw_append_only ON governance_paneldraw;
DROP TRIGGER governance_paneldraw_no_truncate ON governance_paneldraw;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0005_proposals"),
    ]

    operations = [
        migrations.CreateModel(
            name="PanelDraw",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("round", models.PositiveSmallIntegerField()),
                ("moment", models.DateTimeField()),
                ("heads", models.JSONField()),
                ("seed", models.CharField(max_length=64)),
                ("members", models.JSONField()),
                ("seats", models.PositiveSmallIntegerField()),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="draws",
                        to="governance.decision",
                    ),
                ),
            ],
            options={
                "ordering": ["round"],
                "constraints": [models.UniqueConstraint(fields=("decision", "round"), name="draw_once")],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
