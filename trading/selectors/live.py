"""Live market data straight from a kernel, each answer shared by everyone who asks within a moment."""

import asyncio
import time
from typing import Any

from exchange_os.engine.gateway import get_gateway

SHARED_SECONDS = 0.05
MAX_REMEMBERED = 10_000

_Key = tuple[int, str, int, int]
_remembered: dict[_Key, tuple[float, dict[str, Any]]] = {}


async def _shared(key: _Key, question: dict[str, Any]) -> dict[str, Any]:
    known = _remembered.get(key)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    answer = await get_gateway().query(key[0], question)
    if len(_remembered) >= MAX_REMEMBERED:
        _remembered.clear()
    _remembered[key] = (time.monotonic() + SHARED_SECONDS, answer)
    return answer


async def live_book(group_id: int, market: int, depth: int) -> dict[str, Any]:
    """``bids`` and ``asks`` as ``[price_ticks, lots, orders]``, best first, with ``sequence`` and
    ``now_ms``."""
    return await _shared((group_id, "book", market, depth), {"q": "book", "market": market, "depth": depth})


async def live_trades(group_id: int, market: int, limit: int) -> list[list[int]]:
    """Newest trades first: ``[trade_id, price_ticks, size_lots, taker_side, time_ms]``, at most 500."""
    answer = await _shared(
        (group_id, "trades", market, limit), {"q": "trades", "market": market, "limit": limit}
    )
    return list(answer["trades"])


async def live_market(group_id: int, market: int) -> dict[str, Any]:
    """The kernel's description of a market: phase, last and best prices, fees, bounds."""
    answer = await _shared((group_id, "market", market, 0), {"q": "market", "market": market})
    return dict(answer["market"])


async def live_funding(group_id: int, market: int) -> dict[str, Any]:
    """Funding of a perpetual: estimate, premium and cap in parts per 10^9 an interval, next time, what was paid."""
    return dict(await _shared((group_id, "funding", market, 0), {"q": "funding", "market": market}))


async def live_liquidations(group_id: int, limit: int) -> list[dict[str, Any]]:
    """The newest steps of liquidations, newest first, as the kernel tells them; it keeps 2,048."""
    answer = await _shared((group_id, "liquidations", 0, limit), {"q": "liquidations", "limit": limit})
    return list(answer["liquidations"])


async def live_touch(
    group_id: int, market: int
) -> tuple[list[int] | None, list[int] | None, list[int] | None]:
    """Best bid, best ask and last trade; ``None`` for each that does not exist."""
    book, trades = await asyncio.gather(live_book(group_id, market, 1), live_trades(group_id, market, 1))
    return (
        book["bids"][0] if book["bids"] else None,
        book["asks"][0] if book["asks"] else None,
        trades[0] if trades else None,
    )
