"""Who sits on the committee, for how long, and what they declared."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from venues.models import Venue


class CommitteeMember(models.Model):
    """One term of one person, from ``since`` to ``until``; a term that ended early says when and why.

    Guardians are the members who may halt a venue at once, two together.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="terms")
    name = models.CharField(max_length=60, help_text="The name under which votes are published.")
    since = models.DateTimeField()
    until = models.DateTimeField()
    guardian = models.BooleanField(default=False)
    removed = models.DateTimeField(null=True, blank=True)
    removed_reason = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="member_term_in_order"),
            models.UniqueConstraint(
                fields=["user"], condition=Q(removed=None), name="member_one_term_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ConflictDeclaration(models.Model):
    """A member's own word that they do not judge a venue; it is never taken back while the term lasts."""

    member = models.ForeignKey(CommitteeMember, on_delete=models.PROTECT, related_name="declarations")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["member", "venue"], name="conflict_declared_once")]

    def __str__(self) -> str:
        return f"{self.member_id} does not judge {self.venue_id}"
