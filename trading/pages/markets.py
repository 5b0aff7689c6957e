"""What pages of markets and events share: the venue and market of an address, cards of events, an example."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404

from exchange_os.errors import DomainError
from trading.bets import chance_text
from trading.pages.event_rows import outcome_title
from trading.selectors.event_moves import result_text
from trading.selectors.events import EventView
from trading.selectors.overview import Listing, listings
from venues.models import Event, Market, MarketKind, Venue
from venues.selectors import market_by_symbol, venue_by_slug


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


OUTCOMES_ON_A_CARD = 4


@dataclass(frozen=True)
class EventCard:
    """An event in a list: its likeliest outcomes by the last trades, as (name, per cent, chance), or its result."""

    event: Event
    favourites: list[tuple[str, int, str]]
    outcomes: int
    volume: str
    result: str = ""


def event_cards(views: Sequence[EventView], now: int) -> list[EventCard]:
    """Events as cards; outcomes that never traded stand at their opening price."""
    markets = [market for view in views for market in view.markets]
    days = {row.market.pk: row.day for row in listings(markets, now)}
    cards = []
    for view in views:
        chances = []
        for market in view.markets:
            ticks = days[market.pk].last_ticks or market.reference_ticks
            chances.append((ticks, market))
        chances.sort(key=lambda chance: -chance[0])
        favourites = [
            (
                outcome_title(view.event, market),
                ticks * 100 // market.payout_ticks,
                chance_text(ticks, market.payout_ticks),
            )
            for ticks, market in chances[:OUTCOMES_ON_A_CARD]
        ]
        volume = sum(days[market.pk].quote_volume for market in view.markets)
        whole = str(volume // 10**view.event.settlement_asset.scale)
        result = result_text(view, view.event.payouts, view.event.voiding) if view.is_over else ""
        cards.append(EventCard(view.event, favourites, len(view.markets), whole, result))
    return cards


def venue_or_404(slug: str) -> Venue:
    """The live venue at ``slug``; 404 if there is none."""
    try:
        return venue_by_slug(slug)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


def market_or_404(venue: Venue, symbol: str) -> Market:
    """The market of the venue; 404 if there is none."""
    try:
        return market_by_symbol(venue, symbol)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


def example_symbol(rows: Sequence[Listing]) -> str:
    """The market an example is about: a spot market if there is one."""
    symbols = [row.market.symbol for row in rows if row.market.kind != MarketKind.OUTCOME]
    spot = [row.market.symbol for row in rows if row.market.kind == MarketKind.SPOT]
    return next(iter(spot or symbols), "BTC-USD")


def ccxt_snippet(base: str, symbol: str) -> str:
    """Python that trades on the venue at ``base`` with an unmodified ccxt."""
    sockets = base.replace("http", "ws", 1)
    base_symbol, quote, *rest = symbol.split("-")
    perpetual, outcome = rest == ["SWAP"], bool(rest) and rest != ["SWAP"]
    pair = symbol if outcome else f"{base_symbol}/{quote}:{quote}" if perpetual else f"{base_symbol}/{quote}"
    order = (
        f'"{pair}", "limit", "buy", 10, 0.05, {{"outcome": "yes", "tdMode": "isolated"}}'
        if outcome
        else f'"{pair}", "limit", "buy", {1 if perpetual else 0.01}, price'
    )
    price = "" if outcome else f'price = venue.fetch_ticker("{pair}")["bid"]\n'
    return (
        "import ccxt\n\n"
        "venue = ccxt.okx({\n"
        '    "apiKey": "...", "secret": "...", "password": "...",\n'
        '    "urls": {"api": {\n'
        f'        "rest": "{base}",\n'
        f'        "ws": "{sockets}/ws/v5",\n'
        "    }},\n"
        '    "options": {"fetchMarkets": {"types": ["spot", "swap", "EVENTS"]}},\n'
        "})\n\n"
        f'print(venue.fetch_order_book("{pair}"))\n'
        f"{price}order = venue.create_order({order})\n"
        f'venue.cancel_order(order["id"], "{pair}")\n'
    )
