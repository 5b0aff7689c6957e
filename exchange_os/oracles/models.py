"""Price sources, what each of them said, and what went wrong. Keyed by integers (risk group, market number)."""

from django.db import models
from django.db.models import Q


class SourceKind(models.TextChoices):
    """Where a price comes from."""

    PYTH = "pyth", "Pyth (Hermes)"
    CHAINLINK = "chainlink", "Chainlink (JSON-RPC)"
    HTTP = "http", "HTTP JSON"
    INTERNAL = "internal", "A market of this platform"
    PUSH = "push", "Signed push by the deployer"
    REPLAY = "replay", "Recorded bars"


class Role(models.IntegerChoices):
    """What a price is of, in the kernel's numbers."""

    INDEX = 0, "Index"
    EXTERNAL = 1, "Perpetual elsewhere"


class PriceSource(models.Model):
    """One source of one market's price, ``number`` its name in the kernel.

    ``tick_size`` (quote for one tick) is a plain decimal; what the source says is multiplied by ``multiplier``, another
    one, before it becomes ticks. ``config`` is what its adapter needs. ``next_poll_ms`` is when it is next asked and
    moves on as it is claimed, further with every failure in a row. ``push_nonce`` is the last one a push used.
    """

    group_id = models.BigIntegerField()
    market = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=SourceKind.choices)
    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.INDEX)
    config = models.JSONField(default=dict, blank=True)
    tick_size = models.CharField(max_length=24)
    multiplier = models.CharField(max_length=24, default="1")
    poll_ms = models.PositiveIntegerField(default=3_000)
    timeout_ms = models.PositiveIntegerField(default=2_000)
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)
    next_poll_ms = models.BigIntegerField(default=0)
    push_nonce = models.BigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    garbage = models.PositiveIntegerField(default=0)
    last_price = models.CharField(max_length=48, blank=True)
    last_published_ms = models.BigIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["group_id", "market", "number"]
        constraints = [
            models.UniqueConstraint(fields=["group_id", "market", "number"], name="oracle_source_number"),
            models.CheckConstraint(
                condition=Q(
                    poll_ms__gte=1_000, poll_ms__lte=3_600_000, timeout_ms__gte=100, timeout_ms__lte=5_000
                ),
                name="oracle_source_times",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_poll_ms"],
                name="oracle_source_due",
                condition=Q(enabled=True) & ~Q(kind="push"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.group_id}/{self.market})"


class Observation(models.Model):
    """What a source said, or why it said nothing: kept for a while, never changed.

    ``price`` is what it said times the multiplier, exactly; ``price_ticks`` the same to the nearest tick (0: none).
    """

    source = models.ForeignKey(PriceSource, on_delete=models.CASCADE, related_name="observations")
    price = models.CharField(max_length=48, blank=True)
    price_ticks = models.BigIntegerField(default=0)
    published_ms = models.BigIntegerField(default=0)
    received_ms = models.BigIntegerField()
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["source", "-received_ms"], name="oracle_observation_newest"),
            models.Index(fields=["received_ms"], name="oracle_observation_age"),
        ]

    def __str__(self) -> str:
        return self.error or f"{self.price} at {self.published_ms}"


class AlarmCode(models.TextChoices):
    """What can be wrong with a price or one of its sources."""

    PRICE_THIN = "price_thin", "Too few sources"
    PRICE_STALE = "price_stale", "No fresh source"
    PRICE_VOLATILE = "price_volatile", "Sources disagree, or the index is far from them"
    SOURCE_FAILING = "source_failing", "The source cannot be read"
    SOURCE_STALE = "source_stale", "The source says nothing new"
    SOURCE_GARBAGE = "source_garbage", "The source says what makes no sense"
    SOURCE_DEMOTED = "source_demoted", "The source no longer counts"
    SOURCE_DIVERGENT = "source_divergent", "The source disagrees with the others"
    UNDELIVERED = "undelivered", "The risk group did not take the observations"


class OracleAlarm(models.Model):
    """Something wrong with a market's price (``source`` empty) or a source, from ``opened`` until ``closed``."""

    group_id = models.BigIntegerField()
    market = models.PositiveIntegerField()
    source = models.ForeignKey(PriceSource, null=True, on_delete=models.CASCADE, related_name="alarms")
    code = models.CharField(max_length=20, choices=AlarmCode.choices)
    detail = models.JSONField(default=dict, blank=True)
    count = models.PositiveIntegerField(default=1)
    opened = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(auto_now=True)
    closed = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-opened"]
        constraints = [
            models.UniqueConstraint(
                fields=["group_id", "market", "source", "code"],
                condition=Q(closed=None),
                nulls_distinct=False,
                name="oracle_alarm_open_once",
            )
        ]
        indexes = [models.Index(fields=["group_id", "-opened"], name="oracle_alarm_newest")]

    def __str__(self) -> str:
        return f"{self.code} {self.group_id}/{self.market}"
