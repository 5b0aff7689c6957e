"""Disputed results before the committee."""

from django.db import models

from governance.models.decision import Decision
from venues.models import Dispute, Venue


class DisputeCase(models.Model):
    """A decision of kind ``dispute`` and the dispute it gives a verdict on, with those that joined it.

    A panel that comes to no verdict is followed by another decision on the same dispute, until its deadline.
    """

    decision = models.OneToOneField(
        Decision, primary_key=True, on_delete=models.PROTECT, related_name="dispute_case"
    )
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, related_name="decisions")

    @property
    def venue(self) -> Venue:
        """The venue of the event."""
        return self.dispute.event.venue

    def __str__(self) -> str:
        return f"dispute {self.dispute_id} in decision {self.decision_id}"
