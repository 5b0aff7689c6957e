"""Public trades of a market, from PostgreSQL."""

from exchange_os.engine.history import Span, Trade, trades
from trading.selectors.orders import Window


def older_trades(group_id: int, market: int, window: Window, *, by_time: bool = False) -> list[Trade]:
    """Trades newest first, paged by trade id or ``by_time`` in milliseconds."""
    if not by_time:
        return trades(group_id, market, window.span, window.limit)
    begin, end = window.begin_ms, window.end_ms
    if window.newer_than is not None:
        begin = max(begin or 0, window.newer_than + 1)
    if window.older_than is not None:
        end = window.older_than - 1 if end is None else min(end, window.older_than - 1)
    return trades(group_id, market, Span(begin_ms=begin, end_ms=end), window.limit)
