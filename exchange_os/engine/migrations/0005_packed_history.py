"""History in few, narrow rows: pages of fills by account, pages of trades by market, closed orders as key and record.

Each stored row and each index entry is paid for in the commit that traders wait for. ``kernel/src/packed.rs`` writes the
records, members big-endian in the order of the kernel's columns; ``engine_fill`` and ``engine_closedorder`` are now views
that show them as the rows they were. Rows from before are packed here, one to a page.

``engine_append_batch`` also moves ``candles_sequence``, so that a batch with all it brought about is one statement.
"""

from django.db import migrations, models

APPEND = """
DROP FUNCTION engine_append_batch(bigint, bigint, bigint, bigint, bigint, bytea, bytea, bytea, text, text, bigint, integer);
CREATE FUNCTION engine_append_batch(
    p_group bigint, p_epoch bigint, p_first bigint, p_last bigint, p_now_ms bigint, p_commands bytea,
    p_previous bytea, p_hash bytea, p_cursor text, p_generation text, p_next_timer_ms bigint, p_lease_ms integer,
    p_candles_sequence bigint DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE engine_riskgroup
       SET head_sequence = p_last, head_hash = p_hash, kernel_now_ms = p_now_ms, next_timer_ms = p_next_timer_ms,
           stream_cursor = p_cursor, stream_generation = p_generation,
           lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond',
           candles_sequence = coalesce(p_candles_sequence, candles_sequence),
           crash_count = 0, crash_entry = ''
     WHERE id = p_group AND epoch = p_epoch AND head_sequence = p_first - 1 AND head_hash = p_previous;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % of epoch % does not follow the head of risk group %', p_first, p_epoch, p_group
            USING ERRCODE = 'XO001';
    END IF;
    INSERT INTO engine_journalbatch
        (group_id, first_sequence, last_sequence, epoch, now_ms, commands, previous_hash, hash, stream_cursor)
    VALUES (p_group, p_first, p_last, p_epoch, p_now_ms, p_commands, p_previous, p_hash, p_cursor);
END $$;
"""

TABLES = """
CREATE TABLE engine_fillpage (
    group_id bigint NOT NULL, account bigint NOT NULL, place bigint NOT NULL, data bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (group_id, account, place)
);
CREATE TABLE engine_tradepage (
    group_id bigint NOT NULL, market integer NOT NULL, place bigint NOT NULL, data bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (group_id, market, place)
);
CREATE TABLE engine_orderrecord (
    group_id bigint NOT NULL, account bigint NOT NULL, order_id bigint NOT NULL, data bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (group_id, account, order_id)
);
SELECT engine_guard_history('engine_fillpage'), engine_guard_history('engine_tradepage'),
       engine_guard_history('engine_orderrecord');

INSERT INTO engine_fillpage
SELECT group_id, account, 2 * trade_id + role,
       substring(int2send((84 + octet_length(client_id))::smallint) FROM 2) || int8send(sequence) || int8send(trade_id)
       || int4send(market) || int8send(order_id) || int2send(side) || int2send(role) || int8send(price_ticks)
       || int8send(size_lots) || int8send(notional) || int8send(fee) || int4send(fee_asset) || int8send(key)
       || int8send(time_ms) || convert_to(client_id, 'UTF8')
FROM engine_fill;
INSERT INTO engine_tradepage
SELECT group_id, market, trade_id,
       int8send(trade_id) || int8send(price_ticks) || int8send(size_lots) || int8send(time_ms)
       || substring(int2send(side) FROM 2)
FROM engine_fill WHERE role = 1;
INSERT INTO engine_orderrecord
SELECT group_id, account, order_id,
       int8send(sequence) || int4send(market) || int2send(side) || int2send(order_type) || int2send(tif)
       || boolsend(post_only) || int8send(price_ticks) || int8send(size_lots) || int8send(filled_lots)
       || int8send(filled_quote) || int8send(fee) || int2send(state) || int2send(reason) || int8send(key)
       || int8send(created_ms) || int8send(closed_ms) || convert_to(client_id, 'UTF8')
FROM engine_closedorder;
DROP TABLE engine_fill, engine_closedorder;
"""

VIEWS = """
CREATE FUNCTION engine_int8(p_data bytea, p_at integer) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT ('x' || encode(substring(p_data FROM p_at + 1 FOR 8), 'hex'))::bit(64)::bigint $$;
CREATE FUNCTION engine_int4(p_data bytea, p_at integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT ('x' || encode(substring(p_data FROM p_at + 1 FOR 4), 'hex'))::bit(32)::integer $$;
CREATE FUNCTION engine_int2(p_data bytea, p_at integer) RETURNS smallint LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT (get_byte(p_data, p_at) * 256 + get_byte(p_data, p_at + 1))::smallint $$;
CREATE FUNCTION engine_text(p_data bytea, p_at integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS
    $$ SELECT convert_from(substring(p_data FROM p_at + 1), 'UTF8') $$;

CREATE FUNCTION engine_records(p_page bytea) RETURNS SETOF bytea LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    v_at integer := 0;
BEGIN
    WHILE v_at < octet_length(p_page) LOOP
        RETURN NEXT substring(p_page FROM v_at + 2 FOR get_byte(p_page, v_at));
        v_at := v_at + 1 + get_byte(p_page, v_at);
    END LOOP;
END $$;

CREATE VIEW engine_fill AS
SELECT group_id, engine_int8(r, 0) AS sequence, engine_int8(r, 8) AS trade_id, engine_int4(r, 16) AS market, account,
       engine_int8(r, 20) AS order_id, engine_text(r, 84) AS client_id, engine_int2(r, 28) AS side,
       engine_int2(r, 30) AS role, engine_int8(r, 32) AS price_ticks, engine_int8(r, 40) AS size_lots,
       engine_int8(r, 48) AS notional, engine_int8(r, 56) AS fee, engine_int4(r, 64) AS fee_asset,
       engine_int8(r, 68) AS key, engine_int8(r, 76) AS time_ms
FROM engine_fillpage, engine_records(data) AS r;

CREATE VIEW engine_closedorder AS
SELECT group_id, engine_int8(data, 0) AS sequence, order_id, account, engine_int4(data, 8) AS market,
       engine_text(data, 87) AS client_id, engine_int2(data, 12) AS side, engine_int2(data, 14) AS order_type,
       engine_int2(data, 16) AS tif, get_byte(data, 18) <> 0 AS post_only, engine_int8(data, 19) AS price_ticks,
       engine_int8(data, 27) AS size_lots, engine_int8(data, 35) AS filled_lots, engine_int8(data, 43) AS filled_quote,
       engine_int8(data, 51) AS fee, engine_int2(data, 59) AS state, engine_int2(data, 61) AS reason,
       engine_int8(data, 63) AS key, engine_int8(data, 71) AS created_ms, engine_int8(data, 79) AS closed_ms
FROM engine_orderrecord;
"""


def packed(name: str, owner: tuple[str, models.Field], place: str) -> migrations.CreateModel:
    """The model of a packed table."""
    key = models.CompositePrimaryKey(
        "group_id", owner[0], place, blank=True, editable=False, primary_key=True, serialize=False
    )
    fields = [
        ("pk", key),
        ("group_id", models.BigIntegerField()),
        owner,
        (place, models.BigIntegerField()),
        ("data", models.BinaryField()),
    ]
    return migrations.CreateModel(name=name, fields=fields)


class Migration(migrations.Migration):
    dependencies = [("engine", "0004_price_candle")]

    operations = [
        migrations.RunSQL(APPEND),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES), migrations.RunSQL(VIEWS)],
            state_operations=[
                migrations.RemoveIndex("Fill", "engine_fill_account"),
                migrations.AlterModelOptions("Fill", {"managed": False}),
                migrations.AlterModelOptions("ClosedOrder", {"managed": False}),
                packed("FillPage", ("account", models.BigIntegerField()), "place"),
                packed("TradePage", ("market", models.IntegerField()), "place"),
                packed("OrderRecord", ("account", models.BigIntegerField()), "order_id"),
            ],
        ),
    ]
