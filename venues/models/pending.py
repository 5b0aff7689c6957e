"""Dangerous acts that wait for a second person, and rules of markets that wait for their time."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from venues.models.market import Market
from venues.models.venue import Venue


class PendingState(models.TextChoices):
    """A dangerous act waits for a second person, or for its time where there is none; ``PENDING_MOVES`` is the rule."""

    WAITING = "waiting", "Waiting"
    DOING = "doing", "Being done"
    DONE = "done", "Done"
    FAILED = "failed", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


PENDING_MOVES: dict[str, set[str]] = {
    PendingState.WAITING: {PendingState.DOING, PendingState.WITHDRAWN, PendingState.EXPIRED},
    PendingState.DOING: {PendingState.DONE, PendingState.FAILED},
    PendingState.DONE: set(),
    PendingState.FAILED: set(),
    PendingState.WITHDRAWN: set(),
    PendingState.EXPIRED: set(),
}


class PendingAct(models.Model):
    """A dangerous act with its exact parameters.

    ``digest`` is the SHA-256 of venue, act and parameters as canonical JSON: who approves names it, so that
    nothing else can be done than what was read.

    ``due`` is set where nobody else could approve: then the act is done at that time. ``expires`` ends the others.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="pending_acts")
    act = models.CharField(max_length=30)
    parameters = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    words = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=PendingState.choices, default=PendingState.WAITING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    requested = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField(null=True)
    expires = models.DateTimeField()
    over = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["digest"], condition=Q(state__in=["waiting", "doing"]), name="act_waits_once"
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("requested_by")), name="act_of_two_people"
            ),
        ]
        indexes = [models.Index(fields=["venue", "state"], name="act_waiting_at_venue")]

    def __str__(self) -> str:
        return f"{self.venue_id}: {self.act} ({self.state})"


class RuleState(models.TextChoices):
    """A change of a market's rules is drafted and tried, then waits, then holds; ``RULE_MOVES`` is the rule."""

    DRAFT = "draft", "Draft"
    WAITING = "waiting", "Waiting for a second person"
    LOCKED = "locked", "Announced"
    LIVE = "live", "In force"
    WITHDRAWN = "withdrawn", "Withdrawn"
    FAILED = "failed", "Refused"


RULE_MOVES: dict[str, set[str]] = {
    RuleState.DRAFT: {RuleState.WAITING, RuleState.LOCKED, RuleState.WITHDRAWN},
    RuleState.WAITING: {RuleState.LOCKED, RuleState.WITHDRAWN, RuleState.FAILED},
    RuleState.LOCKED: {RuleState.LIVE, RuleState.WITHDRAWN, RuleState.FAILED},
    RuleState.LIVE: set(),
    RuleState.WITHDRAWN: set(),
    RuleState.FAILED: set(),
}


class RuleChange(models.Model):
    """New values of some rules of one market (``venues/rules.py``), with those they take the place of.

    ``hurts`` says that it can hurt who holds a position or an order, ``risky`` that less margin stands behind them.
    What it would have done is ``simulation``, tried on the last ``tried_commands`` of the venue's journal.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="rule_changes")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="rule_changes")
    state = models.CharField(max_length=10, choices=RuleState.choices, default=RuleState.DRAFT)
    values = models.JSONField()
    before = models.JSONField()
    hurts = models.BooleanField()
    risky = models.BooleanField()
    words = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    made = models.DateTimeField(auto_now_add=True)
    effective = models.DateTimeField(null=True)
    applied = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    trying_since = models.DateTimeField(null=True)
    tried_commands = models.PositiveIntegerField(default=0)
    simulation = models.JSONField(default=dict, blank=True)
    trial_error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["market"],
                condition=Q(state__in=["waiting", "locked"]),
                name="rule_change_waits_alone",
            )
        ]
        indexes = [models.Index(fields=["effective"], condition=Q(state="locked"), name="rule_change_due")]

    def __str__(self) -> str:
        return f"{self.market_id}: {', '.join(self.values)}"
