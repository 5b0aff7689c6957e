"""Orders: from a trader's decimals to the kernel's frames, and through the gateway to a durable answer.

``*_frame`` functions are pure and serve every door; ``place_order`` and its like are for callers without an
event loop (pages, tasks), ``submit_order`` and ``submit_frames`` for those with one. An answer means the
command is durable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.engine.feed import note_message
from exchange_os.engine.gateway import get_gateway
from exchange_os.engine.wire import events_channel
from exchange_os.errors import DomainError
from exchange_os.ledger.services.pauses import refusal
from trading.models import TradingAccount
from trading.selectors.catalogue import TradableMarket, tradable_market
from trading.services.order_limits import check_change_limit, check_order_limit
from venues.models import Market

MIN_CANCEL_AFTER_SECONDS = 10
MAX_CANCEL_AFTER_SECONDS = 120

SIDES = {"buy": kernel.BUY, "sell": kernel.SELL}
_ORDER_TYPES = {"limit": kernel.LIMIT, "market": kernel.MARKET}
_TIMES_IN_FORCE = {"gtc": kernel.GTC, "gtd": kernel.GTD, "ioc": kernel.IOC, "fok": kernel.FOK}
SELF_TRADE_MODES = {
    "cancel_maker": kernel.STP_CANCEL_MAKER,
    "cancel_taker": kernel.STP_CANCEL_TAKER,
    "cancel_both": kernel.STP_CANCEL_BOTH,
}


@dataclass(frozen=True)
class OrderDraft:
    """A new order in decimals.

    ``side``: buy, sell. ``order_type``: limit, market. ``time_in_force``: gtc, gtd, ioc, fok. ``price`` is needed for
    a limit order and is the worst price of a market order (``None``: the market's slippage bound). ``size`` is in the
    base asset (contracts, for contracts); with ``size_in_quote`` (market buys) it is a budget in the quote asset, fee
    included. ``no_side``: side and price are those of No, of an outcome. ``client_id``: up to 32 letters and digits,
    unique for the account. Times are milliseconds since the epoch, 0 for none.
    """

    side: str
    size: Decimal
    order_type: str = "limit"
    price: Decimal | None = None
    time_in_force: str = "gtc"
    post_only: bool = False
    size_in_quote: bool = False
    client_id: str = ""
    self_trade: str = "cancel_maker"
    reduce_only: bool = False
    no_side: bool = False
    expires_ms: int = 0
    deadline_ms: int = 0


@dataclass(frozen=True)
class OrderKey:
    """Which order: by the exchange's id, or else by the trader's own."""

    order_id: int = 0
    client_id: str = ""


@dataclass(frozen=True)
class AmendDraft:
    """A change of an open order; ``size`` is the new total, what is already filled included. ``None``
    keeps. With ``no_side`` the price is one of No."""

    order: OrderKey
    size: Decimal | None = None
    price: Decimal | None = None
    no_side: bool = False


class OrderRefused(DomainError):
    """The kernel refused a command. ``reject`` is its number in ``exchange_kernel.REJECTS``."""

    def __init__(self, ack: kernel.Ack) -> None:
        name, sentence = kernel.REJECTS[ack.code]
        super().__init__(name.lower(), sentence)
        self.reject = ack.code
        self.ack = ack


def place_frame(account: int, market: TradableMarket, draft: OrderDraft, *, key: int = 0) -> bytes:
    """The command of a new order.

    Errors: ``paused``, ``price_missing``, ``price_invalid``, ``price_off_tick``, ``size_invalid``, ``size_off_lot``,
    ``quote_size_not_offered``, ``order_limit``.
    """
    return kernel.place(account, market.number, key=key, **place_arguments(market, draft))


def place_arguments(market: TradableMarket, draft: OrderDraft) -> dict[str, Any]:
    """Members of the command of a new order, by name. Errors as ``place_frame``."""
    check_trading(market)
    if draft.order_type == "limit" and draft.price is None:
        raise DomainError("price_missing", "A limit order needs a price.", field="price")
    price_ticks = market.to_ticks(draft.price) if draft.price is not None else 0
    size = _budget(market, draft) if draft.size_in_quote else market.to_lots(draft.size)
    if not draft.reduce_only:
        check_order_limit(market, price_ticks, size, in_quote=draft.size_in_quote)
    return {
        "side": SIDES[draft.side],
        "order_type": _ORDER_TYPES[draft.order_type],
        "tif": _TIMES_IN_FORCE[draft.time_in_force],
        "price_ticks": price_ticks,
        "size_lots": size,
        "client_id": draft.client_id,
        "stp": SELF_TRADE_MODES[draft.self_trade],
        "post_only": draft.post_only,
        "reduce_only": draft.reduce_only,
        "no_side": draft.no_side,
        "quote_size": draft.size_in_quote,
        "expires_ms": draft.expires_ms,
        "deadline_ms": draft.deadline_ms,
        "builder": market.builder,
    }


def check_trading(market: TradableMarket) -> None:
    """Refuse with ``paused`` while whoever runs the platform has stopped trading here."""
    if market.pause is not None:
        raise refusal(market.pause)


def _budget(market: TradableMarket, draft: OrderDraft) -> int:
    if draft.side != "buy" or draft.order_type != "market":
        raise DomainError(
            "quote_size_not_offered", "Only market buys take their size in the quote asset.", field="size"
        )
    units = int(draft.size.scaleb(market.quote.scale))  # finer than the asset: the fraction cannot be spent
    if not 0 < units < 2**62:
        raise DomainError(
            "size_invalid", f"Enter an amount above zero in {market.quote.symbol}.", field="size"
        )
    return units


def amend_frame(account: int, market: TradableMarket, draft: AmendDraft, *, key: int = 0) -> bytes:
    """The command that changes an order. Errors: ``paused``, and those of price and size of ``place_frame``."""
    check_trading(market)
    price_ticks = market.to_ticks(draft.price) if draft.price is not None else 0
    size_lots = market.to_lots(draft.size) if draft.size is not None else 0
    check_change_limit(market, price_ticks, size_lots)
    return kernel.amend(
        account,
        market.number,
        order_id=draft.order.order_id,
        client_id=draft.order.client_id,
        new_price_ticks=price_ticks,
        new_size_lots=size_lots,
        key=key,
        no_side=draft.no_side,
    )


async def note_amendment(group_id: int, account: int, order: OrderKey, request_id: str) -> None:
    """Tell whoever follows the account, in whatever process, which request its next change of an order belongs to;
    none if ``request_id`` is empty."""
    told = note_message(account, order_id=order.order_id, client_id=order.client_id, request_id=request_id)
    await get_gateway().publish(events_channel(group_id), told)


def cancel_frame(account: int, market: TradableMarket, order: OrderKey, *, key: int = 0) -> bytes:
    """The command that cancels one order."""
    return kernel.cancel(account, market.number, order_id=order.order_id, client_id=order.client_id, key=key)


def mass_cancel_frame(account: int, market: TradableMarket | None, *, key: int = 0) -> bytes:
    """The command that cancels every open order of the account, or those of one market."""
    return kernel.mass_cancel(account, market=market.number if market else kernel.ALL_MARKETS, key=key)


def cancel_all_after_frame(account: int, timeout_seconds: int, *, key: int = 0) -> bytes:
    """The dead-man switch: every order is cancelled in ``timeout_seconds`` unless called again; 0 disarms.

    Errors: ``timeout_out_of_range`` unless 0 or 10 to 120.
    """
    if timeout_seconds != 0 and not MIN_CANCEL_AFTER_SECONDS <= timeout_seconds <= MAX_CANCEL_AFTER_SECONDS:
        raise DomainError(
            "timeout_out_of_range",
            f"The timeout is 0, or {MIN_CANCEL_AFTER_SECONDS} to {MAX_CANCEL_AFTER_SECONDS} seconds.",
            field="timeOut",
        )
    return kernel.cancel_all_after(account, timeout_ms=timeout_seconds * 1000, key=key)


async def submit_frames(group_id: int, frames: Sequence[bytes], *, urgent: bool = False) -> list[kernel.Ack]:
    """Send commands in order and await their durable answers, refusals included.

    ``urgent`` (cancels) passes first when the venue is busy. Errors: ``Busy``, ``OutcomeUnknown``,
    ``GroupHalted``.
    """
    if not frames:
        return []
    acks = await get_gateway().submit_packed(group_id, b"".join(frames), len(frames), urgent=urgent)
    return kernel.decode_acks(acks)


def accepted(group_id: int, frame: bytes) -> kernel.Ack:
    """Send one command and wait until it is durable. Errors: ``OrderRefused`` and the engine's."""
    ack = kernel.decode_acks(client.submit_packed(group_id, frame, 1))[0]
    if ack.code:
        raise OrderRefused(ack)
    return ack


def place_order(account: TradingAccount, market: Market, draft: OrderDraft) -> kernel.Ack:
    """Place an order and wait until it is durable.

    Errors: those of ``place_frame``, ``OrderRefused``, and the engine's ``Busy``, ``OutcomeUnknown``,
    ``GroupHalted``.
    """
    tradable = tradable_market(market)
    return accepted(tradable.group_id, place_frame(account.number, tradable, draft))


def amend_order(account: TradingAccount, market: Market, draft: AmendDraft) -> kernel.Ack:
    """Change an open order. Errors as ``place_order``."""
    tradable = tradable_market(market)
    return accepted(tradable.group_id, amend_frame(account.number, tradable, draft))


def cancel_order(account: TradingAccount, market: Market, order: OrderKey) -> kernel.Ack:
    """Cancel an open order. Errors: ``OrderRefused`` and the engine's."""
    tradable = tradable_market(market)
    return accepted(tradable.group_id, cancel_frame(account.number, tradable, order))


def mass_cancel(account: TradingAccount, market: Market | None = None) -> int:
    """Cancel every open order of the account (of one market, if given); answers how many."""
    tradable = tradable_market(market) if market else None
    return accepted(account.venue.group_id, mass_cancel_frame(account.number, tradable)).extra


def cancel_all_after(account: TradingAccount, timeout_seconds: int) -> None:
    """Arm (or with 0 disarm) the dead-man switch of the account. Errors: ``timeout_out_of_range``."""
    accepted(account.venue.group_id, cancel_all_after_frame(account.number, timeout_seconds))
