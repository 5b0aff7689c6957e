"""The public page of a venue: what it trades, what stands behind it, where its prices come from, what it costs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text
from exchange_os.oracles.selectors import market_prices, open_alarms, sources_of
from exchange_os.ui.appearance import begun_with
from trading.decimals import decimal_text
from trading.pages.markets import ccxt_snippet, event_cards, example_symbol, now_ms, venue_or_404
from trading.pages.series import series_context
from trading.records import record_of
from trading.selectors.events import events_of
from trading.selectors.overview import Listing, venue_listings
from trading.selectors.reports import PATIENCE_SECONDS, ask, incidents_of
from venues.fees import FeeSchedule, kind_label
from venues.models import PPM, Market, MarketKind, Venue
from venues.selectors import instruments_of, stake_standing
from venues.services.capacity import capacity_of, settlement_asset
from venues.services.fee_changes import schedule_of, waiting_change
from venues.services.fronts import fronting_of
from venues.services.notices import public_notices
from venues.standing import standing_at

#: A trade that fees are shown for, in the quote asset.
EXAMPLE = 1_000
GRADES = {
    "valid": ("Good", "badge-up"), "thin": ("Few sources", "badge-warn"), "stale": ("No fresh price", "badge-down"),
    "volatile": ("Sources disagree", "badge-warn"), "garbage": ("Refused as senseless", "badge-down"),
    "none": ("No price yet", ""),
}  # fmt: skip


def deviation_text(ticks: int, index: int) -> str:
    """How far a price is from the index in per cent with a sign; a dash without one of them."""
    if not ticks or not index:
        return "–"
    return f"{Decimal(ticks - index) * 100 / index:+.3f}%"


def age_text(then_ms: int, now: int) -> str:
    """How long ago, in the largest unit with a whole number of it; a dash for never."""
    if not then_ms:
        return "–"
    seconds = max(0, now - then_ms) // 1000
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name} ago"
    return f"{seconds} s ago"


def fee_rows(rows: Sequence[Listing], share_ppm: int) -> list[dict[str, Any]]:
    """What a trade of ``EXAMPLE`` costs at each schedule of fees in use, and who gets what of the taker's."""
    found: dict[tuple[str, int, int], Market] = {}
    for row in rows:
        market = row.market
        found.setdefault((market.kind, market.maker_fee_ppm, market.taker_fee_ppm), market)
    shown = []
    for (kind, maker, taker), market in found.items():
        # An outcome pays ``rate * p * (1 - p)`` a contract: dearest at 50%, where 1,000 buys 2,000 contracts.
        part = Decimal(1) / 2 if kind == MarketKind.OUTCOME else Decimal(1)
        added = market.venue.builder_ppm if market.venue.builder_code else 0
        fee = Decimal(EXAMPLE) * taker / PPM * part
        protocol = fee * share_ppm / PPM
        front = Decimal(EXAMPLE) * added / PPM * part
        shown.append(
            {
                "kind": MarketKind(kind).label,
                "outcome": kind == MarketKind.OUTCOME,
                "maker_ppm": maker + added,
                "taker_ppm": taker + added,
                "unit": market.quote.symbol,
                "maker": decimal_text(Decimal(EXAMPLE) * maker / PPM * part + front),
                "taker": decimal_text(fee + front),
                "venue": decimal_text(fee - protocol),
                "protocol": decimal_text(protocol),
            }
        )
    return shown


def fee_notice(venue: Venue) -> dict[str, Any] | None:
    """The change of fees that is announced: from when, and the rates of everybody's tier."""
    change = waiting_change(venue)
    if change is None:
        return None
    schedule = FeeSchedule.of(change.schedule)
    rates = [(kind_label(kind), *pairs[0]) for kind, pairs in schedule.rates.items()]
    return {"effective": change.effective, "rates": rates}


def fee_tiers(venue: Venue) -> list[dict[str, Any]]:
    """The cheaper tiers and from which volume of 30 days they are given."""
    schedule = schedule_of(venue)
    return [
        {
            "volume": volume,
            "unit": settings.VALUE_ASSET,
            "rates": [(kind_label(kind), *schedule.pair(kind, tier)) for kind in schedule.rates],
        }
        for tier, volume in enumerate(schedule.volumes)
        if tier
    ]


def bond(venue: Venue) -> dict[str, Any]:
    """The stake behind the venue, what open interest it allows and how much of that is used."""
    standing = stake_standing(venue.deployer.user_id)
    shown: dict[str, Any] = {
        "stake": amount_text(standing.held, standing.asset),
        "stake_asset": standing.asset,
        "per_venue": amount_text(standing.per_venue, standing.asset),
    }
    settlement = settlement_asset(venue)
    if settlement is None:
        return shown
    capacity = capacity_of(venue, settlement)
    shown |= {"capacity": amount_text(capacity, settlement), "settlement": settlement}
    try:
        used = int(ask(venue.group_id, "capacity")["open_interest"])
    except DomainError:
        return shown | {"away": True}
    percent = min(100, used * 100 // capacity) if capacity else 100 if used else 0
    level = "danger" if percent >= 90 else "warn" if percent >= 70 else ""
    return shown | {"used": amount_text(used, settlement), "percent": percent, "level": level}


def oracle(venue: Venue, now: int) -> dict[str, Any]:
    """Markets with prices from outside: index, mark, grade and every source; alarms that are open."""
    if not sources_of(venue.group_id):
        return {}
    known = {each.number: each for each in instruments_of(venue)}
    alarms = [
        {"symbol": known[alarm.market].symbol if alarm.market in known else "–", "alarm": alarm}
        for alarm in open_alarms(venue.group_id)
    ]
    try:
        told = market_prices(venue.group_id, timeout=PATIENCE_SECONDS)
    except DomainError:
        return {"away": True, "alarms": alarms}
    markets = []
    for each in told:
        market = known.get(each["market"])
        if market is None or not each["sources"]:
            continue
        grade, badge = GRADES.get(each["grade"].lower(), (each["grade"].capitalize(), "badge-warn"))
        markets.append(
            {
                "symbol": market.symbol,
                "grade": grade,
                "badge": badge,
                "index": decimal_text(market.tick_size * each["index_ticks"]) if each["index_ticks"] else "–",
                "mark": decimal_text(market.tick_size * each["mark_ticks"]) if each["mark_ticks"] else "–",
                "sources": [
                    {
                        "name": source["name"] or f"Source {source['source']}",
                        "price": decimal_text(market.tick_size * source["ticks"]) if source["ticks"] else "–",
                        "age": age_text(source["published_ms"], now),
                        "deviation": deviation_text(source["ticks"], each["index_ticks"]),
                        "fresh": source["fresh"],
                        "demoted": source["demoted"],
                        "failing": bool(source["last_error"]),
                    }
                    for source in each["sources"]
                ],
            }
        )
    return {"markets": markets, "alarms": alarms}


@require_safe
def venue(request: HttpRequest, slug: str) -> HttpResponse:
    """One venue: its markets, rules, bond, oracle sources, fees, access, record, and how a program trades on it."""
    shown = venue_or_404(slug)
    now = now_ms()
    rows = venue_listings(shown, now)
    series = series_context(request, shown)
    cards = [] if series else events_of(shown.pk)
    events = [each.event for each in series["series"].events] if series else [each.event for each in cards]
    asked = (
        sum(len(each.chances) for each in series["series"].events)
        if series
        else sum(len(each.markets) for each in cards)
    )
    base = request.build_absolute_uri(f"/v/{shown.slug}")
    kinds = {row.market.kind for row in rows} | ({MarketKind.OUTCOME.value} if events else set())
    context = {
        "venue": shown,
        "access": standing_at(shown, request.user if request.user.is_authenticated else None, kinds),
        "rows": rows,
        "events": event_cards([each for each in cards if not each.is_over], now),
        "market_count": len(rows) + asked,
        "event_count": len(events),
        "bond": bond(shown.fronts or shown),
        "oracle": oracle(shown, now),
        "fees": fee_rows(rows, shown.protocol_share_ppm),
        "example": EXAMPLE,
        "fee_change": fee_notice(shown.fronts or shown),
        "tiers": fee_tiers(shown.fronts or shown),
        "owner": shown.fronts,
        "front_ppm": shown.builder_ppm if shown.builder_code else 0,
        "fronting": fronting_of(shown),
        "notices": public_notices(shown.fronts or shown),
        "kinds": kinds,
        "incidents": incidents_of(shown.group_id),
        "record": record_of(shown),
        "snippet": ccxt_snippet(base, example_symbol(rows)),
    } | series
    context["appearance"] = begun_with(request, shown.theme)
    return render(request, "trading/venue.html", context)
