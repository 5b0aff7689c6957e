"""Pages of fills and trades and records of closed orders are partitioned by month, as bills are: an old month can be
detached and kept elsewhere, and whoever asks by time reads no other. See docs/decisions/0034.

A partition may be read and added to by whoever may add to its table: the engine names the month it writes to. The time
of a page is that of its last row. What was there moves in; months gone by stay in the default partition.
"""

from django.db import migrations, models

FUNCTION = """
CREATE OR REPLACE FUNCTION engine_add_partition(p_table text, p_month date, p_kept boolean DEFAULT true)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_first date := date_trunc('month', p_month)::date;
    v_name text := p_table || '_' || to_char(v_first, 'YYYYMM');
    v_role text;
BEGIN
    IF to_regclass(quote_ident(v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', v_name, p_table,
        extract(epoch FROM v_first)::bigint * 1000,
        extract(epoch FROM (v_first + interval '1 month'))::bigint * 1000);
    FOR v_role IN
        SELECT granted.grantee::regrole FROM pg_class AS parent, aclexplode(parent.relacl) AS granted
         WHERE parent.oid = to_regclass(quote_ident(p_table)) AND granted.privilege_type = 'INSERT'
           AND granted.grantee NOT IN (0, parent.relowner)
    LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO %s', v_name, v_role);
    END LOOP;
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

#: Table: key without its time, the time, the time as it is written in the data.
TABLES = {
    "engine_fillpage": (
        "group_id, account, place",
        "time_ms",
        "(SELECT max(engine_int8(r, 76)) FROM engine_records(data) AS r)",
    ),
    "engine_tradepage": (
        "group_id, market, place",
        "time_ms",
        "engine_int8(data, octet_length(data) - 9)",
    ),
    "engine_orderrecord": ("group_id, account, order_id", "closed_ms", "engine_int8(data, 79)"),
}

FORWARD = """
ALTER TABLE {table} RENAME TO {table}_before;
CREATE TABLE {table} (LIKE {table}_before INCLUDING STORAGE, {time} bigint NOT NULL, PRIMARY KEY ({key}, {time}))
    PARTITION BY RANGE ({time});
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT;
SELECT engine_guard_history('{table}_default'),
       engine_add_partition('{table}', now()::date),
       engine_add_partition('{table}', (now() + interval '1 month')::date);
INSERT INTO {table} ({key}, data, {time}) SELECT {key}, data, {written} FROM {table}_before;
DROP TABLE {table}_before;
SELECT engine_guard_history('{table}');
"""

BACK = """
ALTER TABLE {table} RENAME TO {table}_parted;
CREATE TABLE {table} (LIKE {table}_parted INCLUDING STORAGE, PRIMARY KEY ({key}));
ALTER TABLE {table} DROP COLUMN {time};
INSERT INTO {table} ({key}, data) SELECT {key}, data FROM {table}_parted;
DROP TABLE {table}_parted;
SELECT engine_guard_history('{table}');
"""

VIEWS = """
CREATE VIEW engine_fill AS
SELECT group_id, engine_int8(r, 0) AS sequence, engine_int8(r, 8) AS trade_id, engine_int4(r, 16) AS market, account,
       engine_int8(r, 20) AS order_id, engine_text(r, 84 + (get_byte(r, 28) >> 4 & 1) * 8) AS client_id,
       get_byte(r, 29)::smallint AS side, engine_int2(r, 30) AS role, engine_int8(r, 32) AS price_ticks,
       engine_int8(r, 40) AS size_lots, engine_int8(r, 48) AS notional, engine_int8(r, 56) AS fee,
       engine_int4(r, 64) AS fee_asset, engine_int8(r, 68) AS key, engine_int8(r, 76) AS time_ms,
       get_byte(r, 28)::smallint AS flags,
       CASE WHEN get_byte(r, 28) >> 4 & 1 = 1 THEN engine_int8(r, 84) ELSE 0 END AS mark_ticks
FROM engine_fillpage, engine_records(data) AS r;

CREATE VIEW engine_closedorder AS
SELECT group_id, engine_int8(data, 0) AS sequence, order_id, account, engine_int4(data, 8) AS market,
       engine_text(data, 87) AS client_id, get_byte(data, 13)::smallint AS side, engine_int2(data, 14) AS order_type,
       get_byte(data, 17)::smallint AS tif, get_byte(data, 18) <> 0 AS post_only, engine_int8(data, 19) AS price_ticks,
       engine_int8(data, 27) AS size_lots, engine_int8(data, 35) AS filled_lots, engine_int8(data, 43) AS filled_quote,
       engine_int8(data, 51) AS fee, engine_int2(data, 59) AS state, engine_int2(data, 61) AS reason,
       engine_int8(data, 63) AS key, engine_int8(data, 71) AS created_ms, engine_int8(data, 79) AS closed_ms,
       get_byte(data, 12)::smallint AS flags, get_byte(data, 16)::smallint AS stp
FROM engine_orderrecord;
"""
NO_VIEWS = "DROP VIEW engine_fill, engine_closedorder;"


def _tables(statement: str) -> str:
    return "".join(
        statement.format(table=table, key=key, time=time, written=written)
        for table, (key, time, written) in TABLES.items()
    )


def _add(model: str, time: str, *key: str) -> list[migrations.operations.base.Operation]:
    keys = models.CompositePrimaryKey(
        "group_id", *key, time, blank=True, editable=False, primary_key=True, serialize=False
    )
    return [
        migrations.AddField(model, time, models.BigIntegerField()),
        migrations.AlterField(model, "pk", keys),
    ]


class Migration(migrations.Migration):
    dependencies = [("engine", "0008_flags_of_records")]

    operations = [
        migrations.RunSQL(FUNCTION, migrations.RunSQL.noop),
        migrations.RunSQL(
            NO_VIEWS + _tables(FORWARD) + VIEWS,
            NO_VIEWS + _tables(BACK) + VIEWS,
            state_operations=[
                *_add("FillPage", "time_ms", "account", "place"),
                *_add("TradePage", "time_ms", "market", "place"),
                *_add("OrderRecord", "closed_ms", "account", "order_id"),
            ],
        ),
    ]
