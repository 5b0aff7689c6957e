"""What PostgreSQL itself refuses, whoever asks: see the comment on each function."""

from django.db import migrations

FORWARD = """
-- Entries and postings are written once. Accounts and transfers are never removed.
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_posting_append_only BEFORE UPDATE OR DELETE ON ledger_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_account_kept BEFORE DELETE ON ledger_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transfer_kept BEFORE DELETE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_entry_no_truncate BEFORE TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_posting_no_truncate BEFORE TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_account_no_truncate BEFORE TRUNCATE ON ledger_ledgeraccount
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_transfer_no_truncate BEFORE TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- Every posting sums to zero per asset when its transaction commits. The plan is pinned to the indexes: a plan that was
-- made while the tables were small must not scan them when they are large.
CREATE FUNCTION ledger_posting_balanced() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM ledger_entry e JOIN ledger_ledgeraccount a ON a.id = e.account_id
        WHERE e.posting_id = NEW.posting_id GROUP BY a.asset_id HAVING sum(e.amount) <> 0
    ) THEN
        RAISE EXCEPTION 'posting % does not sum to zero', NEW.posting_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_posting_balanced AFTER INSERT ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_posting_balanced();

-- A balance moves by the entries of its account and by nothing else.
CREATE FUNCTION ledger_apply_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ledger_ledgeraccount a SET balance = a.balance + d.delta
    FROM (SELECT account_id, sum(amount)::bigint AS delta FROM added GROUP BY account_id) d
    WHERE a.id = d.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_apply_entries AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_apply_entries();
CREATE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.balance <> 0 THEN
            RAISE EXCEPTION 'a ledger account starts empty' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF pg_trigger_depth() < 2
        OR (NEW.kind, NEW.owner_id, NEW.asset_id) IS DISTINCT FROM (OLD.kind, OLD.owner_id, OLD.asset_id) THEN
        RAISE EXCEPTION 'a ledger account changes by entries only'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE ON ledger_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();

-- A transfer leaves 'requested' once and is otherwise as it was asked for.
CREATE FUNCTION ledger_transfer_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'requested' OR NEW.state NOT IN ('settled', 'refused')
        OR (NEW.direction, NEW.user_id, NEW.group_id, NEW.account, NEW.asset_id, NEW.amount, NEW.issued_ms)
        IS DISTINCT FROM
           (OLD.direction, OLD.user_id, OLD.group_id, OLD.account, OLD.asset_id, OLD.amount, OLD.issued_ms) THEN
        RAISE EXCEPTION 'transfer % cannot change from % to %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_transfer_guard BEFORE UPDATE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION ledger_transfer_guard();

-- A role that was granted these tables but does not own them may add and read, never rewrite. (The owner keeps
-- UPDATE: foreign key checks run as the owner and need it; the triggers above bind the owner too.)
REVOKE ALL ON ledger_entry, ledger_posting, ledger_ledgeraccount, ledger_transfer FROM PUBLIC;
DO $$
DECLARE item record;
BEGIN
    FOR item IN
        SELECT DISTINCT g.grantee, g.table_name FROM information_schema.role_table_grants g
        JOIN pg_tables t ON t.schemaname = g.table_schema AND t.tablename = g.table_name
        WHERE g.table_schema = current_schema() AND g.grantee NOT IN (t.tableowner, 'PUBLIC')
          AND g.table_name IN ('ledger_entry', 'ledger_posting')
    LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM %I', item.table_name, item.grantee);
    END LOOP;
END $$;
"""

BACKWARD = """
DROP FUNCTION ledger_refuse() CASCADE;
DROP FUNCTION ledger_posting_balanced() CASCADE;
DROP FUNCTION ledger_apply_entries() CASCADE;
DROP FUNCTION ledger_account_guard() CASCADE;
DROP FUNCTION ledger_transfer_guard() CASCADE;
"""


class Migration(migrations.Migration):
    """Triggers and privileges of the ledger."""

    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
