"""The last trades of an event, over all its outcomes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from exchange_kernel import unpack_trades

from exchange_os.engine.history import Trade
from exchange_os.engine.models import TradePage
from trading.bets import cents_text
from trading.selectors.events import EventView
from venues.models import Market

SHOWN = 12

_PAGES_SQL = f"""
SELECT asked.market, page.data FROM unnest(%s::int[]) AS asked(market)
CROSS JOIN LATERAL (
    SELECT place, data FROM {TradePage._meta.db_table} AS stored
    WHERE stored.group_id = %s AND stored.market = asked.market ORDER BY place DESC LIMIT {SHOWN}
) AS page
ORDER BY page.place DESC LIMIT {SHOWN}
"""


@dataclass(frozen=True)
class TapeRow:
    """A trade as the page shows it: the outcome, whether its taker bet on it, price, contracts and when."""

    trade_id: int
    name: str
    bought: bool
    price: str
    lots: str
    when: datetime


def event_trades(view: EventView) -> list[TapeRow]:
    """The newest trades of all outcomes, newest first."""
    markets = {market.number: market for market in view.markets}
    with connection.cursor() as cursor:
        cursor.execute(_PAGES_SQL, [list(markets), view.event.venue.group_id])
        rows = [
            (Trade(*row), markets[number])
            for number, data in cursor.fetchall()
            for row in unpack_trades(bytes(data))
        ]
    rows.sort(key=lambda row: -row[0].trade_id)
    return [tape_row(trade, market) for trade, market in rows[:SHOWN]]


def tape_row(trade: Trade, market: Market) -> TapeRow:
    """One trade in words."""
    return TapeRow(
        trade_id=trade.trade_id,
        name=market.outcome_name,
        bought=trade.side == 0,
        price=cents_text(trade.price_ticks, market.payout_ticks),
        lots=str(trade.size_lots),
        when=datetime.fromtimestamp(trade.time_ms / 1000, UTC),
    )
