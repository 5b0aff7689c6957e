"""What a venue's policy lets one order be worth: the same rule for orders, changes, algo orders and bulk bodies.

An order is worth its lots at its price, without one at the last trade; or the budget it spends. A change of an order is
judged without looking the order up, so it must name price and size. Orders that only reduce are not limited.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import exchange_kernel as kernel

from exchange_os.errors import DomainError
from trading.selectors.catalogue import TradableMarket


def check_order_limit(market: TradableMarket, price_ticks: int, size: int, *, in_quote: bool = False) -> None:
    """Refuse with ``order_limit`` an order worth more than the venue's policy takes in one.

    ``size`` is in lots, or with ``in_quote`` a budget in quote units; ``price_ticks`` 0: at the last trade.
    """
    if not market.order_limit:
        return
    price = price_ticks or market.last_ticks
    worth = size if in_quote else price * size * market.instrument.tick_quote
    if worth > market.order_limit:
        raise DomainError(
            "order_limit",
            f"This venue takes orders of at most {_limit_words(market)} each; lower the amount.",
            field="size",
        )


def check_change_limit(market: TradableMarket, price_ticks: int, size_lots: int) -> None:
    """Refuse with ``order_limit`` a change of an order (0 keeps) that could make it worth more than is allowed."""
    if not market.order_limit or not (price_ticks or size_lots):
        return
    if not (price_ticks and size_lots):
        raise DomainError(
            "order_limit",
            f"This venue takes orders of at most {_limit_words(market)} each: a change has to name price and size.",
            field="price" if size_lots else "size",
        )
    check_order_limit(market, price_ticks, size_lots)


@dataclass(frozen=True)
class Sifted:
    """The frames of a bulk body that keep to the limit, and the sentences for the others by the frame's place."""

    packed: bytes
    count: int
    refused: Mapping[int, str]


def sift(markets: Mapping[int, TradableMarket], packed: bytes, count: int) -> Sifted:
    """Take the frames that exceed the venue's limit out of a bulk body (places, cancels, amends).

    ``markets`` are by number. Where nothing is limited no frame is looked at.
    """
    if not any(market.order_limit for market in markets.values()):
        return Sifted(packed, count, {})
    kept, refused = [], {}
    for place, frame in enumerate(kernel.split_commands(packed)):
        try:
            _check_frame(markets, frame)
            kept.append(frame)
        except DomainError as limited:
            refused[place] = limited.message
    return Sifted(b"".join(kept), len(kept), refused)


def _check_frame(markets: Mapping[int, TradableMarket], frame: bytes) -> None:
    order = kernel.decode_command(frame)
    if order["kind"] == "place" and not order["reduce_only"]:
        market = markets[order["market"]]
        check_order_limit(market, order["price_ticks"], order["size_lots"], in_quote=order["quote_size"])
    elif order["kind"] == "amend":
        check_change_limit(markets[order["market"]], order["new_price_ticks"], order["new_size_lots"])


def _limit_words(market: TradableMarket) -> str:
    return f"{market.quote_text(market.order_limit)} {market.quote.symbol}"
