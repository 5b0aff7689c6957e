"""Improvement proposals: what one would do, and the guardians who object."""

from django.db import models

from governance.models.committee import CommitteeMember
from governance.models.decision import Decision


class Proposal(models.Model):
    """The terms of an improvement proposal, by the kind of its decision. ``vetoed`` is the one that it brings again."""

    decision = models.OneToOneField(
        Decision, primary_key=True, on_delete=models.PROTECT, related_name="proposal"
    )
    terms = models.JSONField()
    vetoed = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="brought_again")

    def __str__(self) -> str:
        return f"proposal {self.decision_id}"


class Veto(models.Model):
    """One guardian's objection to an adopted decision, never changed."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="vetoes")
    member = models.ForeignKey(CommitteeMember, on_delete=models.PROTECT, related_name="+")
    words = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["decision", "member"], name="veto_once")]

    def __str__(self) -> str:
        return f"{self.member_id} against {self.decision_id}"
