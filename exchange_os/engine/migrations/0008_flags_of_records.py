"""The views of packed history show what its records tell since now: the flags of an order, its self-trade mode, and the
mark at a fill of a perpetual. See docs/decisions/0291."""

from django.db import migrations, models

VIEWS = """
CREATE OR REPLACE VIEW engine_fill AS
SELECT group_id, engine_int8(r, 0) AS sequence, engine_int8(r, 8) AS trade_id, engine_int4(r, 16) AS market, account,
       engine_int8(r, 20) AS order_id, engine_text(r, 84 + (get_byte(r, 28) >> 4 & 1) * 8) AS client_id,
       get_byte(r, 29)::smallint AS side, engine_int2(r, 30) AS role, engine_int8(r, 32) AS price_ticks,
       engine_int8(r, 40) AS size_lots, engine_int8(r, 48) AS notional, engine_int8(r, 56) AS fee,
       engine_int4(r, 64) AS fee_asset, engine_int8(r, 68) AS key, engine_int8(r, 76) AS time_ms,
       get_byte(r, 28)::smallint AS flags,
       CASE WHEN get_byte(r, 28) >> 4 & 1 = 1 THEN engine_int8(r, 84) ELSE 0 END AS mark_ticks
FROM engine_fillpage, engine_records(data) AS r;

CREATE OR REPLACE VIEW engine_closedorder AS
SELECT group_id, engine_int8(data, 0) AS sequence, order_id, account, engine_int4(data, 8) AS market,
       engine_text(data, 87) AS client_id, get_byte(data, 13)::smallint AS side, engine_int2(data, 14) AS order_type,
       get_byte(data, 17)::smallint AS tif, get_byte(data, 18) <> 0 AS post_only, engine_int8(data, 19) AS price_ticks,
       engine_int8(data, 27) AS size_lots, engine_int8(data, 35) AS filled_lots, engine_int8(data, 43) AS filled_quote,
       engine_int8(data, 51) AS fee, engine_int2(data, 59) AS state, engine_int2(data, 61) AS reason,
       engine_int8(data, 63) AS key, engine_int8(data, 71) AS created_ms, engine_int8(data, 79) AS closed_ms,
       get_byte(data, 12)::smallint AS flags, get_byte(data, 16)::smallint AS stp
FROM engine_orderrecord;
"""


class Migration(migrations.Migration):
    dependencies = [("engine", "0007_algo_orders")]

    operations = [
        migrations.RunSQL(
            VIEWS,
            migrations.RunSQL.noop,
            state_operations=[
                migrations.AddField("Fill", "flags", models.SmallIntegerField(default=0)),
                migrations.AddField("Fill", "mark_ticks", models.BigIntegerField(default=0)),
                migrations.AddField("ClosedOrder", "flags", models.SmallIntegerField(default=0)),
                migrations.AddField("ClosedOrder", "stp", models.SmallIntegerField(default=0)),
            ],
        )
    ]
