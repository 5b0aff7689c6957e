"""Emergency halts of venues by guardians."""

from django.db import models
from django.db.models import Q

from governance.models.decision import Decision
from venues.models import Venue


class EmergencyHalt(models.Model):
    """A venue halted by two guardians until ``lapses``, unless the committee ratifies it before.

    ``halted`` and ``ended`` are when the venue was told; both are repeated until they are done. ``reopen``: the
    venue was open when it was halted, so it opens again.
    """

    decision = models.OneToOneField(Decision, primary_key=True, on_delete=models.PROTECT, related_name="halt")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="emergency_halts")
    ratification = models.OneToOneField(
        Decision, null=True, on_delete=models.PROTECT, related_name="ratified_halt"
    )
    lapses = models.DateTimeField(null=True)
    halted = models.DateTimeField(null=True)
    reopen = models.BooleanField(default=True)
    ratified = models.BooleanField(default=False)
    ended = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue"],
                condition=Q(ended=None, lapses__isnull=False),
                name="emergency_halt_one_a_venue",
            )
        ]

    def __str__(self) -> str:
        return f"halt of {self.venue_id}"
