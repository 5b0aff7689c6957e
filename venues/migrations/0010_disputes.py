"""Disputes with their bonds, evidence and clarifications; what was asked and said about an event stays as it was."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
-- Once an event trades, what it asks and how it is decided stay; the time to challenge its result only grows.
CREATE FUNCTION venues_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'pending' AND (
        (NEW.venue_id, NEW.number, NEW.kind, NEW.series, NEW.code, NEW.title, NEW.rules, NEW.source, NEW.fallback,
         NEW.settlement_asset_id, NEW.low, NEW.high, NEW.measure)
        IS DISTINCT FROM
        (OLD.venue_id, OLD.number, OLD.kind, OLD.series, OLD.code, OLD.title, OLD.rules, OLD.source, OLD.fallback,
         OLD.settlement_asset_id, OLD.low, OLD.high, OLD.measure)
        OR NEW.window_seconds < OLD.window_seconds) THEN
        RAISE EXCEPTION 'what an event asks is never changed once it trades';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER venues_event_guard BEFORE UPDATE ON venues_event
    FOR EACH ROW EXECUTE FUNCTION venues_event_guard();

CREATE FUNCTION venues_said_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was said about an event is never changed';
END $$;
CREATE TRIGGER venues_clarification_append_only BEFORE UPDATE OR DELETE ON venues_clarification
    FOR EACH ROW EXECUTE FUNCTION venues_said_guard();
CREATE TRIGGER venues_evidence_append_only BEFORE UPDATE OR DELETE ON venues_evidence
    FOR EACH ROW EXECUTE FUNCTION venues_said_guard();

-- A dispute keeps what it claims and what was put up, goes its way once, and is never removed.
CREATE FUNCTION venues_dispute_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a dispute is never removed';
    ELSIF (NEW.event_id, NEW.joined_id, NEW.challenger_id, NEW.bond, NEW.counter_bond, NEW.reason, NEW.source,
           NEW.payouts, NEW.voiding, NEW.created)
        IS DISTINCT FROM
          (OLD.event_id, OLD.joined_id, OLD.challenger_id, OLD.bond, OLD.counter_bond, OLD.reason, OLD.source,
           OLD.payouts, OLD.voiding, OLD.created) THEN
        RAISE EXCEPTION 'what a dispute claims is never changed';
    ELSIF OLD.state NOT IN ('open', 'judged') OR (OLD.state = 'judged' AND NEW.verdict <> OLD.verdict) THEN
        RAISE EXCEPTION 'dispute % is decided', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER venues_dispute_guard BEFORE UPDATE OR DELETE ON venues_dispute
    FOR EACH ROW EXECUTE FUNCTION venues_dispute_guard();
"""
UNGUARD = """
DROP FUNCTION venues_event_guard() CASCADE;
DROP FUNCTION venues_said_guard() CASCADE;
DROP FUNCTION venues_dispute_guard() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("venues", "0009_venue_held_by_decision"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="proposer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="proposer_bond",
            field=models.BigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="Clarification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=1000)),
                ("added_seconds", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clarifications",
                        to="venues.event",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                ("link", models.CharField(blank=True, max_length=300)),
                ("sha256", models.CharField(max_length=64)),
                ("content", models.BinaryField(blank=True, null=True)),
                ("size", models.PositiveIntegerField(default=0)),
                (
                    "move",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="venues.eventmove",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("bond", models.BigIntegerField()),
                ("counter_bond", models.BigIntegerField(default=0)),
                ("reason", models.CharField(max_length=500)),
                ("source", models.CharField(max_length=300)),
                ("payouts", models.JSONField(blank=True, default=dict)),
                ("voiding", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waiting for the panel"),
                            ("judged", "Judged, being carried out"),
                            ("won", "The challenger was right"),
                            ("lost", "The result stood"),
                            ("returned", "Bond returned"),
                        ],
                        default="open",
                        max_length=8,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("uphold", "The result stands"),
                            ("overturn", "Another result"),
                            ("void", "Void: paid at the last fair prices"),
                            ("conceded", "The proposer gave in"),
                            ("lapsed", "Nobody judged in time: void"),
                        ],
                        max_length=9,
                    ),
                ),
                ("verdict_payouts", models.JSONField(blank=True, default=dict)),
                ("words", models.CharField(blank=True, max_length=500)),
                ("decided", models.DateTimeField(blank=True, null=True)),
                ("received", models.BigIntegerField(blank=True, null=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                (
                    "challenger",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="venues.event",
                    ),
                ),
                (
                    "joined",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="joiners",
                        to="venues.dispute",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["open", "judged"])),
                        fields=["event"],
                        name="dispute_undecided",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("bond__gt", 0), ("counter_bond__gte", 0)),
                        name="dispute_bond_positive",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["open", "judged"])),
                        fields=("event", "challenger"),
                        name="dispute_once_at_a_time",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("joined", None), ("state__in", ["open", "judged"])),
                        fields=("event",),
                        name="dispute_one_case_of_an_event",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
