"""Our numbers as the dialect's public objects: instruments, tickers, trades, books and candles. All values
are text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trading.book import BookMirror
from trading.decimals import decimal_text
from trading.selectors.candles import Candle
from trading.selectors.catalogue import TradableMarket, VenueCatalogue
from trading.selectors.tickers import MarketStats
from venues.models import MarketKind, Phase, VenueState

SPOT, SWAP, EVENTS = "SPOT", "SWAP", "EVENTS"
#: ``instType`` of each kind of market, and the other way round.
INST_TYPES = {MarketKind.SPOT: SPOT, MarketKind.PERPETUAL: SWAP, MarketKind.OUTCOME: EVENTS}
KIND_OF = {name: kind for kind, name in INST_TYPES.items()}
SIDES = ("buy", "sell")
PPM = 1_000_000

_STATES = {
    Phase.PENDING: "preopen",
    Phase.AUCTION: "preopen",
    Phase.OPEN: "live",
    Phase.HALTED: "suspend",
    Phase.CLOSING: "suspend",
    Phase.SETTLING: "settling",
    Phase.SETTLED: "suspend",
}


def blanks(names: str) -> dict[str, str]:
    """Keys of an object that every answer must have and that mean nothing here."""
    return dict.fromkeys(names.split(), "")


#: Keys of an instrument that mean nothing for a spot market.
_NO_CONTRACT = blanks(
    """
    uly instFamily seriesId settleCcy ctVal ctMult ctValCcy ctType optType stk expTime lever alias
    auctionEndTime openType preMktSwTime futureSettlement posLmtAmt posLmtPct maxPlatOILmt
    """
)


def market_state(phase: int) -> str:
    """State of an instrument in a phase of its market."""
    return _STATES[Phase(phase)]


def inst_type(market: TradableMarket) -> str:
    """``instType`` of a market."""
    return INST_TYPES[MarketKind(market.kind)]


def family(market: TradableMarket) -> str:
    """Index of a perpetual, such as ``BTC-USD``; empty for other kinds."""
    return f"{market.base_symbol}-{market.quote.symbol}" if market.kind == MarketKind.PERPETUAL else ""


def default_leverage(market: TradableMarket) -> int:
    """Leverage of an account that has set none."""
    return min(10, market.max_leverage or 10)


def _contract_part(market: TradableMarket) -> dict[str, Any]:
    """What only contracts have; they have no base and quote, they settle in one asset."""
    if market.kind == MarketKind.SPOT:
        return {}
    part = {
        "baseCcy": "",
        "settleCcy": market.quote.symbol,
        "ctMult": "1",
        "maxLmtSz": market.size_text(10**9),
        "maxMktSz": market.size_text(10**9),
    }
    if market.kind == MarketKind.OUTCOME:
        return part | {
            "seriesId": market.series,
            "expTime": str(market.expires_ms),
            "ctVal": "1",
            "ctValCcy": market.quote.symbol,
        }
    return part | {
        "quoteCcy": "",
        "uly": family(market),
        "instFamily": family(market),
        "ctVal": decimal_text(market.instrument.contract_value),
        "ctValCcy": market.base_symbol,
        "ctType": "linear",
        "lever": str(market.max_leverage),
    }


def instrument_row(market: TradableMarket) -> dict[str, Any]:
    """Instrument, every key of it."""
    most = market.size_text(10**12)
    return {
        **_NO_CONTRACT,
        "instType": inst_type(market),
        "instId": market.symbol,
        "instIdCode": market.code,
        "instCategory": "1",
        "baseCcy": market.base_symbol,
        "quoteCcy": market.quote.symbol,
        "listTime": str(market.listed_ms),
        "contTdSwTime": str(market.listed_ms),
        "tickSz": market.price_text(1),
        "lotSz": market.size_text(1),
        "minSz": market.size_text(market.instrument.min_size_lots),
        "state": market_state(market.phase),
        "ruleType": "normal",
        "maxLmtSz": most,
        "maxMktSz": most,
        "maxLmtAmt": "",
        "maxMktAmt": "",
        "maxTwapSz": most,
        "maxIcebergSz": most,
        "maxTriggerSz": most,
        "maxStopSz": most,
        "category": "1",
        "groupId": "1",
        "tradeQuoteCcyList": [market.quote.symbol],
        "upcChg": [],
        **_contract_part(market),
    }


def instruments_of_kind(catalogue: VenueCatalogue, kind: str) -> list[TradableMarket]:
    """The venue's markets of an ``instType``; none for kinds it lacks."""
    return [market for market in catalogue.markets if inst_type(market) == kind]


def instruments_named(
    catalogue: VenueCatalogue, kind: str, name: str, underlying: str, index: str, series: str
) -> list[TradableMarket]:
    """Markets of an ``instType``, narrowed by ``instId``, ``uly``, ``instFamily`` and ``seriesId`` where not empty."""
    return [
        market
        for market in instruments_of_kind(catalogue, kind)
        if name in ("", market.symbol)
        and underlying in ("", family(market))
        and index in ("", family(market))
        and series in ("", market.series if market.kind == MarketKind.OUTCOME else None)
    ]


def ticker_row(
    market: TradableMarket,
    stats: MarketStats,
    bid: Sequence[int] | None,
    ask: Sequence[int] | None,
    ts_ms: int,
) -> dict[str, str]:
    """Ticker: last trade, best prices and the last 24 hours. Without any trade the prices are the
    reference."""
    last = market.price_text(stats.last_ticks or market.instrument.reference_ticks)

    def price(ticks: int) -> str:
        return market.price_text(ticks) if ticks else last

    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "last": last,
        "lastSz": market.size_text(stats.last_lots),
        "askPx": market.price_text(ask[0]) if ask else "",
        "askSz": market.size_text(ask[1]) if ask else "",
        "bidPx": market.price_text(bid[0]) if bid else "",
        "bidSz": market.size_text(bid[1]) if bid else "",
        "open24h": price(stats.open_ticks),
        "high24h": price(stats.high_ticks),
        "low24h": price(stats.low_ticks),
        "volCcy24h": volume_text(market, stats.volume_lots, stats.quote_volume),
        "vol24h": market.size_text(stats.volume_lots),
        "sodUtc0": price(stats.day_open_ticks),
        "sodUtc8": price(stats.day_open_utc8_ticks),
        "ts": str(ts_ms),
    }


def volume_text(market: TradableMarket, lots: int, quote_units: int) -> str:
    """The second volume of tickers and candles: quote for spot, base for contracts."""
    if market.kind == MarketKind.PERPETUAL:
        return decimal_text(lots * market.instrument.contract_value)
    return market.quote_text(quote_units)


def level_row(market: TradableMarket, level: Sequence[int]) -> list[str]:
    """A level of a book: price, size, a constant and the number of orders; a size of zero deletes."""
    return [market.price_text(level[0]), market.size_text(level[1]), "0", str(level[2])]


def level_rows(market: TradableMarket, levels: Iterable[Sequence[int]]) -> list[list[str]]:
    """Levels of a book."""
    return [level_row(market, level) for level in levels]


def book_row(market: TradableMarket, mirror: BookMirror, depth: int) -> dict[str, Any]:
    """The best ``depth`` levels of both sides."""
    return {
        "asks": level_rows(market, mirror.best_asks(depth)),
        "bids": level_rows(market, mirror.best_bids(depth)),
        "ts": str(mirror.timestamp_ms),
        "seqId": mirror.sequence,
    }


def trade_row(market: TradableMarket, trade: Sequence[int]) -> dict[str, Any]:
    """A public trade: ``(trade_id, price_ticks, size_lots, taker_side, ts_ms)``; ``side`` is the taker's."""
    trade_id, price_ticks, size_lots, taker_side, ts_ms = trade
    return {
        "instId": market.symbol,
        "tradeId": str(trade_id),
        "px": market.price_text(price_ticks),
        "sz": market.size_text(size_lots),
        "side": SIDES[taker_side],
        "ts": str(ts_ms),
        "count": "1",
        "source": "0",
        "seqId": trade_id,
    }


def candle_row(market: TradableMarket, candle: Candle) -> list[str]:
    """A candle: start, open, high, low, close, volume in base, in quote, in quote again, and whether it is
    final."""
    quote = market.quote_text(candle.quote_volume)
    return [
        str(candle.start_ms),
        market.price_text(candle.open_ticks),
        market.price_text(candle.high_ticks),
        market.price_text(candle.low_ticks),
        market.price_text(candle.close_ticks),
        market.size_text(candle.volume_lots),
        volume_text(market, candle.volume_lots, candle.quote_volume),
        quote,
        "1" if candle.closed else "0",
    ]


def price_limit_row(market: TradableMarket, live: Mapping[str, Any], ts_ms: int) -> dict[str, Any]:
    """Highest buy and lowest sell price taken now, around the mark price or the last one."""
    anchor = live.get("mark_ticks") or live["last_ticks"] or live["reference_ticks"]
    band = live["band_ppm"]
    return {
        "instType": inst_type(market),
        "instId": market.symbol,
        "buyLmt": market.price_text(anchor * (PPM + band) // PPM) if band else "",
        "sellLmt": market.price_text(-(-anchor * (PPM - band) // PPM)) if band else "",
        "ts": str(ts_ms),
        "enabled": bool(band),
    }


def status_rows(catalogue: VenueCatalogue) -> list[dict[str, Any]]:
    """Empty when all is well."""
    if catalogue.state != VenueState.HALTED:
        return []
    return [
        {
            "title": f"{catalogue.name} is halted; orders can only be cancelled.",
            "state": "ongoing",
            "begin": "",
            "end": "",
            "href": "",
            "serviceType": "5",
            "system": "unified",
            "scheDesc": "",
            "preOpenBegin": "",
            "maintType": "2",
            "env": "1",
        }
    ]
