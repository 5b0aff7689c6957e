"""Events of outcome markets and every move of one."""

from django.conf import settings
from django.db import models

from exchange_os.ledger.models import Asset
from venues.models.venue import Venue


class EventKind(models.TextChoices):
    """What an event asks: yes or no, which of several, or how much (paid as a fraction)."""

    BINARY = "binary", "Yes or no"
    MULTIPLE = "multiple", "One of several"
    SCALAR = "scalar", "A number in a range"


class EventState(models.TextChoices):
    """An event trades until it closes; a proposed result is final when its window ends without a challenge."""

    PENDING = "pending", "Pending"
    OPEN = "open", "Trading"
    CLOSED = "closed", "Closed, waiting for the result"
    PROPOSED = "proposed", "Result proposed"
    DISPUTED = "disputed", "Result disputed"
    RESOLVED = "resolved", "Resolved"
    VOID = "void", "Void: paid at the last fair prices"


class Event(models.Model):
    """A question with 2 to 256 outcomes of which exactly one wins, ``number`` dense from 0 within its risk group.

    A binary event has one market (Yes; No is its mirror), any other one market an outcome. ``payouts`` maps outcome
    numbers to parts per million of one unit, once a result is proposed; ``voiding`` if that result is that there is
    none. ``series`` and ``code`` make up the symbols of its markets, ``code`` in capitals without spaces. ``fallback``
    is the outcome that late outcomes come out of. A scalar may say what its ends mean: a price of 0 is ``low``, a price
    of one unit is ``high``, in ``measure``, decimals as text. ``proposer`` is who
    proposed the result that stands (nobody: the clock), with a bond of ``proposer_bond`` units of the stake asset if
    that is not the deployer. What the question is cannot change once it trades; PostgreSQL refuses it.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=EventKind.choices)
    series = models.CharField(max_length=16)
    code = models.CharField(max_length=24)
    title = models.CharField(max_length=140)
    category = models.CharField(max_length=30, blank=True)
    rules = models.TextField(max_length=4000)
    source = models.CharField(max_length=300)
    settlement_asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    closes = models.DateTimeField()
    window_seconds = models.PositiveIntegerField(default=7200)
    fallback = models.PositiveSmallIntegerField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.PENDING)
    payouts = models.JSONField(default=dict, blank=True)
    voiding = models.BooleanField(default=False)
    low = models.CharField(max_length=24, blank=True)
    high = models.CharField(max_length=24, blank=True)
    measure = models.CharField(max_length=20, blank=True)
    evidence = models.CharField(max_length=500, blank=True)
    dispute = models.CharField(max_length=500, blank=True)
    proposer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposer_bond = models.BigIntegerField(default=0)
    proposed = models.DateTimeField(null=True)
    resolved = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["closes", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "number"], name="event_number_in_venue"),
            models.UniqueConstraint(fields=["venue", "code"], name="event_code_in_venue"),
        ]
        indexes = [models.Index(fields=["state", "closes"], name="event_by_state")]

    def __str__(self) -> str:
        return self.title


class EventMove(models.Model):
    """One move of an event to a state, never changed: when, by whom (nobody: by the clock), with what words and where
    they can be checked. ``payouts`` and ``voiding`` are those of a proposal."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="moves")
    state = models.CharField(max_length=10, choices=EventState.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=300, blank=True)
    payouts = models.JSONField(default=dict, blank=True)
    voiding = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.event_id}: {self.state}"
