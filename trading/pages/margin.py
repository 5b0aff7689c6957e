"""What the margin side of the terminal shows: positions, margin and the figures of a contract, as texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text
from trading.pages.rows import Instruments, average_price
from trading.selectors.contract_figures import rate_text
from trading.selectors.positions import Holdings, Position, QueuePlace
from venues.instruments import Instrument
from venues.models import Market, MarketKind


@dataclass(frozen=True)
class PositionRow:
    """A position as a table shows it; texts, except the flags and ``gain`` (sign of the profit)."""

    symbol: str
    name: str
    long: bool
    size: str
    unit: str
    entry: str
    mark: str
    liquidation: str
    margin: str
    mode: str
    profit: str
    percent: str
    gain: int
    quote: str
    outcome: bool
    adl_lights: int = 0
    adl_words: str = ""


def position_rows(
    held: Holdings, instruments: Instruments, queue: Mapping[int, QueuePlace] | None = None
) -> list[PositionRow]:
    """Positions that are not flat, in markets that are known; with their places in the queue of deleveraging."""
    return [
        _row(position, instruments[position.market], (queue or {}).get(position.market))
        for position in held.positions
        if position.lots and position.market in instruments
    ]


def _row(position: Position, traded: Instrument, place: QueuePlace | None) -> PositionRow:
    quote = traded.quote
    profit = position.profit(traded.tick_quote)
    stake = position.initial or abs(position.entry)
    hundredths = profit * 10_000 // stake if stake else 0
    mode = "Covered" if position.outcome else "Isolated" if position.isolated else "Cross"
    return PositionRow(
        symbol=traded.symbol,
        name=traded.outcome_name or traded.symbol,
        long=position.lots > 0,
        size=traded.size_text(abs(position.lots)),
        unit=traded.size_unit,
        entry=average_price(abs(position.entry), abs(position.lots), traded),
        mark=traded.price_display(position.mark_ticks) if position.mark_ticks else "",
        liquidation=traded.price_display(position.liquidation_ticks) if position.liquidation_ticks else "",
        margin=amount_text(position.margin if position.isolated else position.initial, quote),
        mode=mode if position.outcome else f"{mode} {position.leverage}×",
        profit=amount_text(profit, quote),
        percent=f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}%",
        gain=(profit > 0) - (profit < 0),
        quote=quote.symbol,
        outcome=position.outcome,
        adl_lights=place.lights if place else 0,
        adl_words=f"Place {place.place} of {place.count} in the queue of auto-deleveraging" if place else "",
    )


def margin_context(held: Holdings, market: Market, asset: Asset) -> dict[str, Any]:
    """What the margin box of the ticket shows: money as texts, ``used_percent`` of the maintenance margin."""
    risk = held.risk
    position = held.of_market(market.number)
    perpetual = market.kind == MarketKind.PERPETUAL
    largest = int(market.params.get("max_leverage") or 0)
    context: dict[str, Any] = {
        "is_perpetual": perpetual,
        "max_leverage": largest,
        "leverage": position.leverage if position and position.leverage else min(10, largest or 10),
        "isolated": bool(position and position.isolated),
        "margin": None,
    }
    if risk is not None:
        used = 100 if risk.equity <= 0 else min(100, max(0, risk.maintenance) * 100 // risk.equity)
        context["margin"] = {
            "equity": amount_text(risk.equity, asset),
            "free": amount_text(max(0, risk.free), asset),
            "initial": amount_text(risk.initial, asset),
            "maintenance": amount_text(risk.maintenance, asset),
            "profit": amount_text(risk.upnl, asset),
            "withdrawable": amount_text(max(0, risk.withdrawable), asset),
            "used_percent": used if risk.maintenance else 0,
            "state": "danger" if used >= 80 else "warn" if used >= 50 else "ok",
        }
    return context


def figures_context(market: Market, traded: Instrument) -> dict[str, Any]:
    """Mark, index, funding and open interest of a contract as texts; empty when the venue does not answer."""
    try:
        live = client.query(traded.group_id, {"q": "market", "market": market.number}, 2.0).get("market", {})
        funding = (
            client.query(traded.group_id, {"q": "funding", "market": market.number}, 2.0)
            if market.kind == MarketKind.PERPETUAL
            else {}
        )
    except DomainError:
        return {}
    mark, index = live.get("mark_ticks", 0), live.get("index_ticks", 0)
    context: dict[str, Any] = {
        "mark": traded.price_display(mark) if mark else "",
        "index": traded.price_display(index) if index else "",
        "grade": live.get("grade", ""),
        "interest": traded.size_text(live.get("open_interest", 0)),
    }
    if "next_ms" in funding:
        context["funding"] = rate_text(funding["estimate"])
        left = max(0, funding["next_ms"] - int(funding.get("now_ms", funding["next_ms"]))) // 1000
        context["funding_in"] = f"{left // 3600:02d}:{left % 3600 // 60:02d}:{left % 60:02d}"
    return context
