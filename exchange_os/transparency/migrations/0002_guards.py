"""What was published cannot be changed or taken back, by the owner of the tables either."""

from django.db import migrations

TABLES = ("transparency_night", "transparency_liabilitytree")
GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
"""
UNGUARD = """
DROP TRIGGER {table}_no_truncate ON {table};
DROP TRIGGER {table}_append_only ON {table};
"""


class Migration(migrations.Migration):
    dependencies = [("transparency", "0001_initial"), ("engine", "0007_algo_orders")]

    operations = [
        migrations.RunSQL(
            "".join(GUARD.format(table=table) for table in TABLES),
            "".join(UNGUARD.format(table=table) for table in TABLES),
        )
    ]
