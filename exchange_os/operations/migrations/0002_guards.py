"""Who looked at an account stays written, and a switch that was moved cannot be made unmoved."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER operations_supportlook_append_only BEFORE UPDATE OR DELETE ON operations_supportlook
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER operations_supportlook_no_truncate BEFORE TRUNCATE ON operations_supportlook
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER operations_switchrequest_kept BEFORE DELETE ON operations_switchrequest
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER operations_switchrequest_no_truncate BEFORE TRUNCATE ON operations_switchrequest
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
"""
BACKWARD = """
DROP TRIGGER operations_switchrequest_no_truncate ON operations_switchrequest;
DROP TRIGGER operations_switchrequest_kept ON operations_switchrequest;
DROP TRIGGER operations_supportlook_no_truncate ON operations_supportlook;
DROP TRIGGER operations_supportlook_append_only ON operations_supportlook;
"""


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_initial"), ("engine", "0007_algo_orders")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
