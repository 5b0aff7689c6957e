"""What whoever runs the platform has stopped for a while."""

from typing import Self

from django.db import models
from django.db.models.functions import Now


class PauseFunction(models.TextChoices):
    """What whoever runs the platform may stop for a while."""

    DEPOSIT = "deposit", "Deposits to venues"
    WITHDRAW = "withdraw", "Withdrawals"
    TRADE = "trade", "Trading"
    LIQUIDATE = "liquidate", "Liquidations"
    SETTLE = "settle", "Settlement of events"


class PauseQuerySet(models.QuerySet["Pause"]):
    """Pauses, those whose time is up among them until a sweep takes them away."""

    def standing(self) -> Self:
        """Those that stop something now."""
        return self.filter(models.Q(until=None) | models.Q(until__gt=Now()))


class Pause(models.Model):
    """A function that is stopped now, for one risk group or (``group_id`` 0) everywhere; lifted, the row is gone.

    ``until``: when it ends by itself; None if only people end it.
    """

    function = models.CharField(max_length=10, choices=PauseFunction.choices)
    group_id = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=300)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    objects = PauseQuerySet.as_manager()

    class Meta:
        ordering = ["since"]
        constraints = [models.UniqueConstraint(fields=["function", "group_id"], name="pause_once")]

    def __str__(self) -> str:
        return f"{self.function} of {self.group_id or 'all'}"
