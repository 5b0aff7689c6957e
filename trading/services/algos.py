"""Algo orders: from a trader's decimals to the kernel's frames.

A stop, a take-profit or a trailing stop waits for a price; an iceberg and a TWAP place one slice after the other. An
algo order holds no money: what it places is checked when it is placed.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.selectors.catalogue import TradableMarket, tradable_market
from trading.services.order_limits import check_change_limit, check_order_limit
from trading.services.orders import (
    SELF_TRADE_MODES,
    SIDES,
    OrderDraft,
    accepted,
    check_trading,
    place_arguments,
)
from venues.models import Market

SOURCES = {"last": 0, "mark": 1}
Leg = tuple[int, int, int, bool | None]
NO_LEG: Leg = (0, 0, 0, False)
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Wait:
    """A price to wait for, and the limit of the order to place then (``None``: a market order).

    ``source``: last, mark. ``rises``: it fires at or above the trigger, else at or below; ``None``: from whichever side
    the price is on when the order is accepted.
    """

    trigger: Decimal
    price: Decimal | None = None
    source: str = "last"
    rises: bool | None = None


@dataclass(frozen=True)
class Distance:
    """From a price: an amount in the quote asset, or a ratio of it."""

    spread: Decimal | None = None
    ratio: Decimal | None = None


@dataclass(frozen=True)
class Slices:
    """How an iceberg or TWAP is cut: ``limit`` is the worst price of all slices; with ``distance`` they are priced from
    the best price. ``interval_ms`` and ``expires_ms`` are of a TWAP."""

    limit: Decimal
    size: Decimal
    distance: Distance | None = None
    interval_ms: int = 0
    expires_ms: int = 0


@dataclass(frozen=True)
class AlgoDraft:
    """A new algo order. Exactly one of ``trigger``, ``profit`` and ``stop``, ``trail`` or ``slices`` says what it is.

    ``size`` is in the base asset or contracts, ``None`` for the whole position; with ``size_in_quote`` (market buys) it
    is a budget. ``activation`` is the price at which a trailing stop begins to follow (``None``: at once).
    """

    side: str
    size: Decimal | None
    trigger: Wait | None = None
    profit: Wait | None = None
    stop: Wait | None = None
    trail: Distance | None = None
    activation: Decimal | None = None
    trail_source: str = "last"
    slices: Slices | None = None
    size_in_quote: bool = False
    reduce_only: bool = False
    self_trade: str = "cancel_maker"
    client_id: str = ""
    deadline_ms: int = 0


@dataclass(frozen=True)
class AlgoKey:
    """Which algo order: by the exchange's id, or else by the trader's own."""

    algo_id: int = 0
    client_id: str = ""


@dataclass(frozen=True)
class AlgoChange:
    """A change of a trigger or a pair; ``None`` keeps. A price of 0 makes a leg's order a market order."""

    algo: AlgoKey
    size: Decimal | None = None
    first_trigger: Decimal | None = None
    first_price: Decimal | None = None
    second_trigger: Decimal | None = None
    second_price: Decimal | None = None


@dataclass(frozen=True)
class Attached:
    """What hangs on an order: a take-profit, a stop-loss or both, and the client id of the two."""

    profit: Wait | None = None
    stop: Wait | None = None
    client_id: str = field(default="")


def _leg(market: TradableMarket, wait: Wait | None) -> Leg:
    if wait is None:
        return NO_LEG
    price = market.to_ticks(wait.price) if wait.price is not None else 0
    return market.to_ticks(wait.trigger), price, SOURCES[wait.source], wait.rises


def _distance(market: TradableMarket, distance: Distance | None) -> tuple[int, int]:
    if distance is None:
        return 0, 0
    ticks = market.to_ticks(distance.spread) if distance.spread else 0
    return ticks, int(distance.ratio * _MILLION) if distance.ratio else 0


def _head(account: int, market: TradableMarket, draft: AlgoDraft, key: int) -> dict[str, Any]:
    if draft.size_in_quote:
        if draft.side != "buy" or draft.size is None:
            raise DomainError(
                "quote_size_not_offered", "Only market buys take their size in the quote asset."
            )
        size = int(draft.size.scaleb(market.quote.scale))
    else:
        size = market.to_lots(draft.size) if draft.size is not None else 0
    if size and not draft.reduce_only:
        one = market.to_lots(draft.slices.size) if draft.slices is not None else size
        check_order_limit(market, _dearest(market, draft), one, in_quote=draft.size_in_quote)
    return {
        "account": account,
        "market": market.number,
        "side": SIDES[draft.side],
        "size_lots": size,
        "client_id": draft.client_id,
        "reduce_only": draft.reduce_only or draft.size is None,
        "quote_size": draft.size_in_quote,
        "whole_position": draft.size is None,
        "stp": SELF_TRADE_MODES[draft.self_trade],
        "deadline_ms": draft.deadline_ms,
        "key": key,
        "builder": market.builder,
    }


def _dearest(market: TradableMarket, draft: AlgoDraft) -> int:
    """The highest price, in ticks, that an order of the algo order can come to; 0 where it names none."""
    waits = [wait for wait in (draft.trigger, draft.profit, draft.stop) if wait is not None]
    prices = [wait.price if wait.price is not None else wait.trigger for wait in waits]
    prices += [draft.slices.limit] if draft.slices is not None else []
    return max(map(market.to_ticks, prices), default=0)


def algo_frame(account: int, market: TradableMarket, draft: AlgoDraft, *, key: int = 0) -> bytes:
    """The command of a new algo order. Errors: ``paused``, and those of price and size of ``place_frame``."""
    check_trading(market)
    head = _head(account, market, draft, key)
    if draft.trigger is not None:
        return kernel.place_trigger(head, _leg(market, draft.trigger))
    if draft.trail is not None:
        start = market.to_ticks(draft.activation) if draft.activation is not None else 0
        wait = (start, 0, SOURCES[draft.trail_source], draft.side == "sell")
        return kernel.place_trailing(head, wait, *_distance(market, draft.trail))
    if draft.slices is not None:
        cut = draft.slices
        ticks, ppm = _distance(market, cut.distance)
        return kernel.place_slices(
            head,
            limit_ticks=market.to_ticks(cut.limit),
            slice_lots=market.to_lots(cut.size),
            floats=cut.distance is not None,
            distance_ticks=ticks,
            distance_ppm=ppm,
            interval_ms=cut.interval_ms,
            expires_ms=cut.expires_ms,
        )
    profit, stop = _leg(market, draft.profit), _leg(market, draft.stop)
    return kernel.place_oco(head, profit, stop)  # type: ignore[arg-type]


def bracket_frame(
    account: int, market: TradableMarket, draft: OrderDraft, attached: Attached, *, key: int = 0
) -> bytes:
    """The command of an order with a take-profit, a stop-loss or both attached. Errors as ``place_frame``, and
    ``attached_not_offered``."""
    arguments = place_arguments(market, draft)
    if arguments.pop("no_side"):
        raise DomainError("attached_not_offered", "Nothing can hang on an order for the No of an outcome.")
    return kernel.place_bracket(
        account,
        market.number,
        profit=_leg(market, attached.profit),  # type: ignore[arg-type]
        stop=_leg(market, attached.stop),  # type: ignore[arg-type]
        algo_client_id=attached.client_id,
        key=key,
        **arguments,
    )


def cancel_algo_frame(account: int, market: TradableMarket, algo: AlgoKey, *, key: int = 0) -> bytes:
    """The command that ends an algo order."""
    return kernel.cancel_algo(account, market.number, algo_id=algo.algo_id, client_id=algo.client_id, key=key)


def amend_algo_frame(account: int, market: TradableMarket, change: AlgoChange, *, key: int = 0) -> bytes:
    """The command that changes an algo order. Errors: ``paused``, and those of price and size of ``place_frame``."""
    check_trading(market)

    def leg(trigger: Decimal | None, price: Decimal | None) -> tuple[int, int]:
        ticks = market.to_ticks(trigger) if trigger is not None else 0
        return ticks, -1 if price is None else market.to_ticks(price) if price else 0

    size_lots = market.to_lots(change.size) if change.size is not None else 0
    first, second = (
        leg(change.first_trigger, change.first_price),
        leg(change.second_trigger, change.second_price),
    )
    check_change_limit(market, max(*first, *second), size_lots)
    return kernel.amend_algo(
        account,
        market.number,
        algo_id=change.algo.algo_id,
        client_id=change.algo.client_id,
        size_lots=size_lots,
        first=first,
        second=second,
        key=key,
    )


def place_algo(account: TradingAccount, market: Market, draft: AlgoDraft) -> kernel.Ack:
    """Place an algo order and wait until it is durable. Errors as ``place_order``."""
    tradable = tradable_market(market)
    return accepted(tradable.group_id, algo_frame(account.number, tradable, draft))


def place_bracket(
    account: TradingAccount, market: Market, draft: OrderDraft, attached: Attached
) -> kernel.Ack:
    """Place an order with what hangs on it. Errors as ``place_order``."""
    tradable = tradable_market(market)
    return accepted(tradable.group_id, bracket_frame(account.number, tradable, draft, attached))


def cancel_algo(account: TradingAccount, market: Market, algo: AlgoKey) -> kernel.Ack:
    """End an algo order. Errors: ``OrderRefused`` and the engine's."""
    tradable = tradable_market(market)
    return accepted(tradable.group_id, cancel_algo_frame(account.number, tradable, algo))
