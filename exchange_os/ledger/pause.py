"""What whoever runs the platform has stopped for a while."""

from django.db import models


class PauseFunction(models.TextChoices):
    """What whoever runs the platform may stop for a while."""

    DEPOSIT = "deposit", "Deposits to venues"
    WITHDRAW = "withdraw", "Withdrawals"
    TRADE = "trade", "Trading"
    SETTLE = "settle", "Settlement of events"


class Pause(models.Model):
    """A function that is stopped now, for one risk group or (``group_id`` 0) everywhere; lifted, the row is gone."""

    function = models.CharField(max_length=10, choices=PauseFunction.choices)
    group_id = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=300)
    since = models.DateTimeField()

    class Meta:
        ordering = ["since"]
        constraints = [models.UniqueConstraint(fields=["function", "group_id"], name="pause_once")]

    def __str__(self) -> str:
        return f"{self.function} of {self.group_id or 'all'}"
