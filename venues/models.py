"""The deployer's side: deployers, venues, their markets, and the drafts and progress of launches."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from exchange_os.ledger.models import Asset

SLUG_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{1,28}[a-z0-9])$"
ACCENT_PATTERN = r"^#[0-9a-f]{6}$"
PPM = 1_000_000


class Deployer(models.Model):
    """A user who may launch venues; their stake is the ledger's account of kind ``stake``."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deployer")
    name = models.CharField(max_length=60)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class VenueState(models.TextChoices):
    """A venue is launching until its risk group trades; a launch that a rule refused leaves it failed."""

    LAUNCHING = "launching", "Launching"
    OPEN = "open", "Open"
    HALTED = "halted", "Halted"
    FAILED = "failed", "Launch refused"


VENUE_MOVES: dict[VenueState, set[VenueState]] = {
    VenueState.LAUNCHING: {VenueState.OPEN, VenueState.FAILED},
    VenueState.OPEN: {VenueState.HALTED},
    VenueState.HALTED: {VenueState.OPEN},
    VenueState.FAILED: set(),
}


class Venue(models.Model):
    """A place to trade, inside one risk group. Fees are parts per million of the quote amount of a fill.

    ``maker_fee_ppm`` and ``taker_fee_ppm`` are what a new market starts with; each market has its own. Of every fee
    the protocol keeps ``protocol_share_ppm``. ``capacity_units`` of the settlement asset is what the kernel was last
    told that open interest may be worth. A failed launch gives its address back.
    """

    slug = models.CharField(max_length=30, validators=[RegexValidator(SLUG_PATTERN)])
    name = models.CharField(max_length=40)
    deployer = models.ForeignKey(Deployer, on_delete=models.PROTECT, related_name="venues")
    group_id = models.BigIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=VenueState.choices, default=VenueState.LAUNCHING)
    accent = models.CharField(max_length=7, default="#2f6feb", validators=[RegexValidator(ACCENT_PATTERN)])
    description = models.CharField(max_length=280, blank=True)
    maker_fee_ppm = models.IntegerField(default=0)
    taker_fee_ppm = models.IntegerField(default=0)
    protocol_share_ppm = models.IntegerField(default=0)
    capacity_units = models.BigIntegerField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    opened = models.DateTimeField(null=True)
    launch_attempts = models.PositiveIntegerField(default=0)
    launch_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slug"], condition=~Q(state="failed"), name="venue_slug_of_the_living"
            ),
            models.CheckConstraint(
                condition=Q(protocol_share_ppm__gte=0, protocol_share_ppm__lte=PPM),
                name="venue_share_in_range",
            ),
        ]
        indexes = [models.Index(fields=["state", "id"], name="venue_by_state")]

    def __str__(self) -> str:
        return self.slug


class MarketKind(models.TextChoices):
    """What is traded."""

    SPOT = "spot", "Spot"
    PERPETUAL = "swap", "Perpetual"
    OUTCOME = "outcome", "Outcome"


class Phase(models.IntegerChoices):
    """Phase of a market, in the kernel's numbers; ``PENDING`` also before the kernel knows the market."""

    PENDING = 0, "Pending"
    AUCTION = 1, "Auction"
    OPEN = 2, "Open"
    HALTED = 3, "Halted"
    CLOSING = 4, "Closing"
    SETTLING = 5, "Settling"
    SETTLED = 6, "Settled"


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
    of one unit is ``high``, in ``measure``, decimals as text.
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


class Market(models.Model):
    """A market of a venue, ``number`` dense from 0 within its risk group.

    ``tick_size`` (quote per base) and ``lot_size`` are canonical decimals, with ``price_scale`` and ``size_scale``
    digits after the point; ``tick_quote`` is the quote units of one lot one tick dearer. Prices are kept in ticks and
    sizes in lots. ``band_ppm`` bounds how far from the last price an order may be priced.

    Spot: a lot is ``lot_size`` of ``base``, ``lot_units`` of its units. Contracts: a lot is one contract (``lot_size``
    1); of a perpetual it is worth ``contract_value`` of ``base``, the underlying; one of an outcome pays one unit of
    ``quote``, ``payout_ticks`` ticks, if ``outcome`` of ``event`` wins, and has no base.
    """

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, related_name="markets")
    number = models.PositiveIntegerField()
    symbol = models.CharField(max_length=48)
    kind = models.CharField(max_length=8, choices=MarketKind.choices, default=MarketKind.SPOT)
    base = models.ForeignKey(Asset, null=True, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    tick_size = models.CharField(max_length=24)
    lot_size = models.CharField(max_length=24)
    price_scale = models.PositiveSmallIntegerField()
    size_scale = models.PositiveSmallIntegerField()
    lot_units = models.BigIntegerField()
    tick_quote = models.BigIntegerField()
    contract_value = models.CharField(max_length=24, blank=True)
    payout_ticks = models.PositiveIntegerField(default=0)
    event = models.ForeignKey(Event, null=True, on_delete=models.PROTECT, related_name="markets")
    outcome = models.PositiveSmallIntegerField(default=0)
    outcome_name = models.CharField(max_length=60, blank=True)
    min_size_lots = models.BigIntegerField(default=1)
    reference_ticks = models.BigIntegerField()
    band_ppm = models.IntegerField()
    maker_fee_ppm = models.IntegerField()
    taker_fee_ppm = models.IntegerField()
    params = models.JSONField(default=dict, blank=True)
    phase = models.PositiveSmallIntegerField(choices=Phase.choices, default=Phase.PENDING)
    created = models.DateTimeField(auto_now_add=True)
    opened = models.DateTimeField(null=True)

    class Meta:
        ordering = ["venue_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["venue", "number"], name="market_number_in_venue"),
            models.UniqueConstraint(fields=["venue", "symbol"], name="market_symbol_in_venue"),
            models.CheckConstraint(condition=Q(base=None) | ~Q(base=F("quote")), name="market_of_two_assets"),
            models.CheckConstraint(
                condition=Q(
                    lot_units__gte=1, tick_quote__gte=1, min_size_lots__gte=1, reference_ticks__gte=1
                ),
                name="market_numbers_positive",
            ),
            models.CheckConstraint(
                condition=Q(kind="outcome", base=None, event__isnull=False, payout_ticks__gte=2)
                | (~Q(kind="outcome") & Q(base__isnull=False, event=None, payout_ticks=0)),
                name="market_parts_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def size_unit(self) -> str:
        """What sizes are counted in: the base asset, or contracts."""
        return self.base.symbol if self.kind == MarketKind.SPOT and self.base else "contracts"

    @property
    def underlying(self) -> Asset:
        """The base asset, of spot and perpetual markets. Errors: ``ValueError`` for an outcome, which has none."""
        if self.base is None:
            raise ValueError(f"{self.symbol} has no base asset")
        return self.base

    @property
    def balance_assets(self) -> tuple[Asset, ...]:
        """The assets an account holds to trade here: base and quote, or what contracts settle in."""
        return (self.base, self.quote) if self.kind == MarketKind.SPOT and self.base else (self.quote,)

    @property
    def heading(self) -> str:
        """What the market is called in lists: the base asset, or the outcome."""
        return self.outcome_name or (self.base.symbol if self.base else self.symbol)


class LaunchDraft(models.Model):
    """A launch as far as the deployer has filled it in; ``data`` is as typed, checked again at the launch."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="launch_drafts")
    data = models.JSONField(default=dict)
    venue = models.ForeignKey(Venue, null=True, on_delete=models.SET_NULL, related_name="drafts")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated"]

    def __str__(self) -> str:
        return self.data.get("venue", {}).get("name") or "Unnamed venue"
