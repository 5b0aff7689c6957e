"""How the audit trail is written: a trigger notes each change of a watched table when it commits, another chains it."""

from django.db import migrations

FORWARD = r"""
CREATE FUNCTION operations_audit_digest(e operations_auditevent) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(concat_ws(E'\x1f', e.previous_hash, extract(epoch FROM e.at)::text, e.table_name,
        e.row_id, e.op, coalesce(e.before::text, ''), coalesce(e.after::text, ''), coalesce(e.user_id::text, ''),
        e.request_id, e.via, e.db_role), 'UTF8')), 'hex')
$$;

CREATE FUNCTION operations_chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('operations.audit'));
    NEW.previous_hash := coalesce((SELECT hash FROM operations_auditevent ORDER BY id DESC LIMIT 1), '');
    NEW.id := nextval(pg_get_serial_sequence('operations_auditevent', 'id'));
    NEW.at := clock_timestamp();
    NEW.db_role := session_user;
    NEW.words := to_tsvector('simple', concat_ws(' ', replace(NEW.table_name, '_', ' '), NEW.table_name, NEW.row_id, NEW.via))
        || jsonb_to_tsvector('simple', coalesce(NEW.before, '{}'), '["string", "numeric", "key"]')
        || jsonb_to_tsvector('simple', coalesce(NEW.after, '{}'), '["string", "numeric", "key"]');
    NEW.hash := operations_audit_digest(NEW);
    RETURN NEW;
END $$;

-- Arguments: columns that are never noted.
CREATE FUNCTION operations_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was jsonb; is_now jsonb; gone jsonb; come jsonb;
BEGIN
    IF TG_OP <> 'INSERT' THEN was := to_jsonb(OLD) - coalesce(TG_ARGV::text[], '{}'); END IF;
    IF TG_OP <> 'DELETE' THEN is_now := to_jsonb(NEW) - coalesce(TG_ARGV::text[], '{}'); END IF;
    IF TG_OP = 'UPDATE' THEN
        IF was = is_now THEN RETURN NULL; END IF;
        SELECT jsonb_object_agg(key, value) INTO gone FROM jsonb_each(was) WHERE is_now -> key IS DISTINCT FROM value;
        SELECT jsonb_object_agg(key, value) INTO come FROM jsonb_each(is_now) WHERE was -> key IS DISTINCT FROM value;
    ELSE
        gone := was; come := is_now;
    END IF;
    INSERT INTO operations_auditevent (at, table_name, row_id, op, before, after, user_id, request_id, via, db_role,
        previous_hash, hash, words)
    VALUES (now(), TG_TABLE_NAME, left(coalesce(is_now ->> 'id', was ->> 'id', ''), 64), TG_OP, gone, come,
        nullif(current_setting('exchange_os.user', true), '')::bigint,
        coalesce(left(current_setting('exchange_os.request', true), 64), ''),
        coalesce(left(current_setting('exchange_os.via', true), 120), ''), '', '', '', '');
    RETURN NULL;
END $$;

CREATE TRIGGER operations_auditevent_chain BEFORE INSERT ON operations_auditevent
    FOR EACH ROW EXECUTE FUNCTION operations_chain_audit();
CREATE TRIGGER operations_auditevent_append_only BEFORE UPDATE OR DELETE ON operations_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
CREATE TRIGGER operations_auditevent_no_truncate BEFORE TRUNCATE ON operations_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION engine_refuse_rewrite();
"""
BACKWARD = """
DROP FUNCTION operations_note_change() CASCADE;
DROP TRIGGER operations_auditevent_no_truncate ON operations_auditevent;
DROP TRIGGER operations_auditevent_append_only ON operations_auditevent;
DROP TRIGGER operations_auditevent_chain ON operations_auditevent;
DROP FUNCTION operations_chain_audit();
DROP FUNCTION operations_audit_digest(operations_auditevent);
"""


class Migration(migrations.Migration):
    dependencies = [("operations", "0003_auditevent"), ("engine", "0007_algo_orders")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
