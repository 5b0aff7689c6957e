"""How a venue is doing: what its kernel says now, what it said in the hours before, and what somebody should look at.

A venue's kernel is asked five questions, and for the books of its busiest markets, at most once in
``FRESH_SECONDS`` however many people watch. The hours before are ``VenueSample`` rows, written while a venue trades; a
venue that is asleep is asked nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.core.cache import cache
from django.db.models import BigIntegerField, ExpressionWrapper, F, Sum
from django.utils import timezone

from exchange_os.engine.history import active_accounts
from exchange_os.engine.models import Candle
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, PauseFunction
from exchange_os.ledger.services.pauses import pause_of
from exchange_os.oracles.selectors import open_alarms
from venues.models import (
    PPM,
    Event,
    EventState,
    Market,
    MarketKind,
    PendingAct,
    PendingState,
    Phase,
    Venue,
    VenueSample,
    VenueState,
)
from venues.selectors import markets_of
from venues.services.asking import ask
from venues.services.notices import public_notices
from venues.services.operate import fees_collected

FRESH_SECONDS = 4
TIMEOUT_SECONDS = 1.5
HOURS = 24
HOUR_MS = 3_600_000
#: Markets whose books are looked into, the busiest first.
BOOKS = 12
DEPTH_LEVELS = 200
DEPTH_PPM = 10_000
CAPACITY_WARN_PERCENT = 80
UNRELIABLE = ("none", "stale", "volatile")


@dataclass(frozen=True)
class MarketPulse:
    """One market now. ``spread_ppm`` is of the middle (of the payout for outcomes), None without both sides;
    ``depth_units`` is what rests within one per cent of it, bids and asks, in quote units, None if not looked at."""

    market: Market
    phase: int
    price_ticks: int
    spread_ppm: int | None
    depth_units: tuple[int, int] | None
    grade: str
    interest_lots: int
    volume_units: int
    trades: int


@dataclass(frozen=True)
class Alert:
    """Something to look at: ``level`` is ``error`` or ``warn``, ``tab`` the key of the tab where it is mended."""

    level: str
    title: str
    text: str
    tab: str


@dataclass(frozen=True)
class Pulse:
    """A venue's figures; amounts are units of ``money``, the asset most of its markets are quoted in.

    ``hourly_*`` are the last 24 hours, oldest first. ``interest_units`` and ``capacity_units`` are None where nothing
    bounds them; ``away`` says that the kernel did not answer and only what the database knows is there.
    """

    money: Asset | None
    away: bool
    volume_units: int = 0
    trades: int = 0
    hourly_volume: list[int] = field(default_factory=list)
    fees_units: int = 0
    fees_total_units: int = 0
    hourly_fees: list[int] = field(default_factory=list)
    interest_units: int = 0
    hourly_interest: list[int] = field(default_factory=list)
    capacity_units: int | None = None
    traders: int = 0
    liquidations: int = 0
    insurance_units: int = 0
    hourly_insurance: list[int] = field(default_factory=list)
    markets: list[MarketPulse] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    @property
    def capacity_percent(self) -> int | None:
        """How much of the capacity is taken, in whole per cent; None without a bound."""
        if self.capacity_units is None:
            return None
        return self.interest_units * 100 // self.capacity_units if self.capacity_units else 100


def pulse_of(venue: Venue) -> Pulse:
    """The venue's figures now. Never raises for a kernel that is away."""
    markets = list(markets_of(venue).exclude(phase=Phase.PENDING).select_related("quote", "base", "event"))
    money = _money(markets)
    traded, hourly = _traded(venue)
    known = _kernel(venue, [number for number, _ in sorted(traded.items(), key=lambda item: -item[1][1])])
    in_money = {market.number for market in markets if market.quote == money}
    figures: dict[str, Any] = {
        "volume_units": sum(volume for number, (volume, _) in traded.items() if number in in_money),
        "trades": sum(trades for _, trades in traded.values()),
        "hourly_volume": hourly(in_money),
    }
    if known is None:
        away = Alert(
            "error",
            "No answer",
            "The venue does not answer right now; nothing is lost.",
            "",
        )
        return Pulse(money, True, **figures, alerts=[away])
    shown = [_market_pulse(market, known, traded.get(market.number, (0, 0))) for market in markets]
    capacity = known["capacity"] if known["capacity"] >= 0 else None
    figures |= {"capacity_units": capacity, "insurance_units": known["fund"], "markets": shown}
    figures |= _over_time(venue, money, known, interest_units(known, markets))
    pulse = Pulse(money, False, **figures)
    return Pulse(money, False, **figures, alerts=list(_alerts(venue, pulse)))


def interest_units(known: dict[str, Any], markets: list[Market]) -> int:
    """What open contracts are worth: perpetuals at mark, outcomes at their payout, in units of what they settle in."""
    total = 0
    for market in markets:
        shown = known["markets"].get(str(market.number))
        if shown and market.kind != MarketKind.SPOT:
            ticks = market.payout_ticks or shown["mark_ticks"] or shown["last_ticks"]
            total += shown["open_interest"] * ticks * market.tick_quote
    return total


def sample_venues() -> int:
    """Keep the figures of this hour of every open venue that has traded since its last ones; how many were kept."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    done = set(VenueSample.objects.filter(hour=hour).values_list("venue_id", flat=True))
    kept = 0
    for venue in Venue.objects.filter(state=VenueState.OPEN, fronts=None).exclude(pk__in=done):
        last = VenueSample.objects.filter(venue=venue).order_by("-hour").first()
        since_ms = int(last.hour.timestamp() * 1000) if last else 0
        if Candle.objects.filter(group_id=venue.group_id, minute_ms__gte=since_ms).exists():
            kept += sample_venue(venue, hour)
    return kept


def sample_venue(venue: Venue, hour: datetime) -> bool:
    """Keep the figures of one venue for ``hour``; False if it does not answer or has them."""
    known = _kernel(venue, [])
    if known is None:
        return False
    markets = list(markets_of(venue).exclude(phase=Phase.PENDING))
    _, made = VenueSample.objects.get_or_create(
        venue=venue,
        hour=hour,
        defaults={
            "last_trade": known["last_trade"],
            "fees": {str(asset): units for asset, units in _fees(venue, known).items()},
            "liquidations": known["liquidations"],
            "interest_units": interest_units(known, markets),
            "insurance_units": known["fund"],
        },
    )
    return made


def _money(markets: list[Market]) -> Asset | None:
    counted: dict[Asset, int] = {}
    for market in markets:
        counted[market.quote] = counted.get(market.quote, 0) + 1
    return max(counted, key=lambda asset: counted[asset], default=None)


def _traded(venue: Venue) -> tuple[dict[int, tuple[int, int]], Any]:
    """Quote volume and trades by market in the last 24 hours, and the volume of some markets by hour."""
    first = int(timezone.now().timestamp()) * 1000 // HOUR_MS - HOURS + 1
    rows = list(
        Candle.objects.filter(group_id=venue.group_id, minute_ms__gte=first * HOUR_MS)
        .annotate(hour=ExpressionWrapper(F("minute_ms") / HOUR_MS, BigIntegerField()))
        .values("market", "hour")
        .annotate(volume=Sum("quote_volume"), count=Sum("trades"))
    )
    by_market: dict[int, tuple[int, int]] = {}
    for row in rows:
        volume, count = by_market.get(row["market"], (0, 0))
        by_market[row["market"]] = (volume + int(row["volume"]), count + int(row["count"]))

    def hourly(numbers: set[int]) -> list[int]:
        totals = [0] * HOURS
        for row in rows:
            if row["market"] in numbers:
                totals[row["hour"] - first] += int(row["volume"])
        return totals

    return by_market, hourly


def _kernel(venue: Venue, busiest: list[int]) -> dict[str, Any] | None:
    """What the kernel says, kept for ``FRESH_SECONDS``; None if it is away."""
    key = f"pulse:{venue.group_id}:{bool(busiest)}"
    if (kept := cache.get(key)) is not None:
        return kept or None
    try:
        known = _ask_all(venue.group_id, busiest[:BOOKS])
    except DomainError:
        cache.set(key, {}, FRESH_SECONDS // 2)
        return None
    cache.set(key, known, FRESH_SECONDS)
    return known


def _ask_all(group_id: int, busiest: list[int]) -> dict[str, Any]:
    def question(name: str, **more: Any) -> dict[str, Any]:
        return ask(group_id, {"q": name, **more}, TIMEOUT_SECONDS)

    markets = question("markets")["markets"]
    insurance, capacity = question("insurance"), question("capacity")
    return {
        "markets": {str(market["market"]): market for market in markets},
        "last_trade": max((market["last_trade_id"] for market in markets), default=0),
        "fund": insurance["fund"],
        "liquidations": insurance["liquidations"],
        "capacity": capacity["capacity"],
        "assets": {str(asset["asset"]): asset["venue_fees"] for asset in question("assets")["assets"]},
        "books": {
            str(number): {
                side: [level[:2] for level in book[side]]
                for book in [question("book", market=number, depth=DEPTH_LEVELS)]
                for side in ("bids", "asks")
            }
            for number in busiest
        },
    }


def _fees(venue: Venue, known: dict[str, Any]) -> dict[int, int]:
    """Fees to date by asset id, collected ones included."""
    if venue.fronts_id is not None:  # the fee account is that of the venue whose books these are
        return {}
    total = fees_collected(venue)
    for asset, units in known["assets"].items():
        total[int(asset)] = total.get(int(asset), 0) + units
    return {asset: units for asset, units in total.items() if units}


def _market_pulse(market: Market, known: dict[str, Any], traded: tuple[int, int]) -> MarketPulse:
    shown = known["markets"].get(str(market.number), {})
    bid, offer = shown.get("best_bid", 0), shown.get("best_ask", 0)
    twice_middle = bid + offer if bid and offer else 0
    twice_whole = 2 * market.payout_ticks or twice_middle
    book = known["books"].get(str(market.number))
    depth = None
    if book is not None and twice_middle:
        reach = twice_whole * DEPTH_PPM // PPM
        low, high = twice_middle - reach, twice_middle + reach
        depth = (
            sum(price * lots for price, lots in book["bids"] if 2 * price >= low) * market.tick_quote,
            sum(price * lots for price, lots in book["asks"] if 2 * price <= high) * market.tick_quote,
        )
    return MarketPulse(
        market=market,
        phase=shown.get("phase", market.phase),
        price_ticks=shown.get("mark_ticks") or shown.get("last_ticks") or 0,
        spread_ppm=2 * (offer - bid) * PPM // twice_whole if twice_middle else None,
        depth_units=depth,
        grade=str(shown.get("grade", "")) if market.kind == MarketKind.PERPETUAL else "",
        interest_lots=shown.get("open_interest", 0),
        volume_units=traded[0],
        trades=traded[1],
    )


def _over_time(venue: Venue, money: Asset | None, known: dict[str, Any], interest: int) -> dict[str, Any]:
    """What changed in 24 hours, told from the samples: before the first one everything was zero."""
    day_ago = timezone.now() - timedelta(hours=HOURS)
    samples = list(VenueSample.objects.filter(venue=venue, hour__gt=day_ago))
    before = VenueSample.objects.filter(venue=venue, hour__lte=day_ago).order_by("-hour").first()
    if before is None and samples and venue.opened and venue.opened < day_ago:
        before = samples.pop(0)
    asset = str(money.pk) if money else ""
    fees_now = _fees(venue, known).get(money.pk, 0) if money else 0
    fees_then = before.fees.get(asset, 0) if before else 0
    steps = [fees_then, *(sample.fees.get(asset, 0) for sample in samples), fees_now]
    return {
        "fees_units": fees_now - fees_then,
        "fees_total_units": fees_now,
        "hourly_fees": [later - earlier for earlier, later in pairwise(steps)],
        "interest_units": interest,
        "hourly_interest": [*(sample.interest_units for sample in samples), interest],
        "hourly_insurance": [*(sample.insurance_units for sample in samples), known["fund"]],
        "liquidations": known["liquidations"] - (before.liquidations if before else 0),
        "traders": active_accounts(venue.group_id, before.last_trade if before else 0),
    }


def _alerts(venue: Venue, pulse: Pulse) -> Iterator[Alert]:
    """What somebody of the team should look at, the worst first; one line for each rule."""
    pause = pause_of(PauseFunction.TRADE, venue.group_id)
    if pause is not None:
        yield Alert("error", "Trading is stopped by the platform", pause.reason, "markets")
    if venue.fronts is not None:
        for notice in public_notices(venue.fronts):
            if notice.level == "warn":
                when = f" {notice.at:%d %B, %H:%M} UTC." if notice.at else ""
                yield Alert(
                    "error", f"{venue.fronts.name}: {notice.title}", f"{notice.text}{when}", "markets"
                )
    unreliable = [f"{row.market.symbol} ({row.grade})" for row in pulse.markets if row.grade in UNRELIABLE]
    if unreliable and venue.state == VenueState.OPEN:
        yield Alert(
            "error", "Price not reliable", f"{_some(unreliable)}: nobody can take new risk.", "oracles"
        )
    if pulse.capacity_percent is not None and pulse.capacity_percent >= CAPACITY_WARN_PERCENT:
        level = "error" if pulse.capacity_percent >= 100 else "warn"
        yield Alert(
            level,
            f"Capacity {pulse.capacity_percent} % taken",
            "Stake more, or new positions are refused.",
            "stake",
        )
    waiting_acts = PendingAct.objects.filter(venue=venue, state=PendingState.WAITING).count()
    if waiting_acts:
        yield Alert(
            "warn", "Waiting for a second person", f"{waiting_acts} to approve or withdraw.", "changes"
        )
    halted = [_name(row.market) for row in pulse.markets if row.phase == Phase.HALTED]
    if halted:
        yield Alert("warn", "Halted", f"{_some(halted)}: orders can only be cancelled.", "markets")
    thin = [row.market.symbol for row in pulse.markets if row.grade == "thin"]
    if thin:
        yield Alert(
            "warn", "Price thin", f"{_some(thin)}: fewer fresh sources than the rule asks for.", "oracles"
        )
    for alarm in open_alarms(venue.group_id).exclude(source=None)[:3]:
        yield Alert(
            "warn", alarm.get_code_display(), f"Source {getattr(alarm.source, 'name', '')}.", "oracles"
        )
    quiet = [_name(row.market) for row in pulse.markets if row.phase == Phase.OPEN and row.spread_ppm is None]
    if quiet:
        yield Alert(
            "warn", "No quotes", f"{_some(quiet)}: one side of the book is empty, or both.", "markets"
        )
    waiting = Event.objects.filter(venue=venue, state__in=(EventState.CLOSED, EventState.DISPUTED))
    titles = list(waiting.values_list("title", flat=True)[:20])
    if titles:
        yield Alert("warn", "Results are due", f"{_some(titles)}.", "events")
    if venue.launch_error:
        yield Alert("warn", "A market was not added", venue.launch_error, "markets")


def _name(market: Market) -> str:
    """What people call a market: an outcome by its event, where that is known."""
    return f"{market.outcome_name} ({market.event.title})" if market.event else market.symbol


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
