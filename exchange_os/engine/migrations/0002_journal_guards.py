"""The rules PostgreSQL itself keeps: one fenced writer per group, and history that cannot be rewritten.

``engine_append_batch`` is the only way a batch enters the journal: it moves the group's head and inserts the row in
one step, and refuses any batch whose epoch is not the owner's or whose first sequence or previous hash does not
follow the head. History is append-only twice over: the role that runs this migration (the application's, which
owns the tables on a small installation) gives up UPDATE, DELETE and TRUNCATE, and triggers refuse them to every role, so
that granting them back is not enough. Where the owner of the schema is another role, grant the application
``SELECT, INSERT`` on these tables and nothing more.
"""

from django.db import migrations

APPEND_ONLY = ("engine_journalbatch", "engine_fill", "engine_closedorder")

FUNCTIONS = """
CREATE FUNCTION engine_append_batch(
    p_group bigint, p_epoch bigint, p_first bigint, p_last bigint, p_now_ms bigint, p_commands bytea,
    p_previous bytea, p_hash bytea, p_cursor text, p_generation text, p_next_timer_ms bigint, p_lease_ms integer
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE engine_riskgroup
       SET head_sequence = p_last, head_hash = p_hash, kernel_now_ms = p_now_ms, next_timer_ms = p_next_timer_ms,
           stream_cursor = p_cursor, stream_generation = p_generation,
           lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond',
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

CREATE FUNCTION engine_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'XO002';
END $$;
"""

GUARD = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM CURRENT_USER, PUBLIC;
"""

UNGUARD = """
GRANT UPDATE, DELETE, TRUNCATE ON {table} TO CURRENT_USER;
DROP TRIGGER {table}_no_truncate ON {table};
DROP TRIGGER {table}_append_only ON {table};
"""

# Commands and snapshots do not shrink by pglz (or are compressed already): store them out of line as they are.
# The head row is rewritten by every commit: leave room on its page so that updates stay in place.
STORAGE = """
ALTER TABLE engine_journalbatch ALTER COLUMN commands SET STORAGE EXTERNAL;
ALTER TABLE engine_snapshot ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE engine_riskgroup SET (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE engine_candle SET (fillfactor = 70);
"""


class Migration(migrations.Migration):
    dependencies = [("engine", "0001_initial")]

    operations = [
        migrations.RunSQL(
            FUNCTIONS + "".join(GUARD.format(table=table) for table in APPEND_ONLY),
            "".join(UNGUARD.format(table=table) for table in APPEND_ONLY)
            + "DROP FUNCTION engine_refuse_rewrite(); DROP FUNCTION engine_append_batch;",
        ),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
    ]
