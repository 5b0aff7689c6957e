"""The page of an event: what its outcomes are worth and how that moved, what one holds, rules, source, and its end."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text, wallet_balance
from trading.bets import cents_text, money_text
from trading.models import TradingAccount
from trading.pages.event_chart import chart_context
from trading.pages.event_rows import (
    SEARCHED_FROM,
    SHOWN,
    choice_of,
    expected_value,
    holdings_context,
    order_row,
    past_context,
    sum_text,
)
from trading.pages.event_scope import account_at, event_or_404
from trading.pages.event_way import way_context
from trading.pages.markets import now_ms, venue_or_404
from trading.pages.ticket import TicketForm
from trading.selectors.auto_funding import auto_funding_of, leave_sentence
from trading.selectors.event_holdings import (
    EventHoldings,
    event_holdings,
    event_orders,
    event_past,
)
from trading.selectors.event_prices import OutcomePrice, outcome_prices
from trading.selectors.event_tape import event_trades
from trading.selectors.events import EventView
from trading.services.bets import book_of
from venues.models import EventKind, EventState, Market, MarketKind, Venue
from venues.standing import standing_at

LEVELS = 6
AWAY = "The venue does not answer at the moment. This comes back by itself."


@require_safe
def event(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The whole page; open to everyone, the ticket for those signed in."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    prices, error = outcome_prices(view, now_ms())
    account = account_at(request, venue)
    held = holdings_or_none(account, view)
    context = {
        "venue": venue,
        "event": view.event,
        "asset": view.event.settlement_asset,
        "seconds_left": max(0, round((view.event.closes - timezone.now()).total_seconds())),
        **outcomes_context(view, prices, error, whole=request.GET.get("all") == "1"),
        **chart_context(view, prices, request.GET.get("range", ""), now_ms()),
        **trade_context(request, venue, view, prices, held),
        **own_context(account, view, held),
        **way_context(view),
        "tape": event_trades(view),
    }
    return render(request, "trading/event.html", context)


def holdings_or_none(account: TradingAccount | None, view: EventView) -> EventHoldings | None:
    """What the account has in the event; nothing without an account, ``None`` if the venue does not answer."""
    if account is None:
        return EventHoldings()
    try:
        return event_holdings(account, view)
    except DomainError:
        return None


def outcomes_context(
    view: EventView, prices: list[OutcomePrice], error: str, *, whole: bool
) -> dict[str, Any]:
    """What the list of outcomes needs."""
    choices = [choice_of(view, row) for row in prices]
    one = prices[0].payout_ticks if prices else 1
    return {
        "choices": choices,
        "shown": len(choices) if whole else SHOWN,
        "hidden": 0 if whole else max(0, len(choices) - SHOWN),
        "searched": len(choices) >= SEARCHED_FROM,
        "prices_error": error,
        "trading": view.event.state == EventState.OPEN,
        "one_book": view.event.kind != EventKind.MULTIPLE,
        "scalar": view.event.kind == EventKind.SCALAR,
        "expected": expected_value(view.event, prices[0]) if prices else "",
        "sum": sum_text(prices),
        "sum_is_off": bool(prices) and abs(sum(row.fair_ticks for row in prices) - one) * 100 > one,
        "volume": str(
            sum(row.quote_volume for row in prices) // 10**view.event.settlement_asset.scale if prices else 0
        ),
        "interest": str(sum(row.interest_lots for row in prices)),
    }


@require_safe
def outcomes(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The list of outcomes with their present prices, as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    prices, error = outcome_prices(view, now_ms())
    context: dict[str, Any] = {"venue": venue, "event": view.event}
    context |= outcomes_context(view, prices, error, whole=request.GET.get("all") == "1")
    return render(request, "trading/event/outcomes.html", context)


@require_safe
def chart(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The chart over another range, as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    prices, _ = outcome_prices(view, now_ms())
    context: dict[str, Any] = {"venue": venue, "event": view.event, "choices": view.markets}
    context |= chart_context(view, prices, request.GET.get("range", ""), now_ms())
    return render(request, "trading/event/chart.html", context)


@require_safe
def trade(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """Ticket and book of a chosen outcome and side, as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    prices, _ = outcome_prices(view, now_ms())
    held = holdings_or_none(account_at(request, venue), view)
    context: dict[str, Any] = {
        "venue": venue,
        "event": view.event,
        "trading": view.event.state == EventState.OPEN,
    }
    context |= {
        "one_book": view.event.kind != EventKind.MULTIPLE,
        "scalar": view.event.kind == EventKind.SCALAR,
    }
    context |= trade_context(request, venue, view, prices, held)
    return render(request, "trading/event/trade.html", context)


def trade_context(
    request: HttpRequest,
    venue: Venue,
    view: EventView,
    prices: list[OutcomePrice],
    held: EventHoldings | None,
) -> dict[str, Any]:
    """What ticket and book of the chosen outcome need: ``?outcome=``, ``?side=no``, ``?direction=sell``."""
    wanted = request.GET.get("outcome", "")
    row = next((price for price in prices if price.market.symbol == wanted), prices[0] if prices else None)
    if row is None:
        return {"chosen": None}
    asset = view.event.settlement_asset
    stake = held.of(row.market) if held else None
    selling = request.GET.get("direction") == "sell" and stake is not None
    no = stake.no if selling and stake else request.GET.get("side") == "no"
    one = row.payout_ticks
    reader = request.user.pk
    return {
        "chosen": choice_of(view, row),
        "side": "no" if no else "yes",
        "selling": selling,
        "stake_lots": stake.lots if stake else 0,
        "stake_no": bool(stake and stake.no),
        "asset": asset,
        "free": amount_text(held.free, asset) if held else "",
        "free_shown": money_text(held.free, asset.scale) if held else "",
        "wallet": amount_text(wallet_balance(reader, asset), asset) if reader else "",
        "wallet_pays": leave_sentence(auto_funding_of(reader, view.event.venue_id, asset.pk))
        if reader
        else "",
        "has_money": bool(held and (held.free or held.stakes)),
        "client_id": TicketForm.new_client_id(),
        "typed": typed_of(request, selling=selling),
        "access": standing_at(venue, request.user if reader else None, [MarketKind.OUTCOME]),
        "tick_cents": cents_text(1, one),
        **book_context(row.market, no=no),
    }


def typed_of(request: HttpRequest, *, selling: bool) -> dict[str, str]:
    """What was typed into the ticket before another side was chosen, so that it is not typed again."""
    kind, unit = request.GET.get("kind", ""), request.GET.get("unit", "")
    return {
        "amount": request.GET.get("amount", "")[:40],
        "kind": kind if kind == "limit" else "market",
        "unit": "contracts" if selling or unit == "contracts" else "money",
    }


def book_context(market: Market, *, no: bool) -> dict[str, Any]:
    """The front of the book of one side, best prices in the middle; empty if the venue does not answer."""
    try:
        book = book_of(market)
    except DomainError:
        return {"book_error": AWAY}
    one = market.payout_ticks
    asks, bids = (book["bids"], book["asks"]) if no else (book["asks"], book["bids"])
    sides = [
        [(cents_text(one - level[0] if no else level[0], one), level[1]) for level in side[:LEVELS]]
        for side in (asks, bids)
    ]
    gap = sorted(one - side[0][0] if no else side[0][0] for side in (bids, asks) if side)
    return {
        "asks": [*[("", 0)] * (LEVELS - len(sides[0])), *reversed(sides[0])],
        "bids": [*sides[1], *[("", 0)] * (LEVELS - len(sides[1]))],
        "spread": cents_text(gap[1] - gap[0], one) if len(gap) == 2 else "",
        "deepest": max([lots for side in sides for _, lots in side], default=1),
        "one": one,
    }


@require_safe
def own(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """What the reader holds, has placed and did, as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    account = account_at(request, venue)
    held = holdings_or_none(account, view)
    context: dict[str, Any] = {"venue": venue, "event": view.event, "asset": view.event.settlement_asset}
    context |= {"trading": view.event.state == EventState.OPEN, **own_context(account, view, held)}
    return render(request, "trading/event/own.html", context)


def own_context(
    account: TradingAccount | None, view: EventView, held: EventHoldings | None
) -> dict[str, Any]:
    """Holdings, open orders and history; of a venue that does not answer what is stored, and a sentence."""
    if account is None:
        return {"has_account": False}
    context: dict[str, Any] = {"has_account": True, "own_error": "" if held is not None else AWAY}
    if held is not None:
        context |= holdings_context(held, view.event, view.event.settlement_asset)
    markets = {market.number: market for market in view.markets}
    try:
        orders = event_orders(account, view)
    except DomainError:
        orders, context["own_error"] = [], AWAY
    context["order_rows"] = [order_row(order, view.event, markets[order.market]) for order in orders]
    return context | past_context(event_past(account, view), view)
