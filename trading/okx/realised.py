"""What orders and fills of a page of an answer realised, and at which leverage its open orders stand."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from exchange_os.engine.models import Fill
from trading.okx.caller import Caller
from trading.okx.objects import default_leverage
from trading.okx.private_objects import fill_row, order_row
from trading.selectors.catalogue import VenueCatalogue
from trading.selectors.orders import Order
from trading.selectors.positions import live_holdings
from trading.selectors.realised import Realised, realised
from trading.threads import in_database_thread
from venues.models import MarketKind


@dataclass(frozen=True)
class Told:
    """Rows of an account's orders and fills. Without ``gains`` there is no contract among them."""

    catalogue: VenueCatalogue
    gains: Realised | None
    leverages: dict[int, int]

    def order(self, order: Order) -> dict[str, Any]:
        """Row of one order."""
        market = self.catalogue.by_number[order.market]
        gain = (
            self._gain(order.market, lambda known: known.of_order(order.order_id)) if order.filled_lots else 0
        )
        lever = ""
        if order.is_open and market.kind == MarketKind.PERPETUAL:
            lever = str(self.leverages.get(order.market) or default_leverage(market))
        return order_row(market, order, gain, lever)

    def fill(self, fill: Fill) -> dict[str, Any]:
        """Row of one fill."""
        gain = self._gain(fill.market, lambda known: known.of_fill(fill))
        return fill_row(self.catalogue.by_number[fill.market], fill, gain)

    def _gain(self, market: int, of: Callable[[Realised], int | None]) -> int | None:
        if self.gains is None or self.catalogue.rounds_up(market) is None:
            return 0
        return None if market in self.catalogue.split_off else of(self.gains)


async def told(caller: Caller, *, orders: Iterable[Order] = (), fills: Iterable[Fill] = ()) -> Told:
    """What is needed to tell these orders and fills of the caller; nothing is read for spot alone."""
    catalogue, account = caller.catalogue, caller.account
    orders = list(orders)
    traded = {order.market for order in orders if order.filled_lots} | {fill.market for fill in fills}
    gains, leverages = None, {}
    if any(catalogue.rounds_up(market) is not None for market in traded):
        gains = await in_database_thread(realised, catalogue.group_id, account, catalogue.rounds_up)
    if any(order.is_open and catalogue.rounds_up(order.market) for order in orders):
        held = await live_holdings(catalogue.group_id, account)
        leverages = {position.market: position.leverage for position in held.positions}
    return Told(catalogue, gains, leverages)
