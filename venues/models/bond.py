"""What the stake asset is worth over time, and what deployers are told about their stake."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from exchange_os.ledger.models import Asset


class StakePrice(models.Model):
    """What one unit of the stake asset was worth in a settlement asset from a moment on; a row a move.

    ``price`` is a plain decimal, ``source`` what said so. The next fall is measured from the last row that is
    ``announced``.
    """

    settlement = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    price = models.CharField(max_length=24)
    source = models.CharField(max_length=80)
    announced = models.BooleanField(default=False)
    observed = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(F("settlement"), F("id").desc(), name="stake_price_newest")]

    def __str__(self) -> str:
        return f"{self.price} {self.settlement_id}"


class DeployerNotice(models.Model):
    """Something a deployer must know about stake, fees or venues; ``source`` names its cause, so it is told once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=60)
    text = models.CharField(max_length=240)
    link = models.CharField(max_length=160)
    warning = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "source"], name="deployer_notice_once"),
            models.CheckConstraint(condition=~Q(text=""), name="deployer_notice_says_something"),
        ]

    def __str__(self) -> str:
        return self.text
