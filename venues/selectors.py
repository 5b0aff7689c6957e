"""What the deployer's side answers to the apps above it: venues, markets, instruments, amounts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from exchange_os.engine.models import Candle
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import (
    amount_text,
    amount_words,
    money_text,
    stake_asset,
    stake_balance,
    to_units,
)
from venues.instruments import Instrument
from venues.models import Deployer, LaunchDraft, Market, MarketKind, Phase, Venue, VenueMember, VenueState
from venues.stakes import BACKED_STATES, StakeStanding, min_stake, stake_standing

__all__ = [
    "BACKED_STATES",
    "MarketActivity",
    "StakeStanding",
    "activity_of",
    "amount_text",
    "deployer_of",
    "drafts_of",
    "has_contracts",
    "insiders_of",
    "instrument",
    "instruments_of",
    "live_venues",
    "market_by_number",
    "market_by_symbol",
    "markets_of",
    "min_stake",
    "open_markets",
    "seen_through",
    "stake_standing",
    "to_units",
    "venue_by_group",
    "venue_by_slug",
    "venues_of",
]

#: States of a venue that has something of its traders: it has an address, and balances can be withdrawn.
LIVE_STATES = (VenueState.OPEN, VenueState.HALTED, VenueState.WINDING, VenueState.CLOSED)
TRADING_STATES = (VenueState.OPEN, VenueState.HALTED, VenueState.WINDING)


def venue_by_slug(slug: str) -> Venue:
    """The live venue at that address; ``DomainError("venue_unknown")`` if there is none."""
    venue = Venue.objects.filter(slug=slug, state__in=LIVE_STATES).select_related("deployer").first()
    if venue is None:
        raise DomainError("venue_unknown", f"There is no venue at the address {slug}.", venue=slug)
    return venue


def venue_by_group(group_id: int) -> Venue | None:
    """The venue whose markets trade in a risk group; not those that front it."""
    return Venue.objects.filter(group_id=group_id, fronts=None).select_related("deployer").first()


def live_venues() -> QuerySet[Venue]:
    """Venues that trade or are halted, by name, each with ``market_count``."""
    return (
        Venue.objects.filter(state__in=TRADING_STATES)
        .select_related("deployer")
        .annotate(
            market_count=Count("markets", filter=~Q(markets__phase=Phase.PENDING), distinct=True)
            + Count("fronts__markets", filter=~Q(fronts__markets__phase=Phase.PENDING), distinct=True)
        )
        .order_by("name")
    )


def backed_venues(limit: int) -> list[tuple[Venue, str]]:
    """Live venues by name, each with what its deployer has staked, as text in the stake asset."""
    venues = list(live_venues()[:limit])
    asset = stake_asset()
    held = {user: stake_balance(user) for user in {venue.deployer.user_id for venue in venues}}
    return [(venue, amount_words(held[venue.deployer.user_id], asset)) for venue in venues]


def _markets() -> QuerySet[Market]:
    return Market.objects.select_related("venue", "base", "quote", "event")


def open_markets() -> QuerySet[Market]:
    """Every market that the kernel knows, of every live venue, with venue and assets."""
    return (
        _markets()
        .filter(venue__state__in=TRADING_STATES)
        .exclude(phase=Phase.PENDING)
        .order_by("symbol", "pk")
    )


def markets_of(venue: Venue) -> QuerySet[Market]:
    """Every market in the venue's books, those that are opening too; a front has those of the venue it fronts."""
    return Market.objects.filter(venue_id=venue.books_id)


def seen_through(market: Market, venue: Venue) -> Market:
    """The market as a venue's visitors see it: with its address, accounts and builder. Not to be saved."""
    market.venue = venue
    return market


def has_contracts(venue: Venue) -> bool:
    """Whether the venue has markets with positions, not only spot."""
    return markets_of(venue).exclude(kind=MarketKind.SPOT).exclude(phase=Phase.PENDING).exists()


def market_by_symbol(venue: Venue, symbol: str) -> Market:
    """The market of a venue by symbol, capitals or not; ``DomainError("market_unknown")`` if there is none."""
    known = _markets().filter(venue_id=venue.books_id, symbol=symbol.upper())
    market = known.exclude(phase=Phase.PENDING).first()
    if market is None:
        raise DomainError("market_unknown", f"{venue.name} has no market {symbol}.", market=symbol)
    return seen_through(market, venue)


def market_by_number(venue: Venue, number: int) -> Market:
    """The market of a venue by its number; ``DomainError("market_unknown")`` if there is none."""
    known = _markets().filter(venue_id=venue.books_id, number=number)
    market = known.exclude(phase=Phase.PENDING).first()
    if market is None:
        raise DomainError("market_unknown", f"{venue.name} has no market number {number}.", market=number)
    return seen_through(market, venue)


def instrument(market: Market) -> Instrument:
    """The market's numbers and conversions; reads ``venue``, ``base`` and ``quote``, so select them with it.

    Through a front, fees are with what its builder gets.
    """
    builder = market.venue.builder_code
    added_ppm = market.venue.builder_ppm if builder else 0
    return Instrument(
        market_id=market.pk,
        venue_id=market.venue_id,
        venue_slug=market.venue.slug,
        group_id=market.venue.group_id,
        number=market.number,
        symbol=market.symbol,
        kind=market.kind,
        phase=market.phase,
        base=market.base,
        quote=market.quote,
        tick_size=Decimal(market.tick_size),
        lot_size=Decimal(market.lot_size),
        price_scale=market.price_scale,
        size_scale=market.size_scale,
        lot_units=market.lot_units,
        tick_quote=market.tick_quote,
        min_size_lots=market.min_size_lots,
        reference_ticks=market.reference_ticks,
        band_ppm=market.band_ppm,
        maker_fee_ppm=market.maker_fee_ppm + added_ppm,
        taker_fee_ppm=market.taker_fee_ppm + added_ppm,
        contract_value=Decimal(market.contract_value or 0),
        payout_ticks=market.payout_ticks,
        event_id=market.event_id,
        outcome=market.outcome,
        outcome_name=market.outcome_name,
        builder=builder,
    )


def instruments_of(venue: Venue, numbers: Collection[int] | None = None) -> list[Instrument]:
    """Every instrument that the kernel knows of a venue, or those of ``numbers``, by number."""
    known = markets_of(venue).exclude(phase=Phase.PENDING)
    if numbers is not None:
        known = known.filter(number__in=numbers) if numbers else known.none()
    # A venue of hundreds of markets has few assets: they are fetched once, not made anew from a join for each market.
    return [instrument(seen_through(market, venue)) for market in known.prefetch_related("base", "quote")]


@dataclass(frozen=True)
class MarketActivity:
    """One market with its trades of the last 24 hours; ``volume`` is in quote, as text, ``units`` the same whole."""

    market: Market
    volume: str
    trades: int
    units: int


def activity_of(venue: Venue) -> list[MarketActivity]:
    """Every market of a venue, also those that are opening, with what it traded in the last 24 hours."""
    since_ms = int((timezone.now() - timedelta(days=1)).timestamp() * 1000)
    rows = Candle.objects.filter(group_id=venue.group_id, minute_ms__gte=since_ms).values("market")
    traded = {
        row["market"]: (int(row["volume"]), int(row["count"]))
        for row in rows.annotate(volume=Sum("quote_volume"), count=Sum("trades"))
    }
    return [
        MarketActivity(market, money_text(volume, market.quote), count, volume)
        for market in _markets().filter(venue_id=venue.books_id)
        for volume, count in [traded.get(market.number, (0, 0))]
    ]


def deployer_of(user_id: int) -> Deployer | None:
    """The user as a deployer, if registered."""
    return Deployer.objects.filter(user_id=user_id).first()


def venues_of(user_id: int) -> QuerySet[Venue]:
    """Every venue at which the user has a role, those that failed left out, newest first, with ``market_count``."""
    mine = Q(deployer__user_id=user_id) | Q(
        pk__in=VenueMember.objects.filter(user_id=user_id).values("venue_id")
    )
    return (
        Venue.objects.filter(mine)
        .exclude(state=VenueState.FAILED)
        .select_related("deployer")
        .annotate(market_count=Count("markets"))
        .order_by("-pk")
    )


def insiders_of(venue: Venue) -> frozenset[int]:
    """Users who run the venue, and so may neither judge it nor dispute what it says: its deployer and its team."""
    team = VenueMember.objects.filter(venue=venue).values_list("user_id", flat=True)
    return frozenset({venue.deployer.user_id, *team})


def drafts_of(user_id: int) -> QuerySet[LaunchDraft]:
    """A user's drafts of launches that no venue has come of, last touched first."""
    return LaunchDraft.objects.filter(user_id=user_id).filter(
        Q(venue=None) | Q(venue__state=VenueState.FAILED)
    )


def own_venues(user_id: int) -> QuerySet[Venue]:
    """The living venues of which the user is the deployer, newest first: what they may clone."""
    return Venue.objects.filter(deployer__user_id=user_id, state__in=LIVE_STATES).order_by("-pk")


def listings_of(asset: Asset) -> QuerySet[Market]:
    """The open markets in which an asset is traded or paid in, at most 200."""
    return open_markets().filter(Q(base=asset) | Q(quote=asset))[:200]


def listings_by_asset(assets: list[int]) -> dict[int, int]:
    """``{asset id: open markets}`` in which assets are the base, or the quote."""
    counts: dict[int, int] = {}
    for part in ("base", "quote"):
        rows = Market.objects.filter(**{f"{part}__in": assets}, venue__state__in=LIVE_STATES)
        for pk, count in rows.exclude(phase=Phase.PENDING).values_list(part).annotate(Count("pk")):
            counts[pk] = counts.get(pk, 0) + count
    return counts
