"""Closed algo orders: one row for each that has fired, failed or been cancelled, partitioned by the month it closed."""

from django.db import migrations, models

TABLE = """
CREATE TABLE engine_closedalgo (
    group_id bigint NOT NULL, sequence bigint NOT NULL, algo_id bigint NOT NULL, account bigint NOT NULL, market
    integer NOT NULL, client_id text NOT NULL, kind smallint NOT NULL, state smallint NOT NULL, reason smallint
    NOT NULL, code integer NOT NULL, side smallint NOT NULL, reduce_only boolean NOT NULL, quote_size boolean NOT
    NULL, whole_position boolean NOT NULL, size_lots bigint NOT NULL, done_lots bigint NOT NULL, order_id bigint
    NOT NULL, parent_id bigint NOT NULL, fired_leg smallint NOT NULL, first_trigger_ticks bigint NOT NULL,
    first_price_ticks bigint NOT NULL, first_source smallint NOT NULL, first_rises boolean NOT NULL,
    second_trigger_ticks bigint NOT NULL, second_price_ticks bigint NOT NULL, second_source smallint NOT NULL,
    second_rises boolean NOT NULL, distance_ticks bigint NOT NULL, distance_ppm integer NOT NULL, floats boolean
    NOT NULL, slice_lots bigint NOT NULL, best_ticks bigint NOT NULL, interval_ms bigint NOT NULL, expires_ms
    bigint NOT NULL, key bigint NOT NULL, created_ms bigint NOT NULL, closed_ms bigint NOT NULL,
    PRIMARY KEY (group_id, account, algo_id, closed_ms)
) PARTITION BY RANGE (closed_ms);
CREATE TABLE engine_closedalgo_default PARTITION OF engine_closedalgo DEFAULT;
SELECT engine_guard_history('engine_closedalgo'), engine_guard_history('engine_closedalgo_default'),
       engine_add_partition('engine_closedalgo', now()::date),
       engine_add_partition('engine_closedalgo', (now() + interval '1 month')::date);
"""

BIGINT, INTEGER, SMALLINT, BOOLEAN, TEXT = (
    models.BigIntegerField,
    models.IntegerField,
    models.SmallIntegerField,
    models.BooleanField,
    models.TextField,
)
COLUMNS = (
    ("group_id", BIGINT),
    ("sequence", BIGINT),
    ("algo_id", BIGINT),
    ("account", BIGINT),
    ("market", INTEGER),
    ("client_id", TEXT),
    ("kind", SMALLINT),
    ("state", SMALLINT),
    ("reason", SMALLINT),
    ("code", INTEGER),
    ("side", SMALLINT),
    ("reduce_only", BOOLEAN),
    ("quote_size", BOOLEAN),
    ("whole_position", BOOLEAN),
    ("size_lots", BIGINT),
    ("done_lots", BIGINT),
    ("order_id", BIGINT),
    ("parent_id", BIGINT),
    ("fired_leg", SMALLINT),
    ("first_trigger_ticks", BIGINT),
    ("first_price_ticks", BIGINT),
    ("first_source", SMALLINT),
    ("first_rises", BOOLEAN),
    ("second_trigger_ticks", BIGINT),
    ("second_price_ticks", BIGINT),
    ("second_source", SMALLINT),
    ("second_rises", BOOLEAN),
    ("distance_ticks", BIGINT),
    ("distance_ppm", INTEGER),
    ("floats", BOOLEAN),
    ("slice_lots", BIGINT),
    ("best_ticks", BIGINT),
    ("interval_ms", BIGINT),
    ("expires_ms", BIGINT),
    ("key", BIGINT),
    ("created_ms", BIGINT),
    ("closed_ms", BIGINT),
)


class Migration(migrations.Migration):
    dependencies = [("engine", "0006_partitioned_candles")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, "DROP TABLE engine_closedalgo;")],
            state_operations=[
                migrations.CreateModel(
                    name="ClosedAlgo",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "group_id",
                                "account",
                                "algo_id",
                                "closed_ms",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        *((name, field()) for name, field in COLUMNS),
                    ],
                ),
            ],
        ),
    ]
