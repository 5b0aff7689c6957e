"""Positions: leverage, margin mode, isolated margin, closing and turning round, for callers without an event loop."""

from dataclasses import dataclass

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import PauseFunction
from exchange_os.ledger.services.pauses import check_running
from trading.models import TradingAccount
from trading.selectors.positions import holdings
from trading.services.orders import OrderRefused, mass_cancel
from venues.models import Market, MarketKind


def _submit(market: Market, frame: bytes) -> kernel.Ack:
    ack = kernel.decode_acks(client.submit_packed(market.venue.group_id, frame, 1))[0]
    if ack.code:
        raise OrderRefused(ack)
    return ack


def _perpetual(market: Market) -> None:
    if market.kind != MarketKind.PERPETUAL:
        raise DomainError("not_a_perpetual", f"{market.symbol} has no leverage.", field="leverage")


def set_leverage(account: TradingAccount, market: Market, leverage: int, *, isolated: bool) -> None:
    """Set leverage and margin mode of the account in a perpetual.

    Errors: ``not_a_perpetual``, ``leverage_invalid``, ``OrderRefused`` (the mode cannot change while there is a
    position or an order; less leverage may ask for more margin than there is), and the engine's.
    """
    _perpetual(market)
    largest = int(market.params.get("max_leverage") or 1_000)
    if not 1 <= leverage <= largest:
        raise DomainError(
            "leverage_invalid", f"Choose a whole leverage from 1 to {largest}.", field="leverage"
        )
    held = holdings(account).of_market(market.number)
    if (held.isolated if held else False) != isolated:
        _submit(market, kernel.set_margin_mode(account.number, market.number, isolated=isolated))
    _submit(market, kernel.set_leverage(account.number, market.number, leverage=leverage))


def close_position(account: TradingAccount, market: Market, *, turn: bool = False) -> kernel.Ack:
    """Close the position at market, or with ``turn`` open as much on the other side. Errors: ``paused``,
    ``OrderRefused``, the engine's."""
    check_running(PauseFunction.TRADE, market.venue.group_id)
    return _submit(market, kernel.close_position(account.number, market.number, turn=turn))


@dataclass(frozen=True)
class Flattened:
    """What flattening did: orders cancelled, positions closed, and positions of which something is left."""

    cancelled: int
    closed: int
    left: int


def flatten_account(account: TradingAccount) -> Flattened:
    """Cancel every order of the account and close every perpetual position at market, as far as the books reach.

    Outcomes are left: they cannot owe more than they cost. Errors: those of the engine.
    """
    cancelled = mass_cancel(account)
    open_now = {
        held.market: abs(held.lots) for held in holdings(account).positions if held.lots and not held.outcome
    }
    markets = Market.objects.filter(
        venue_id=account.venue.books_id, kind=MarketKind.PERPETUAL, number__in=open_now
    ).select_related("venue")
    closed = 0
    for market in markets:
        try:
            closed += close_position(account, market).filled_lots == open_now[market.number]
        except OrderRefused:
            continue
    return Flattened(cancelled, closed, len(open_now) - closed)
