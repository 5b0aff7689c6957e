"""Which tables the audit trail watches, and the triggers that do it; put in place after every migration."""

import re
from typing import Any

from django.apps import apps
from django.db import connections, models

#: Configuration and governance, with the columns that are never noted: secrets, and what moves by itself.
WATCHED: dict[str, tuple[str, ...]] = {
    "auth.User": ("password", "last_login"),
    "auth.User_groups": (),
    "auth.User_user_permissions": (),
    "auth.Group": (),
    "auth.Group_permissions": (),
    "mfa.Authenticator": ("data", "last_used_at"),
    "ledger.Asset": (),
    "ledger.GradeChange": (),
    "ledger.Pause": (),
    "ledger.StakeHold": (),
    "oracles.PriceSource": (
        "next_poll_ms", "push_nonce", "failures", "garbage", "last_price", "last_published_ms", "last_error",
    ),
    "operations.SwitchRequest": (),
    "parameters.ParameterChange": (),
    "venues.AccessPolicy": (),
    "venues.AccountPermission": (),
    "venues.Deployer": (),
    "venues.DeployerToken": ("digest", "token", "sha256", "hash"),
    "venues.Dispute": (),
    "venues.Event": (),
    "venues.FeeChange": (),
    "venues.Fronting": (),
    "venues.Issuer": (),
    "venues.Market": (),
    "venues.PendingAct": (),
    "venues.RuleChange": (),
    "venues.Venue": (),
    "venues.VenueInvitation": ("token", "digest", "sha256", "hash"),
    "venues.VenueMember": (),
    "venues.Webhook": ("secret",),
    "governance.Case": (),
    "governance.CommitteeMember": (),
    "governance.ConflictDeclaration": (),
    "governance.Decision": (),
    "governance.DecisionMove": (),
    "governance.DisputeCase": (),
    "governance.EmergencyHalt": (),
    "governance.Proposal": (),
    "governance.Reply": (),
    "governance.Seat": (),
    "governance.Veto": (),
    "governance.Vote": (),
}  # fmt: skip

TRIGGER = "operations_audit"
_STANDING = """
SELECT c.relname, t.tgargs FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE t.tgname = %s AND c.relnamespace = current_schema()::regnamespace
"""
_NAME = re.compile(r"^[a-z_0-9]+$")


def watched_tables() -> dict[str, tuple[str, ...]]:
    """``{table: columns left out}``; binary columns are always left out."""
    found = {}
    for label, hidden in WATCHED.items():
        model = apps.get_model(label)
        known = {str(field.column) for field in model._meta.fields}
        binary = {str(field.column) for field in model._meta.fields if isinstance(field, models.BinaryField)}
        found[model._meta.db_table] = tuple(sorted((set(hidden) & known) | binary))
    return found


def watch(using: str = "default") -> int:
    """Put the triggers in place that are not, or that leave out other columns; how many were made anew."""
    made = 0
    with connections[using].cursor() as cursor:
        cursor.execute(_STANDING, (TRIGGER,))
        standing = {
            table: tuple(part.decode() for part in bytes(told).split(b"\0") if part)
            for table, told in cursor.fetchall()
        }
        for table, hidden in watched_tables().items():
            if standing.get(table) == hidden:
                continue
            assert all(_NAME.match(name) for name in (table, *hidden))
            columns = ", ".join(f"'{name}'" for name in hidden)
            cursor.execute(f"DROP TRIGGER IF EXISTS {TRIGGER} ON {table}")
            cursor.execute(
                f"CREATE CONSTRAINT TRIGGER {TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON {table}"
                " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                f" EXECUTE FUNCTION operations_note_change({columns})"
            )
            made += 1
    return made


def watch_after_migrating(using: str = "default", plan: Any = None, **_: Any) -> None:
    """Receiver of ``post_migrate``: the triggers follow the migrations, unless these went back before the trail."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regproc('operations_note_change') IS NOT NULL")
        (ready,) = cursor.fetchone()
    if ready:
        watch(using)
