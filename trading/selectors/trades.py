"""Public trades of a market, from PostgreSQL."""

from exchange_kernel import TAKER

from exchange_os.engine.models import Fill
from trading.selectors.orders import Window


def older_trades(group_id: int, market: int, window: Window, *, by_time: bool = False) -> list[Fill]:
    """Trades newest first, as the taker's fills, paged by trade id or ``by_time`` in milliseconds."""
    identity = "time_ms" if by_time else "trade_id"
    rows = Fill.objects.filter(group_id=group_id, market=market, role=TAKER).filter(
        window.filters(identity, "time_ms")
    )
    return list(rows.order_by("-trade_id")[: window.limit])
