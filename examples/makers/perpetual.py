"""A maker of a perpetual: quotes both sides of the index, leans against its position, and hedges on the spot market.

    python -m examples.makers.perpetual --url http://localhost:8000/v/demo-spot --swap BTC/USD:USD --neutral 5.5

What it is short in contracts it holds in the base asset and the other way round, so that a move of the price costs
nothing; what it earns is the spread.
"""

import logging
from typing import Any

import ccxt

from examples.makers.maker import Maker, Quote, arguments, ladder, serve
from examples.makers.spot import index_of

log = logging.getLogger("maker")

LEVELS = 12
GAP = 0.00015
SKEW = 0.0008
SLIPPAGE = 0.002  # of the price, that a hedge may cost at most


class PerpetualMaker(Maker):
    """Quotes ``swap``, holds at most ``most`` contracts of it, and ``neutral`` of the base asset plus their hedge."""

    def __init__(self, exchange: ccxt.okx, swap: str, *, neutral: float, most: float, size: float) -> None:
        super().__init__(exchange, [swap])
        self.swap, self.spot = swap, swap.split(":")[0]
        self.neutral, self.most, self.size = neutral, most, size
        self.index = index_of(exchange, self.spot)
        self.price: float | None = None
        self.contracts = 0.0

    def observe(self) -> None:
        """The index, and the position."""
        self.price = self.index()
        self.contracts = self.position()

    def position(self) -> float:
        """Contracts held, those sold short below zero."""
        rows = self.exchange.fetch_positions([self.swap])
        return sum(
            row["contracts"] * (1 if row["side"] == "long" else -1) for row in rows if row["contracts"]
        )

    def quotes(self, symbol: str) -> list[Quote]:
        """A ladder around the index, its middle moved against the position; none while there is no index."""
        if not self.price:
            return []
        lean = max(-1.0, min(1.0, self.contracts / self.most))
        middle = self.price * (1 - SKEW * lean)
        rows = ladder(middle, self.price * GAP, self.size, LEVELS, lean)
        return [Quote(row.side, row.price, max(1.0, round(row.size))) for row in rows]

    def hedge(self) -> None:
        """Trade on the spot market what position and holding together are away from neutral, if it is worth it."""
        if not self.price:
            return
        self.contracts = self.position()
        contract = float(self.exchange.market(self.swap)["contractSize"])
        held = float(self.exchange.fetch_balance()["total"].get(self.spot.split("/")[0], 0))
        open_base = held - self.neutral + self.contracts * contract
        if abs(open_base) < self.least(contract):
            return
        side = "sell" if open_base > 0 else "buy"
        worst = self.price * (1 - SLIPPAGE if side == "sell" else 1 + SLIPPAGE)
        params: dict[str, Any] = {"timeInForce": "IOC"}
        try:
            self.exchange.create_order(self.spot, "limit", side, abs(open_base), worst, params)
        except (ccxt.NetworkError, ccxt.AuthenticationError):
            raise
        except ccxt.BaseError as refused:
            self.complain("hedge refused", refused)
        else:
            log.info("hedged: %s %.5f %s", side, abs(open_base), self.spot)

    def least(self, contract: float) -> float:
        """The smallest hedge that is sent, in the base asset: two first quotes' worth."""
        return 2 * self.size * contract


if __name__ == "__main__":
    told = arguments(
        __doc__ or "",
        ("--swap", {"default": "BTC/USD:USD", "help": "the perpetual, as ccxt calls it"}),
        ("--neutral", {"type": float, "default": 0.0, "help": "base holding that hedges nothing"}),
        ("--most", {"type": float, "default": 2000.0, "help": "contracts to hold at most, long or short"}),
        ("--size", {"type": float, "default": 10.0, "help": "contracts of the first quote"}),
    )
    serve(
        lambda exchange: PerpetualMaker(
            exchange, told.swap, neutral=told.neutral, most=told.most, size=told.size
        ),
        told.url,
        told.seconds,
    )
