"""A maker of spot markets: quotes both sides of a reference price and leans against what it holds.

    python -m examples.makers.spot --url http://localhost:8000/v/demo-spot --market BTC/USD:5.5:2:0.004

A market is its symbol, the base holding it calls neutral, how far from that it may go, and the size of its first quote.
The reference is the index price of the venue (``--reference index``) or the middle of the book and the last trade
(``--reference last``); a real maker puts the price of another exchange here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ccxt

from examples.makers.maker import Maker, Quote, Reference, arguments, ladder, serve

LEVELS = 12
GAP = 0.0002  # of the price, between the middle and the first quote
SKEW = 0.0006  # of the price, that the middle moves when all that may be held is held


@dataclass(frozen=True)
class SpotMarket:
    """What the maker does in one market: sizes and holdings in the base asset."""

    symbol: str
    neutral: float
    most: float
    size: float
    gap: float = GAP


class SpotMaker(Maker):
    """Holds around ``neutral`` of each base asset and at most ``most`` more or less."""

    def __init__(
        self, exchange: ccxt.okx, markets: Sequence[SpotMarket], references: Mapping[str, Reference]
    ) -> None:
        super().__init__(exchange, [market.symbol for market in markets])
        self.markets = {market.symbol: market for market in markets}
        self.references = references
        self.prices: dict[str, float | None] = {}
        self.lean: dict[str, float] = {}

    def observe(self) -> None:
        """Reference prices, and how far each holding is from neutral, as a part of what it may be."""
        self.prices = {symbol: self.references[symbol]() for symbol in self.symbols}
        held = self.exchange.fetch_balance()["total"]
        for symbol, market in self.markets.items():
            away = float(held.get(symbol.split("/")[0], 0)) - market.neutral
            self.lean[symbol] = max(-1.0, min(1.0, away / market.most))

    def quotes(self, symbol: str) -> list[Quote]:
        """A ladder around the reference, its middle moved against the holding; none without a reference."""
        price, market, lean = self.prices.get(symbol), self.markets[symbol], self.lean[symbol]
        if not price:
            return []
        middle = price * (1 - SKEW * lean)
        return ladder(middle, price * market.gap, market.size, LEVELS, lean)


def index_of(exchange: ccxt.okx, symbol: str) -> Reference:
    """The index price of an underlying such as BTC/USD, as the venue's price sources have it."""
    name = symbol.replace("/", "-")

    def price() -> float | None:
        rows = exchange.public_get_market_index_tickers({"instId": name})["data"]
        return float(rows[0]["idxPx"] or 0) or None if rows else None

    return price


def last_of(exchange: ccxt.okx, symbol: str) -> Reference:
    """The middle of the book, or the last trade of a market whose book has one side only."""

    def price() -> float | None:
        ticker = exchange.fetch_ticker(symbol)
        bid, ask = ticker["bid"], ticker["ask"]
        return (bid + ask) / 2 if bid and ask else ticker["last"] or None

    return price


def market_of(text: str) -> SpotMarket:
    """A market as the command line names it."""
    symbol, neutral, most, size = text.split(":")
    return SpotMarket(symbol, float(neutral), float(most), float(size))


if __name__ == "__main__":
    told = arguments(
        __doc__ or "",
        ("--market", {"action": "append", "required": True, "help": "SYMBOL:NEUTRAL:MOST:SIZE"}),
        ("--reference", {"choices": ["index", "last"], "default": "index"}),
    )
    found = [market_of(text) for text in told.market]
    look = {"index": index_of, "last": last_of}[told.reference]
    serve(
        lambda exchange: SpotMaker(
            exchange, found, {each.symbol: look(exchange, each.symbol) for each in found}
        ),
        told.url,
        told.seconds,
    )
