"""Broadcasts: the public topics of every market somebody listens to in this process."""

import asyncio
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from trading.book import BookMirror
from trading.hub import MarketStream, Trade, get_hub
from trading.okx.contract_topics import (
    FundingTopic,
    IndexTopic,
    InterestTopic,
    MarkTopic,
    PriceCandleTopic,
    PriceLimitTopic,
)
from trading.okx.topics import BookTopic, CandleTopic, LevelsTopic, TickerTopic, Topic, TradesTopic
from trading.outbox import Outbox
from trading.selectors.candles import INDEX, MARK, Source, bar_name
from trading.selectors.catalogue import TradableMarket

KEEP_ALIVE_CHECK_SECONDS = 10.0

TOPICS: dict[str, Callable[[TradableMarket], Topic]] = {
    "books": lambda market: BookTopic(market, 400),
    "books-l2-tbt": lambda market: BookTopic(market, 400),
    "books50-l2-tbt": lambda market: BookTopic(market, 50),
    "books5": lambda market: LevelsTopic(market, 5),
    "bbo-tbt": lambda market: LevelsTopic(market, 1),
    "trades": TradesTopic,
    "trades-all": TradesTopic,
    "tickers": TickerTopic,
    "mark-price": MarkTopic,
    "index-tickers": IndexTopic,
    "funding-rate": FundingTopic,
    "open-interest": InterestTopic,
    "price-limit": PriceLimitTopic,
}
CANDLE = "candle"
#: Channels of candles by their prefix, and what they are candles of; ``None`` is trades.
CANDLES: dict[str, Source | None] = {"mark-price-candle": MARK, "index-candle": INDEX, CANDLE: None}
#: Channels whose ``instId`` is an index, such as BTC-USD.
OF_AN_INDEX = ("index-tickers", "index-candle")


def candle_of(channel: str) -> tuple[str, str] | None:
    """Prefix and bar of a channel of candles."""
    for prefix in CANDLES:
        if channel.startswith(prefix):
            bar = bar_name(channel[len(prefix) :])
            return (prefix, bar) if bar else None
    return None


def has_topic(channel: str) -> bool:
    """Whether ``channel`` is a public channel of a single market."""
    return channel in TOPICS or candle_of(channel) is not None


def _made(channel: str, market: TradableMarket) -> Topic:
    if channel in TOPICS:
        return TOPICS[channel](market)
    found = candle_of(channel)
    assert found is not None
    prefix, bar = found
    source = CANDLES[prefix]
    return CandleTopic(market, bar) if source is None else PriceCandleTopic(market, bar, source)


class MarketBroadcast:
    """Every topic of one market that has an audience."""

    def __init__(self, market: TradableMarket) -> None:
        self.market = market
        self.topics: dict[str, Topic] = {}
        self.joining = 0
        self.stream: MarketStream | None = None
        self._keeper: asyncio.TimerHandle | None = None

    def market_moved(self, mirror: BookMirror, trades: Sequence[Trade]) -> None:
        """Tell every topic."""
        for topic in self.topics.values():
            topic.moved(mirror, trades)

    async def join(self, channel: str, arg: str, outbox: Outbox) -> None:
        """Subscribe a socket: it is told where things stand, and then every change after that."""
        self.joining += 1
        try:
            self.stream = await get_hub().watch(self.market.group_id, self.market.number, self)
        finally:
            self.joining -= 1
        if self._keeper is None:
            self._keep_alive()
        topic = self.topics.get(channel)
        if topic is None:
            topic = self.topics[channel] = _made(channel, self.market)
            topic.begin(self.stream.mirror)
        if isinstance(topic, BookTopic | LevelsTopic):
            # No turn of the loop between the snapshot and joining, so no change falls in between.
            await topic.greet(arg, outbox, self.stream.mirror)
            topic.join(arg, outbox)
        else:
            topic.join(arg, outbox)
            await topic.greet(arg, outbox, self.stream.mirror)

    async def greet(self, channel: str, arg: str, outbox: Outbox) -> None:
        """Tell a socket once more where things stand, after it lost what was on its way."""
        topic = self.topics.get(channel)
        if topic is not None and self.stream is not None:
            await topic.greet(arg, outbox, self.stream.mirror)

    def leave(self, channel: str, arg: str, outbox: Outbox) -> None:
        """Unsubscribe a socket; what nobody listens to ends."""
        topic = self.topics.get(channel)
        if topic is None:
            return
        topic.leave(arg, outbox)
        if not topic.audience:
            topic.stop()
            del self.topics[channel]
        if not self.topics and not self.joining and self.stream is not None:
            get_hub().leave(self.stream, self)
            self.stream = None
            if self._keeper is not None:
                self._keeper.cancel()
                self._keeper = None

    def _keep_alive(self) -> None:
        for topic in self.topics.values():
            if isinstance(topic, BookTopic):
                topic.keep_alive()
        self._keeper = asyncio.get_running_loop().call_later(KEEP_ALIVE_CHECK_SECONDS, self._keep_alive)


_broadcasts: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[int, int], MarketBroadcast]] = (
    WeakKeyDictionary()
)


def broadcast_of(market: TradableMarket) -> MarketBroadcast:
    """The broadcast of a market in the running event loop."""
    by_market = _broadcasts.setdefault(asyncio.get_running_loop(), {})
    key = (market.group_id, market.number)
    found = by_market.get(key)
    if found is None:
        found = by_market[key] = MarketBroadcast(market)
    found.market = market
    return found
