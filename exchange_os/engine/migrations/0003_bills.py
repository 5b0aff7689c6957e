"""Bills, and how history is partitioned by time.

A partitioned table has one partition a month of ``time_ms`` and a default one for any other time.
``engine_add_partition`` makes a month's, guarded like the table itself; ``manage.py partitions`` and a nightly task call
it for the months to come. A month whose rows came before its partition stays in the default one.
"""

from django.db import migrations, models

FUNCTIONS = """
CREATE FUNCTION engine_guard_history(p_table text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite()', p_table || '_append_only', p_table);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite()', p_table || '_no_truncate', p_table);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM CURRENT_USER, PUBLIC', p_table);
END $$;

CREATE FUNCTION engine_add_partition(p_table text, p_month date) RETURNS boolean LANGUAGE plpgsql AS $$
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
    PERFORM engine_guard_history(v_name);
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;
"""

TABLE = """
CREATE TABLE engine_bill (
    group_id bigint NOT NULL, sequence bigint NOT NULL, bill_no integer NOT NULL, account bigint NOT NULL,
    market integer NOT NULL, kind smallint NOT NULL, lots bigint NOT NULL, price_ticks bigint NOT NULL,
    amount bigint NOT NULL, fee bigint NOT NULL, cash_after bigint NOT NULL, extra bigint NOT NULL,
    time_ms bigint NOT NULL,
    PRIMARY KEY (group_id, account, sequence, bill_no, time_ms)
) PARTITION BY RANGE (time_ms);
CREATE INDEX engine_bill_market ON engine_bill (group_id, market, kind, sequence);
CREATE TABLE engine_bill_default PARTITION OF engine_bill DEFAULT;
SELECT engine_guard_history('engine_bill'), engine_guard_history('engine_bill_default'),
       engine_add_partition('engine_bill', now()::date),
       engine_add_partition('engine_bill', (now() + interval '1 month')::date);
"""

BIGINTS = ("lots", "price_ticks", "amount", "fee", "cash_after", "extra", "time_ms")


class Migration(migrations.Migration):
    dependencies = [("engine", "0002_journal_guards")]

    operations = [
        migrations.RunSQL(
            FUNCTIONS,
            "DROP FUNCTION engine_add_partition(text, date); DROP FUNCTION engine_guard_history(text);",
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, "DROP TABLE engine_bill;")],
            state_operations=[
                migrations.CreateModel(
                    name="Bill",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "group_id",
                                "account",
                                "sequence",
                                "bill_no",
                                "time_ms",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("group_id", models.BigIntegerField()),
                        ("sequence", models.BigIntegerField()),
                        ("bill_no", models.IntegerField()),
                        ("account", models.BigIntegerField()),
                        ("market", models.IntegerField()),
                        ("kind", models.SmallIntegerField()),
                        *((name, models.BigIntegerField()) for name in BIGINTS),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                fields=["group_id", "market", "kind", "sequence"], name="engine_bill_market"
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
