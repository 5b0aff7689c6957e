"""What the members of a venue did, for good."""

from django.conf import settings
from django.db import models

from venues.models.venue import Venue


class VenueAct(models.Model):
    """One act at a venue, never changed: when, by whom (nobody: by the clock), the verb, what it was done to.

    ``words`` is the public reason; ``before`` and ``after`` are what it changed, as names and values.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="acts")
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    verb = models.CharField(max_length=40)
    about = models.CharField(max_length=140, blank=True)
    words = models.CharField(max_length=500, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["venue", "-id"], name="act_of_venue")]

    def __str__(self) -> str:
        return f"{self.venue_id}: {self.verb} {self.about}"
