"""Sealed votes rest encrypted, and open once into what was signed."""

from django.db import migrations, models

DIGESTS = """
ALTER TABLE governance_vote DISABLE TRIGGER USER;
UPDATE governance_vote SET digest = encode(sha256(message), 'hex');
ALTER TABLE governance_vote ENABLE TRIGGER USER;
"""

FORWARD = """
-- A vote is never changed but by one act: a sealed one is opened, into the text that has the digest it was cast with.
CREATE FUNCTION governance_vote_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said jsonb;
BEGIN
    IF OLD.sealed <> '' AND NEW.sealed = '' AND encode(sha256(NEW.message), 'hex') = OLD.digest
        AND (NEW.id, NEW.decision_id, NEW.round, NEW.member_id, NEW.challenge_id, NEW.method, NEW.digest, NEW.proof, NEW.at)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.decision_id, OLD.round, OLD.member_id, OLD.challenge_id, OLD.method, OLD.digest, OLD.proof, OLD.at)
    THEN
        said := convert_from(NEW.message, 'UTF8')::jsonb;
        IF (said ->> 'choice', (said ->> 'share_ppm')::bigint, said ->> 'option', said ->> 'rationale')
            IS NOT DISTINCT FROM
            (NEW.choice::text, NEW.share_ppm::bigint, NEW.option::text, NEW.rationale) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'vote % stays as it was cast', OLD.id USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER governance_vote_append_only ON governance_vote;
CREATE TRIGGER governance_vote_append_only BEFORE DELETE ON governance_vote
    FOR EACH ROW EXECUTE FUNCTION governance_refuse();
CREATE TRIGGER governance_vote_guard BEFORE UPDATE ON governance_vote
    FOR EACH ROW EXECUTE FUNCTION governance_vote_guard();
"""
BACKWARD = """
DROP FUNCTION governance_vote_guard() CASCADE;
DROP TRIGGER governance_vote_append_only ON governance_vote;
CREATE TRIGGER governance_vote_append_only BEFORE UPDATE OR DELETE ON governance_vote
    FOR EACH ROW EXECUTE FUNCTION governance_refuse();
"""
CHOICES = [("approve", "For"), ("reject", "Against"), ("abstain", "Abstain")]


class Migration(migrations.Migration):
    dependencies = [("governance", "0006_panel_draw")]

    operations = [
        *(
            operation
            for name in ("vote", "votechallenge")
            for operation in (
                migrations.AddField(name, "sealed", models.BinaryField(default=b"")),
                migrations.AlterField(name, "message", models.BinaryField(default=b"")),
                migrations.AlterField(
                    name, "choice", models.CharField(blank=True, choices=CHOICES, max_length=8)
                ),
                migrations.AlterField(name, "rationale", models.TextField(blank=True, max_length=2000)),
            )
        ),
        migrations.AddField(
            "vote", "digest", models.CharField(default="", max_length=64), preserve_default=False
        ),
        migrations.RunSQL(DIGESTS, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "vote",
            models.CheckConstraint(
                condition=models.Q(sealed=b"")
                | models.Q(choice="", share_ppm=None, option="", rationale="", message=b""),
                name="vote_sealed_or_open",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
