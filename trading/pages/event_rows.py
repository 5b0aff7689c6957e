"""Lines of the page of an event: kernel numbers as the words and texts that templates show."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine.models import Bill, Fill
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import decimal_text
from trading.bets import cents_text, chance_text, money_text
from trading.selectors.event_holdings import EventHoldings, EventPast, Stake
from trading.selectors.event_prices import OutcomePrice
from trading.selectors.events import EventView
from trading.selectors.orders import Order
from venues.models import PPM, Event, EventKind, Market

SHOWN = 10
SEARCHED_FROM = 12


@dataclass(frozen=True)
class Choice:
    """One outcome as the page lists it; texts, ``percent`` for the meter, ``moved`` the sign of the day's change."""

    symbol: str
    name: str
    percent: str
    chance: str
    change: str
    moved: int
    yes: str
    no: str
    volume: str
    payout: str
    won: bool
    paused: bool


def side_names(event: Event) -> tuple[str, str]:
    """What the two sides of a contract are called: Yes and No, of a number Higher and Lower."""
    return ("Higher", "Lower") if event.kind == EventKind.SCALAR else ("Yes", "No")


def outcome_title(event: Event, market: Market) -> str:
    """What a market of an event is called: its outcome, of a number its upper side."""
    return side_names(event)[0] if event.kind == EventKind.SCALAR else market.outcome_name


def own_name(event: Event, market: Market) -> str:
    """The outcome of something one holds; empty where there is but one book, whose side says it all."""
    return market.outcome_name if event.kind == EventKind.MULTIPLE else ""


def choice_of(view: EventView, row: OutcomePrice) -> Choice:
    """An outcome and its prices."""
    one, market = row.payout_ticks, row.market
    payout = view.payout_of(market)
    points = _points(row.day_change_ticks, one)
    return Choice(
        symbol=market.symbol,
        name=outcome_title(view.event, market),
        percent=decimal_text(Decimal(row.fair_ticks * 100) / one),
        chance=chance_text(row.fair_ticks, one),
        change=points,
        moved=0 if not points else 1 if row.day_change_ticks > 0 else -1,
        yes=cents_text(row.yes_ticks, one) if row.yes_ticks else "",
        no=cents_text(row.no_ticks, one) if row.no_ticks else "",
        volume=str(row.quote_volume // 10**view.event.settlement_asset.scale),
        payout="" if payout is None else cents_text(payout, PPM),
        won=payout == PPM,
        paused=not row.trades_now,
    )


def _points(ticks: int, one: int) -> str:
    """A change of a chance in points of a per cent, without its sign; empty if there was none."""
    tenths = (abs(ticks) * 2000 + one) // (2 * one)
    rest = f".{tenths % 10}" if tenths % 10 and tenths < 100 else ""
    return f"{tenths // 10}{rest}" if tenths else ""


def sum_text(prices: Iterable[OutcomePrice]) -> str:
    """The chances of all outcomes together, in whole per cent."""
    rows = list(prices)
    one = rows[0].payout_ticks if rows else 1
    return f"{round(Decimal(sum(row.fair_ticks for row in rows) * 100) / one)}%"


def expected_value(event: Event, row: OutcomePrice) -> str:
    """What the market expects of a scalar whose ends are known, as text with its measure; empty otherwise."""
    if event.kind != EventKind.SCALAR or not event.high:
        return ""
    low, high = Decimal(event.low), Decimal(event.high)
    step = (high - low) / row.payout_ticks
    value = low + step * row.fair_ticks
    digits = max(0, -int(step.normalize().as_tuple().exponent))
    return f"{round(value, min(digits, 4)).normalize():f} {event.measure}".strip()


@dataclass(frozen=True)
class StakeRow:
    """Contracts of one outcome that someone holds; texts, ``gain`` the sign of the profit."""

    symbol: str
    side: str
    name: str
    no: bool
    lots: str
    average: str
    now: str
    worth: str
    to_win: str
    profit: str
    percent: str
    gain: int


def stake_row(stake: Stake, event: Event, asset: Asset) -> StakeRow:
    """A holding as the table shows it."""
    profit = stake.worth - stake.cost
    share = profit * 1000 // stake.cost if stake.cost else 0
    average = stake.cost * 10_000 // (stake.lots * stake.unit) if stake.lots else 0
    return StakeRow(
        symbol=stake.market.symbol,
        side=side_names(event)[stake.no],
        name=own_name(event, stake.market),
        no=stake.no,
        lots=str(stake.lots),
        average=cents_text(average // 10 * 10, 10_000),
        now=cents_text(stake.own_mark_ticks, stake.market.payout_ticks),
        worth=money_text(stake.worth, asset.scale),
        to_win=money_text(stake.to_win, asset.scale),
        profit=f"{'+' if profit > 0 else ''}{money_text(profit, asset.scale)}",
        percent=f"{'-' if share < 0 else '+' if share > 0 else ''}{abs(share) // 10}.{abs(share) % 10}%",
        gain=(profit > 0) - (profit < 0),
    )


def holdings_context(held: EventHoldings, event: Event, asset: Asset) -> dict[str, Any]:
    """What the card of one's own contracts says."""
    return {
        "stakes": [stake_row(stake, event, asset) for stake in held.stakes],
        "certain": money_text(held.certain, asset.scale),
        "has_certain": held.certain > 0,
        "several": len(held.stakes) > 1,
        "most": money_text(held.most, asset.scale),
        "worst_names": names_text(held.worst),
        "best_names": names_text(held.best),
        "sets": held.sets,
        "held_cost": money_text(held.cost, asset.scale, up=True),
        "held_worth": money_text(held.worth, asset.scale),
    }


def names_text(names: tuple[str, ...]) -> str:
    """A few names as people say them: “Spain”, “Spain or France”, “any of 7 others”."""
    if len(names) > 3:
        return f"any of {len(names)} outcomes"
    return " or ".join(names)


@dataclass(frozen=True)
class BetRow:
    """An open order or a fill in a bettor's terms; texts."""

    symbol: str
    side: str
    name: str
    verb: str
    no: bool
    lots: str
    filled: str
    price: str
    money: str
    fee: str
    order_id: int
    when: datetime


def _own_side(no: bool, buying: bool, ticks: int, market: Market) -> tuple[str, int]:
    """Verb and price of the side someone meant: a sale of Yes by someone who meant No is a purchase of No."""
    return ("Buy" if buying != no else "Sell"), (market.payout_ticks - ticks if no else ticks)


def order_row(order: Order, event: Event, market: Market) -> BetRow:
    """An open order as the trader placed it."""
    buying = order.side == kernel.BUY
    verb, ticks = _own_side(order.no_side, buying, order.price_ticks, market)
    return BetRow(
        symbol=market.symbol, side=side_names(event)[order.no_side], name=own_name(event, market), verb=verb,
        no=order.no_side, lots=str(order.size_lots),
        filled=str(order.filled_lots), price=cents_text(ticks, market.payout_ticks),
        money=money_text(ticks * order.remaining_lots * market.tick_quote, market.quote.scale), fee="",
        order_id=order.order_id, when=_moment(order.created_ms),
    )  # fmt: skip


def fill_row(fill: Fill, event: Event, market: Market) -> BetRow:
    """A fill as its order was placed."""
    no, buying = bool(fill.flags & kernel.FLAG_NO), fill.side == kernel.BUY
    whole = fill.size_lots * market.payout_ticks * market.tick_quote
    _, ticks = _own_side(no, buying, fill.price_ticks, market)
    return BetRow(
        symbol=market.symbol, side=side_names(event)[no], name=own_name(event, market),
        verb="Bought" if buying != no else "Sold", no=no,
        lots=str(fill.size_lots), filled=str(fill.size_lots),
        price=cents_text(ticks, market.payout_ticks),
        money=money_text(whole - fill.notional if no else fill.notional, market.quote.scale),
        fee=money_text(fill.fee, market.quote.scale, up=True), order_id=fill.order_id, when=_moment(fill.time_ms),
    )  # fmt: skip


@dataclass(frozen=True)
class Receipt:
    """What contracts were paid when the event was over; texts."""

    side: str
    name: str
    no: bool
    lots: str
    each: str
    paid: str
    when: datetime


def receipt_of(bill: Bill, event: Event, market: Market) -> Receipt:
    """A settlement as the bettor sees it: a No gets what the outcome does not."""
    no, lots = bill.lots < 0, abs(bill.lots)
    each = market.payout_ticks - bill.price_ticks if no else bill.price_ticks
    return Receipt(
        side=side_names(event)[no], name=own_name(event, market), no=no, lots=str(lots),
        each=cents_text(each, market.payout_ticks),
        paid=money_text(each * lots * market.tick_quote, market.quote.scale), when=_moment(bill.time_ms),
    )  # fmt: skip


def past_context(past: EventPast, view: EventView) -> dict[str, Any]:
    """What the history of an account in the event says."""
    markets = {market.number: market for market in view.markets}
    return {
        "fill_rows": [fill_row(fill, view.event, markets[fill.market]) for fill in past.fills[:50]],
        "receipts": [receipt_of(bill, view.event, markets[bill.market]) for bill in past.receipts],
        "made": money_text(past.made, view.event.settlement_asset.scale) if past.whole else "",
        "made_sign": (past.made > 0) - (past.made < 0),
    }


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
