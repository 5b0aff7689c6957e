"""Fees: what they were, are and will be, and what they have earned, added up by day."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from venues.models.venue import Venue


class ChangeState(models.TextChoices):
    """A change of fees waits for its notice to pass; ``CHANGE_MOVES`` is the whole rule."""

    ANNOUNCED = "announced", "Announced"
    LIVE = "live", "In force"
    REPLACED = "replaced", "Over"
    WITHDRAWN = "withdrawn", "Withdrawn"
    FAILED = "failed", "Refused"


CHANGE_MOVES: dict[str, set[str]] = {
    ChangeState.ANNOUNCED: {ChangeState.LIVE, ChangeState.WITHDRAWN, ChangeState.FAILED},
    ChangeState.LIVE: {ChangeState.REPLACED},
    ChangeState.REPLACED: set(),
    ChangeState.WITHDRAWN: set(),
    ChangeState.FAILED: set(),
}


class FeeChange(models.Model):
    """A schedule of fees as a venue announced it, ``FeeSchedule`` as data; at most one waits and one is live."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="fee_changes")
    state = models.CharField(max_length=9, choices=ChangeState.choices, default=ChangeState.ANNOUNCED)
    schedule = models.JSONField()
    before = models.JSONField()
    is_rise = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    announced = models.DateTimeField(auto_now_add=True)
    effective = models.DateTimeField()
    applied = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue"], condition=Q(state="announced"), name="fee_change_waits_alone"
            ),
            models.UniqueConstraint(
                fields=["venue"], condition=Q(state="live"), name="fee_change_lives_alone"
            ),
        ]
        indexes = [
            models.Index(fields=["effective"], condition=Q(state="announced"), name="fee_change_due"),
            models.Index(F("venue"), F("id").desc(), name="fee_change_history"),
        ]

    def __str__(self) -> str:
        return f"fees of venue {self.venue_id} from {self.effective:%Y-%m-%d %H:%M}"


class AccountTier(models.Model):
    """The fee tier of an account, as the kernel was last told, and the volume that it was given for."""

    group_id = models.BigIntegerField()
    account = models.BigIntegerField()
    tier = models.PositiveSmallIntegerField()
    volume = models.BigIntegerField()
    assigned = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group_id", "account"], name="account_tier_once")]

    def __str__(self) -> str:
        return f"tier {self.tier} of account {self.group_id}/{self.account}"


class RevenueCursor(models.Model):
    """How far a risk group's fills (``place``) and payments (``sequence``) have been added up."""

    group_id = models.BigIntegerField(primary_key=True)
    place = models.BigIntegerField(default=0)
    sequence = models.BigIntegerField(default=0)
    moved = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"group {self.group_id} at {self.place}"


class RevenueDay(models.Model):
    """One market on one day (UTC): quote units traded, and fees as traders paid them (a rebate is negative)."""

    group_id = models.BigIntegerField()
    market = models.PositiveIntegerField()
    day = models.DateField()
    trades = models.BigIntegerField(default=0)
    volume = models.BigIntegerField(default=0)
    taker_fees = models.BigIntegerField(default=0)
    maker_fees = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group_id", "day", "market"], name="revenue_day_once")]

    def __str__(self) -> str:
        return f"{self.group_id}/{self.market} on {self.day}"


class PaymentDay(models.Model):
    """What an account was paid out of a market's fees on one day, in quote units; ``kind`` is of ``BILL_KINDS``."""

    group_id = models.BigIntegerField()
    market = models.PositiveIntegerField()
    day = models.DateField()
    account = models.BigIntegerField()
    kind = models.SmallIntegerField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group_id", "account", "day", "market", "kind"], name="payment_day_once"
            )
        ]
        indexes = [models.Index(fields=["group_id", "day"], name="payment_day_of_group")]

    def __str__(self) -> str:
        return f"{self.group_id}/{self.market} to {self.account} on {self.day}"


class VolumeDay(models.Model):
    """What an account traded in a market on one day, in quote units; kept as long as fee tiers look back."""

    group_id = models.BigIntegerField()
    account = models.BigIntegerField()
    market = models.PositiveIntegerField()
    day = models.DateField()
    volume = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group_id", "day", "account", "market"], name="volume_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.group_id}/{self.account} on {self.day}"
