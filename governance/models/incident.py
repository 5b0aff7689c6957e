"""What the platform noticed by itself, each with the finding that anyone can replay."""

from django.db import models

from governance.models.case import Case
from venues.models import Venue


class Incident(models.Model):
    """One finding of a detector, kept once for each venue, rule and ``window`` (an event; a market and day or outage).

    ``finding`` is what ``rule`` found with ``params`` over the commands ``first_sequence`` to ``last_sequence`` of the
    group's journal, whose chain then had ``journal_hash``; ``sha256`` is that of its canonical JSON. ``offence`` is
    what it may amount to. Only two things change: ``case``, which a member drafted from it, and ``ended``, when a risk
    group that did not answer (the rule ``silence``) answered again.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="incidents")
    rule = models.CharField(max_length=24)
    window = models.CharField(max_length=60)
    offence = models.CharField(max_length=24)
    title = models.CharField(max_length=140)
    happened = models.DateTimeField()
    group_id = models.BigIntegerField()
    params = models.JSONField()
    first_sequence = models.BigIntegerField()
    last_sequence = models.BigIntegerField()
    journal_hash = models.CharField(max_length=64)
    finding = models.JSONField()
    sha256 = models.CharField(max_length=64)
    case = models.OneToOneField(Case, null=True, on_delete=models.PROTECT, related_name="incident")
    found = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "rule", "window"], name="incident_once"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def lasts(self) -> bool:
        """Whether it is an outage that goes on."""
        return self.rule == "silence" and self.ended is None
