"""Markets: their numbers, their phases."""

from django.db import models
from django.db.models import F, Q

from exchange_os.ledger.models import Asset
from venues.models.event import Event
from venues.models.venue import Venue


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
