"""What PostgreSQL itself refuses of decisions, whoever asks: see the comment on each function."""

from django.db import migrations

APPEND_ONLY = (
    "decisionmove",
    "vote",
    "seat",
    "reply",
    "comment",
    "evidence",
    "evidencefile",
    "conflictdeclaration",
)
KEPT = ("decision", "case", "committeemember", "votechallenge", "emergencyhalt")

FORWARD = (
    """
-- What was said, voted, shown and done is written once.
CREATE FUNCTION governance_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'governance is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""
    + "".join(
        f"""
CREATE TRIGGER governance_{table}_append_only BEFORE UPDATE OR DELETE ON governance_{table}
    FOR EACH ROW EXECUTE FUNCTION governance_refuse();
CREATE TRIGGER governance_{table}_no_truncate BEFORE TRUNCATE ON governance_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION governance_refuse();
"""
        for table in APPEND_ONLY
    )
    + "".join(
        f"""
CREATE TRIGGER governance_{table}_kept BEFORE DELETE ON governance_{table}
    FOR EACH ROW EXECUTE FUNCTION governance_refuse();
CREATE TRIGGER governance_{table}_no_truncate BEFORE TRUNCATE ON governance_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION governance_refuse();
"""
        for table in KEPT
    )
    + """
-- A text is frozen when its draft is opened, and what has been executed or has lapsed stays as it is.
CREATE FUNCTION governance_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (NEW.kind, NEW.title, NEW.summary, NEW.text, NEW.digest, NEW.proposer_id)
        IS DISTINCT FROM (OLD.kind, OLD.title, OLD.summary, OLD.text, OLD.digest, OLD.proposer_id) THEN
        RAISE EXCEPTION 'the text of decision % is frozen', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state IN ('executed', 'expired') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'decision % is closed', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'executed' AND OLD.state <> 'locked' THEN
        RAISE EXCEPTION 'decision % cannot be executed from %', OLD.id, OLD.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER governance_decision_guard BEFORE UPDATE ON governance_decision
    FOR EACH ROW EXECUTE FUNCTION governance_decision_guard();

-- Who lost what is fixed with the text; what was paid is written once.
CREATE FUNCTION governance_harmed_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE state text;
BEGIN
    SELECT d.state INTO state FROM governance_decision d WHERE d.id = COALESCE(NEW.case_id, OLD.case_id);
    IF state <> 'draft' AND (TG_OP <> 'UPDATE' OR OLD.paid IS NOT NULL
        OR (NEW.account, NEW.user_id, NEW.asset_id, NEW.loss, NEW.owed)
        IS DISTINCT FROM (OLD.account, OLD.user_id, OLD.asset_id, OLD.loss, OLD.owed)) THEN
        RAISE EXCEPTION 'the list of the harmed is fixed with the text of its case'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER governance_harmed_guard BEFORE INSERT OR UPDATE OR DELETE ON governance_harmed
    FOR EACH ROW EXECUTE FUNCTION governance_harmed_guard();
"""
)
BACKWARD = """
DROP FUNCTION governance_refuse() CASCADE;
DROP FUNCTION governance_decision_guard() CASCADE;
DROP FUNCTION governance_harmed_guard() CASCADE;
"""


class Migration(migrations.Migration):
    """Triggers of governance."""

    dependencies = [("governance", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
