"""What an account has in one event, in a bettor's terms: what it pays whichever way the event ends, and what it made.

A No is a Yes sold: its price was received, and one unit is owed if the outcome wins. A bettor sees it as what it is
worth to them: they paid one less that price, and get one unit if the outcome does not win. Units of the settlement
asset throughout.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from exchange_kernel import BILL_KINDS

from exchange_os.engine import client
from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Bill, Fill
from trading.models import TradingAccount
from trading.selectors.events import EventView
from trading.selectors.orders import Order, open_orders
from venues.models import EventKind, Market

_SETTLEMENT, _SPLIT, _MERGE = (BILL_KINDS[name] for name in ("settlement", "split", "merge"))
MAX_ROWS = 200


@dataclass(frozen=True)
class Stake:
    """Contracts of one outcome: ``lots`` of Yes, or of ``no``; what they cost the bettor, fees apart."""

    market: Market
    no: bool
    lots: int
    cost: int
    mark_ticks: int

    @property
    def unit(self) -> int:
        """Units one contract pays."""
        return self.market.payout_ticks * self.market.tick_quote

    @property
    def to_win(self) -> int:
        """What it pays if it is right."""
        return self.lots * self.unit

    @property
    def own_mark_ticks(self) -> int:
        """Price of the side that is held."""
        return self.market.payout_ticks - self.mark_ticks if self.no else self.mark_ticks

    @property
    def worth(self) -> int:
        """What it is worth at the present chance."""
        return self.own_mark_ticks * self.lots * self.market.tick_quote


@dataclass(frozen=True)
class EventHoldings:
    """Everything an account has in an event. ``certain`` is paid whichever outcome wins (``worst`` names those that pay
    no more) and can be used already; ``sets`` are complete sets, which can be turned into cash; ``free`` is what may be
    spent on outcomes."""

    stakes: tuple[Stake, ...] = ()
    certain: int = 0
    worst: tuple[str, ...] = ()
    best: tuple[str, ...] = ()
    most: int = 0
    sets: int = 0
    free: int = 0

    @property
    def cost(self) -> int:
        """What all of it cost."""
        return sum(stake.cost for stake in self.stakes)

    @property
    def worth(self) -> int:
        """What all of it is worth at the present chances."""
        return sum(stake.worth for stake in self.stakes)

    def of(self, market: Market) -> Stake | None:
        """What is held of one outcome."""
        return next((stake for stake in self.stakes if stake.market.pk == market.pk), None)


def event_holdings(account: TradingAccount, view: EventView) -> EventHoldings:
    """What the account has in the event, live. Raises the engine's ``DomainError``."""
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    return holdings_in(answer, view)


def holdings_in(answer: Mapping[str, Any], view: EventView) -> EventHoldings:
    """The same out of the kernel's answer about an account."""
    held: Mapping[str, Any] = next(
        (row for row in answer.get("outcomes", ()) if row["event"] == view.event.number), {}
    )
    markets = {market.number: market for market in view.markets}
    stakes = tuple(
        stake_of(markets[row["market"]], row)
        for row in held.get("positions", ())
        if row["lots"] and row["market"] in markets
    )
    free = free_for_outcomes(answer, view)
    if not stakes:
        return EventHoldings(free=free)
    pays = payouts(stakes, view)
    least, most = min(pays.values()), max(pays.values())
    return EventHoldings(
        stakes=stakes,
        certain=least,
        worst=tuple(name for name, paid in pays.items() if paid == least),
        best=tuple(name for name, paid in pays.items() if paid == most),
        most=most,
        sets=held.get("sets_lots", 0),
        free=free,
    )


def stake_of(market: Market, row: Mapping[str, Any]) -> Stake:
    """A position of the kernel as the bettor sees it."""
    lots, entry = row["lots"], row["entry"]
    whole = -lots * market.payout_ticks * market.tick_quote
    return Stake(
        market=market,
        no=lots < 0,
        lots=abs(lots),
        cost=entry if lots > 0 else whole + entry,
        mark_ticks=row.get("mark_ticks", 0),
    )


def payouts(stakes: tuple[Stake, ...], view: EventView) -> dict[str, int]:
    """What the stakes pay by the name of what wins."""
    if view.event.kind != EventKind.MULTIPLE:
        stake = stakes[0]
        ends = ("No", "Yes") if view.event.kind == EventKind.BINARY else ("the low end", "the high end")
        return dict(zip(ends, (stake.to_win, 0) if stake.no else (0, stake.to_win), strict=True))
    against = sum(stake.to_win for stake in stakes if stake.no)
    pays = {market.outcome_name: against for market in view.markets}
    for stake in stakes:
        pays[stake.market.outcome_name] += -stake.to_win if stake.no else stake.to_win
    return pays


def free_for_outcomes(answer: Mapping[str, Any], view: EventView) -> int:
    """Settled money that may be spent on outcomes: the kernel's ``settled_money``, and no more than free margin."""
    asset = view.event.settlement_asset_id
    cash = next((row["free"] for row in answer.get("balances", ()) if row["asset"] == asset), 0)
    risk = answer.get("risk") or {}
    if not risk or risk.get("asset") != asset:
        return max(0, cash)
    reserved = sum(row["worst"] - row["exposure"] for row in answer.get("outcomes", ()))
    settled = (
        cash - risk.get("isolated", 0) + risk.get("outcomes", 0) - reserved + min(0, risk.get("upnl", 0))
    )
    return max(0, min(settled, risk.get("free", settled)))


def event_orders(account: TradingAccount, view: EventView) -> list[Order]:
    """Open orders of the account in the event's markets, newest first, live."""
    own = {market.number for market in view.markets}
    return [order for order in open_orders(account) if order.market in own]


@dataclass(frozen=True)
class EventPast:
    """What an account did in an event: fills and what was paid out, newest first; ``made`` is money in less out."""

    fills: list[Fill]
    receipts: list[Bill]
    made: int
    whole: bool


def event_past(account: TradingAccount, view: EventView) -> EventPast:
    """Fills and receipts of the account in the event; ``whole`` if all of them are there, so that ``made`` is true."""
    own = {market.number for market in view.markets}
    group, number = account.venue.group_id, account.number
    traded = fills(group, number, Span(), MAX_ROWS, lambda fill: fill.market in own)
    ours = Q(kind=_SETTLEMENT, market__in=own) | Q(kind__in=[_SPLIT, _MERGE], extra=view.event.number)
    bills = Bill.objects.filter(ours, group_id=group, account=number)
    paid = list(bills.order_by("-sequence", "-bill_no")[:MAX_ROWS])
    moved = sum((fill.notional if fill.side else -fill.notional) - fill.fee for fill in traded)
    return EventPast(
        fills=traded,
        receipts=[bill for bill in paid if bill.kind == _SETTLEMENT],
        made=moved + sum(bill.amount - bill.fee for bill in paid),
        whole=len(traded) < MAX_ROWS and len(paid) < MAX_ROWS,
    )
