"""What is said and staked about the result of an event: disputes with their bonds, evidence, clarifications."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from venues.models.event import Event, EventMove


class DisputeState(models.TextChoices):
    """A dispute is open until a verdict is given, and judged until the verdict has been carried out."""

    OPEN = "open", "Waiting for the panel"
    JUDGED = "judged", "Judged, being carried out"
    WON = "won", "The challenger was right"
    LOST = "lost", "The result stood"
    RETURNED = "returned", "Bond returned"


DISPUTE_MOVES: dict[DisputeState, set[DisputeState]] = {
    DisputeState.OPEN: {DisputeState.JUDGED},
    DisputeState.JUDGED: {DisputeState.WON, DisputeState.LOST, DisputeState.RETURNED},
    DisputeState.WON: set(),
    DisputeState.LOST: set(),
    DisputeState.RETURNED: set(),
}
#: States in which a bond is held.
UNDECIDED = (DisputeState.OPEN, DisputeState.JUDGED)


class Verdict(models.TextChoices):
    """How a dispute ends: by a panel, by the proposer who gives in, or by the clock because nobody judged."""

    UPHOLD = "uphold", "The result stands"
    OVERTURN = "overturn", "Another result"
    VOID = "void", "Void: paid at the last fair prices"
    CONCEDED = "conceded", "The proposer gave in"
    LAPSED = "lapsed", "Nobody judged in time: void"


class Dispute(models.Model):
    """A bonded challenge of a proposed result. Several of one proposal are one case: the later ones ``joined`` the
    first, and a verdict is given on all of them at once.

    ``bond`` and ``counter_bond`` are units of the stake asset on the event's account of disputes; the proposer's
    counter-bond is on the first dispute of a case only. ``payouts`` is what the challenger says is right, in parts per
    million of one unit by outcome; empty with ``voiding`` if they say that there is no result. ``received`` is what
    came back to the challenger. A verdict is written before it is carried out, so that it is carried out once.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="disputes")
    joined = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="joiners"
    )
    challenger = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="disputes"
    )
    bond = models.BigIntegerField()
    counter_bond = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=500)
    source = models.CharField(max_length=300)
    payouts = models.JSONField(default=dict, blank=True)
    voiding = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=DisputeState.choices, default=DisputeState.OPEN)
    verdict = models.CharField(max_length=9, choices=Verdict.choices, blank=True)
    verdict_payouts = models.JSONField(default=dict, blank=True)
    words = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided = models.DateTimeField(null=True, blank=True)
    received = models.BigIntegerField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(bond__gt=0, counter_bond__gte=0), name="dispute_bond_positive"
            ),
            models.UniqueConstraint(
                fields=["event", "challenger"],
                condition=Q(state__in=["open", "judged"]),
                name="dispute_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(state__in=["open", "judged"], joined=None),
                name="dispute_one_case_of_an_event",
            ),
        ]
        indexes = [
            models.Index(
                fields=["event"], condition=Q(state__in=["open", "judged"]), name="dispute_undecided"
            )
        ]

    def __str__(self) -> str:
        return f"dispute {self.pk} of event {self.event_id}"


class Evidence(models.Model):
    """Something that bears out a move of an event, never changed: a file kept here, or a link with the hash that what
    stood there had. ``sha256`` is in hexadecimal; ``content`` is empty for a link."""

    move = models.ForeignKey(EventMove, on_delete=models.PROTECT, related_name="evidence")
    name = models.CharField(max_length=120)
    link = models.CharField(max_length=300, blank=True)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField(null=True, blank=True)
    size = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


class Clarification(models.Model):
    """What the deployer added to the rules of an event, never changed. The rules themselves do not change once the
    event trades. ``added_seconds`` is by how much it lengthened the time to challenge a result."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="clarifications")
    text = models.CharField(max_length=1000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_seconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.text[:40]}"
