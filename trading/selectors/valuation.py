"""What assets are worth in ``settings.VALUE_ASSET``: at index where a venue has one, else as last traded.

Prices come from what the engine has stored, so a valuation wakes no kernel.
"""

from collections.abc import Mapping
from decimal import Decimal

from django.conf import settings
from django.db import connection

from exchange_os.engine.models import Candle, PriceCandle
from exchange_os.ledger.models import Asset
from venues.models import Market, MarketKind
from venues.selectors import instrument, open_markets

#: Last index or last trade of markets given as arrays of (group, number), newest minute first.
_INDEX_SQL = f"""
SELECT asked.group_id, asked.market, last.close, last.minute_ms
FROM unnest(%s::bigint[], %s::int[]) AS asked(group_id, market)
CROSS JOIN LATERAL (
    SELECT close, minute_ms FROM {PriceCandle._meta.db_table} AS candle
    WHERE candle.group_id = asked.group_id AND candle.market = asked.market AND candle.what = {PriceCandle.What.INDEX}
    ORDER BY minute_ms DESC LIMIT 1
) AS last
"""
_LAST_SQL = f"""
SELECT asked.group_id, asked.market, last.close, last.minute_ms
FROM unnest(%s::bigint[], %s::int[]) AS asked(group_id, market)
CROSS JOIN LATERAL (
    SELECT close, minute_ms FROM {Candle._meta.db_table} AS candle
    WHERE candle.group_id = asked.group_id AND candle.market = asked.market ORDER BY minute_ms DESC LIMIT 1
) AS last
"""
MARKETS_AT_MOST = 500


def value_asset() -> Asset:
    """The asset in which totals are told."""
    return Asset.objects.get(symbol=settings.VALUE_ASSET)


def prices_in(unit: Asset) -> dict[int, Decimal]:
    """``{asset id: price in unit}`` of every asset that has one: the newest index, else the newest trade."""
    markets = list(
        open_markets()
        .filter(quote=unit, base__isnull=False)
        .exclude(kind=MarketKind.OUTCOME)[:MARKETS_AT_MOST]
    )
    prices = {unit.pk: Decimal(1)}
    for symbol, price in settings.STAKE_PRICES.items():
        stake = Asset.objects.filter(symbol=settings.STAKE_ASSET).first()
        if symbol == unit.symbol and stake is not None:
            prices[stake.pk] = Decimal(price)
    # Trades first, so that an index takes the place of a trade.
    spot = [market for market in markets if market.kind == MarketKind.SPOT]
    for sql, some in ((_LAST_SQL, spot), (_INDEX_SQL, markets)):
        prices.update(_newest(sql, some))
    return prices


def _newest(sql: str, markets: list[Market]) -> dict[int, Decimal]:
    if not markets:
        return {}
    known = {(market.venue.group_id, market.number): market for market in markets}
    groups, numbers = zip(*known, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(groups), list(numbers)])
        rows = sorted(cursor.fetchall(), key=lambda row: row[3])
    found = {}
    for group, number, ticks, _ in rows:  # the newest is written last
        market = known[(group, number)]
        assert market.base_id is not None
        found[market.base_id] = instrument(market).price(ticks)
    return found


def worth(units: int, asset: Asset, unit: Asset, prices: Mapping[int, Decimal]) -> int | None:
    """``units`` of ``asset`` in whole units of ``unit``, rounded towards zero; ``None`` without a price."""
    price = prices.get(asset.pk)
    if price is None:
        return None if units else 0
    return int(Decimal(units) * price * Decimal(10) ** (unit.scale - asset.scale))
