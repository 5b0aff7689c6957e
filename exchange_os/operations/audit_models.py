"""The audit trail's table: one row a change of a watched table, chained by hash, append-only by trigger."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models


class AuditEvent(models.Model):
    """One row that was added, changed or removed, whoever did it.

    Written by a trigger of PostgreSQL when the change commits, so an edit in SQL is here as well: then nobody is named
    (``user_id`` empty) but the database role is. ``before`` and ``after`` hold the whole row of a removal and an
    addition, and what differs of a change; secrets are left out. ``via`` is the door: a request, a task, a command.
    ``hash`` is that of ``services.audit.digest_of`` over the one before it.
    """

    class Op(models.TextChoices):
        ADDED = "INSERT", "added"
        CHANGED = "UPDATE", "changed"
        REMOVED = "DELETE", "removed"

    at = models.DateTimeField()
    table_name = models.CharField(max_length=63)
    row_id = models.CharField(max_length=64)
    op = models.CharField(max_length=6, choices=Op.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    user_id = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    via = models.CharField(max_length=120, blank=True)
    db_role = models.CharField(max_length=63)
    previous_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64)
    words = SearchVectorField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            GinIndex(fields=["words"], name="audit_words"),
            models.Index(fields=["user_id", "-id"], name="audit_who"),
            models.Index(fields=["table_name", "-id"], name="audit_table"),
            models.Index(fields=["at"], name="audit_when"),
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.table_name} {self.row_id}"
