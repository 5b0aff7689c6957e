"""What PostgreSQL itself refuses about stakes: see the comment on each function."""

from django.db import migrations

FORWARD = """
-- A slash is written once. A release and a hold are never removed.
CREATE TRIGGER ledger_slash_append_only BEFORE UPDATE OR DELETE ON ledger_slash
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_release_kept BEFORE DELETE ON ledger_stakerelease
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_hold_kept BEFORE DELETE ON ledger_stakehold
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_slash_no_truncate BEFORE TRUNCATE ON ledger_slash
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_release_no_truncate BEFORE TRUNCATE ON ledger_stakerelease
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_hold_no_truncate BEFORE TRUNCATE ON ledger_stakehold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- A release keeps its deployer, amount and dates, leaves 'unbonding' once, and what was slashed of it never shrinks.
CREATE FUNCTION ledger_release_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'unbonding' OR NEW.slashed < OLD.slashed
        OR (NEW.state = 'slashed') <> (NEW.slashed = NEW.amount)
        OR (NEW.state = 'unbonding') <> (NEW.finished_at IS NULL)
        OR (NEW.user_id, NEW.amount, NEW.requested_at, NEW.matures_at)
        IS DISTINCT FROM (OLD.user_id, OLD.amount, OLD.requested_at, OLD.matures_at) THEN
        RAISE EXCEPTION 'release % of stake cannot change like this', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_release_guard BEFORE UPDATE ON ledger_stakerelease
    FOR EACH ROW EXECUTE FUNCTION ledger_release_guard();

-- A hold is lifted once and is otherwise as it was placed.
CREATE FUNCTION ledger_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lifted_at IS NOT NULL OR NEW.lifted_at IS NULL
        OR (NEW.user_id, NEW."case", NEW.reason, NEW.placed_at)
        IS DISTINCT FROM (OLD.user_id, OLD."case", OLD.reason, OLD.placed_at) THEN
        RAISE EXCEPTION 'hold % can only be lifted', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_hold_guard BEFORE UPDATE ON ledger_stakehold
    FOR EACH ROW EXECUTE FUNCTION ledger_hold_guard();

-- Burned money stays burned.
CREATE FUNCTION ledger_burned_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'burned money cannot be moved' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER ledger_burned_guard BEFORE UPDATE ON ledger_ledgeraccount
    FOR EACH ROW WHEN (OLD.kind = 'burned' AND NEW.balance < OLD.balance)
    EXECUTE FUNCTION ledger_burned_guard();

REVOKE ALL ON ledger_slash, ledger_stakerelease, ledger_stakehold FROM PUBLIC;
"""

BACKWARD = """
DROP TRIGGER ledger_slash_append_only ON ledger_slash;
DROP TRIGGER ledger_release_kept ON ledger_stakerelease;
DROP TRIGGER ledger_hold_kept ON ledger_stakehold;
DROP TRIGGER ledger_slash_no_truncate ON ledger_slash;
DROP TRIGGER ledger_release_no_truncate ON ledger_stakerelease;
DROP TRIGGER ledger_hold_no_truncate ON ledger_stakehold;
DROP FUNCTION ledger_release_guard() CASCADE;
DROP FUNCTION ledger_hold_guard() CASCADE;
DROP FUNCTION ledger_burned_guard() CASCADE;
"""


class Migration(migrations.Migration):
    """Triggers and privileges of stakes."""

    dependencies = [("ledger", "0005_stakes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
