"""Market data of one group: what its subscribers are sent, at most some twenty times a second per market.

A message is the change of the book since the one before (``seq`` and ``prev`` are kernel sequences, so a subscriber
sees a gap) and the trades in between; the latest state wins. Messages are taken from the kernel between two batches and
travel with a batch to the committer, so nothing is told that is not durable.
"""

from typing import Any

import orjson
from exchange_kernel import Applied

from exchange_os.engine import limits, wire
from exchange_os.engine.state import GroupState

MAX_TRADES_A_MESSAGE = 1_000
FEED_TRADES = 500

Publication = tuple[str, dict[str, Any]]


def gather(state: GroupState, applied: Applied) -> None:
    """Note what a batch changed."""
    state.dirty_markets.update(applied.dirty_markets)
    for market, trades in applied.market_trades.items():
        state.trades.setdefault(market, []).extend(trades)
    for candle in applied.candles:
        state.candles[(candle[0], candle[1])] = candle
    for minute in applied.price_candles:
        state.candles[minute[:3]] = minute


def due_in_ms(state: GroupState, now_ms: int) -> int | None:
    """Milliseconds until the next message of the group is due; ``None`` if nothing has changed."""
    if not state.dirty_markets:
        return None
    earliest = min(state.published_at_ms.get(market, 0) for market in state.dirty_markets)
    return max(0, earliest + limits.PUBLISH_INTERVAL_MS - now_ms)


def take(state: GroupState, now_ms: int) -> list[Publication]:
    """The messages that are due, to be sent after the batches applied so far are committed."""
    due = [
        market
        for market in state.dirty_markets
        if now_ms - state.published_at_ms.get(market, 0) >= limits.PUBLISH_INTERVAL_MS
    ]
    state.dirty_markets.difference_update(due)
    return [(wire.market_channel(state.group, market), _message(state, market, now_ms)) for market in due]


def feed(state: GroupState, market: int) -> dict[str, Any]:
    """Whole levels as of a market's last message: where a new subscriber starts. ``KeyError`` if there is no market.

    ``trades`` are the newest ones, oldest first, whether they were in a message or will be in the next.
    """
    book = state.kernel.published_book(market)
    if book is None:
        state.kernel.book_delta(market, limits.BOOK_DEPTH)
        book = state.kernel.published_book(market)
        assert book is not None
    question = {"q": "trades", "market": market, "limit": FEED_TRADES}
    trades = orjson.loads(state.kernel.query(orjson.dumps(question)))["trades"][::-1]
    return {**book, "group": state.group, "ts": state.kernel.now_ms, "trades": trades, "checkpoint": True}


def take_candles(state: GroupState, now_ms: int, *, force: bool = False) -> list[tuple[int, ...]]:
    """Candles to be stored with the next commit, a few times a second at most."""
    if not state.candles or (not force and now_ms - state.candles_flushed_ms < limits.CANDLE_FLUSH_MS):
        return []
    state.candles_flushed_ms = now_ms
    candles = list(state.candles.values())
    state.candles.clear()
    return candles


def _message(state: GroupState, market: int, now_ms: int) -> dict[str, Any]:
    checkpoint = now_ms - state.checkpoint_at_ms.get(market, 0) >= limits.CHECKPOINT_INTERVAL_MS
    if checkpoint:
        state.checkpoint_at_ms[market] = now_ms
    state.published_at_ms[market] = now_ms
    delta = state.kernel.book_delta(market, limits.BOOK_DEPTH, checkpoint)
    trades = state.trades.pop(market, [])[-MAX_TRADES_A_MESSAGE:]
    return {**delta, "group": state.group, "ts": state.kernel.now_ms, "trades": trades}
