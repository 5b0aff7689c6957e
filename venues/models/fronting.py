"""Fronts: one venue showing another's books under its own name, as the two have agreed."""

from django.db import models
from django.db.models import F, Q

from venues.models.venue import Venue


class FrontState(models.TextChoices):
    """How far an agreement has come; ``FRONT_MOVES`` is the whole rule."""

    ASKED = "asked", "Waits for consent"
    CONSENTED = "consented", "Opening"
    LIVE = "live", "Live"
    ENDING = "ending", "Ends soon"
    CLOSING = "closing", "Closing accounts"
    ENDED = "ended", "Ended"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


FRONT_MOVES: dict[str, set[str]] = {
    FrontState.ASKED: {FrontState.CONSENTED, FrontState.DECLINED, FrontState.WITHDRAWN},
    FrontState.CONSENTED: {FrontState.LIVE},
    FrontState.LIVE: {FrontState.ENDING},
    FrontState.ENDING: {FrontState.CLOSING},
    FrontState.CLOSING: {FrontState.ENDED},
    FrontState.ENDED: set(),
    FrontState.DECLINED: set(),
    FrontState.WITHDRAWN: set(),
}


class Fronting(models.Model):
    """An agreement between the deployer of ``front`` and that of ``owner``, whose books it shows.

    ``builder_ppm`` of every trade goes to the front, for as long as the agreement lasts. ``words`` are its deployer's
    to the owner, ``reason`` why it ended.
    """

    front = models.OneToOneField(Venue, on_delete=models.PROTECT, related_name="fronting")
    owner = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="frontings")
    state = models.CharField(max_length=9, choices=FrontState.choices, default=FrontState.ASKED)
    builder_ppm = models.PositiveIntegerField()
    words = models.CharField(max_length=280, blank=True)
    reason = models.CharField(max_length=280, blank=True)
    asked = models.DateTimeField(auto_now_add=True)
    answered = models.DateTimeField(null=True)
    ends = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(front=F("owner")), name="front_of_another"),
        ]
        indexes = [models.Index(fields=["state"], name="fronting_by_state")]

    def __str__(self) -> str:
        return f"{self.front_id} in front of {self.owner_id}"
