"""What a venue's kernel said once an hour, so that a day can be told from the day before."""

from django.db import models

from venues.models.venue import Venue


class VenueSample(models.Model):
    """Figures of a venue in one hour in which it traded, all of them to date but the last two.

    ``fees`` are units by asset id, collected ones included; ``last_trade`` is the group's newest trade id;
    ``interest_units`` and ``insurance_units`` are of the asset that contracts settle in.
    """

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="samples")
    hour = models.DateTimeField()
    last_trade = models.BigIntegerField(default=0)
    fees = models.JSONField(default=dict)
    liquidations = models.BigIntegerField(default=0)
    interest_units = models.BigIntegerField(default=0)
    insurance_units = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["hour"]
        constraints = [models.UniqueConstraint(fields=["venue", "hour"], name="venue_sample_once_an_hour")]

    def __str__(self) -> str:
        return f"{self.venue_id} at {self.hour:%Y-%m-%d %H}"
