"""Candles are partitioned by the month of their minute, as bills are by their time; what was there moves in.

Candles are written over until their minute ends, so their partitions are not guarded, and leave room on their pages.
"""

from django.db import migrations

FUNCTION = """
DROP FUNCTION engine_add_partition(text, date);
CREATE FUNCTION engine_add_partition(p_table text, p_month date, p_kept boolean DEFAULT true)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_first date := date_trunc('month', p_month)::date;
    v_name text := p_table || '_' || to_char(v_first, 'YYYYMM');
BEGIN
    IF to_regclass(quote_ident(v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', v_name, p_table,
        extract(epoch FROM v_first)::bigint * 1000,
        extract(epoch FROM (v_first + interval '1 month'))::bigint * 1000);
    IF p_kept THEN
        PERFORM engine_guard_history(v_name);
    ELSE
        EXECUTE format('ALTER TABLE %I SET (fillfactor = 70)', v_name);
    END IF;
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;
"""

TABLE = """
ALTER TABLE {table} RENAME TO {table}_before;
CREATE TABLE {table} (LIKE {table}_before, PRIMARY KEY ({key})) PARTITION BY RANGE (minute_ms);
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT WITH (fillfactor = 70);
SELECT engine_add_partition('{table}', now()::date, false),
       engine_add_partition('{table}', (now() + interval '1 month')::date, false);
INSERT INTO {table} SELECT * FROM {table}_before;
DROP TABLE {table}_before;
"""

BACK = """
CREATE TABLE {table}_before (LIKE {table}, PRIMARY KEY ({key}));
INSERT INTO {table}_before SELECT * FROM {table};
DROP TABLE {table};
ALTER TABLE {table}_before RENAME TO {table};
"""

KEYS = {
    "engine_candle": "group_id, market, minute_ms",
    "engine_pricecandle": "group_id, market, what, minute_ms",
}


class Migration(migrations.Migration):
    dependencies = [("engine", "0005_packed_history")]

    operations = [
        migrations.RunSQL(FUNCTION, migrations.RunSQL.noop),
        *(
            migrations.RunSQL(TABLE.format(table=table, key=key), BACK.format(table=table, key=key))
            for table, key in KEYS.items()
        ),
    ]
