"""The terminal's margin actions: leverage, closing, protecting, and the figures of a contract."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import trigger
from trading.models import TradingAccount
from trading.pages.actions import answer, own_account, refuse_in_dialog
from trading.pages.algo_ticket import protection
from trading.pages.margin import figures_context, position_rows
from trading.pages.markets import market_or_404, venue_or_404
from trading.pages.refusals import refusal_of_error, refusal_text
from trading.pages.rows import about_order
from trading.pages.ticket import TicketForm, number_of, outcome_of
from trading.selectors.positions import Holdings, holdings
from trading.services.accounts import ensure_account
from trading.services.algos import place_algo
from trading.services.orders import OrderRefused, place_order
from trading.services.positions import close_position, flatten_account, set_leverage
from venues.instruments import Instrument
from venues.models import Market, Venue
from venues.selectors import instrument


@require_safe
def figures(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """Mark, index, funding and open interest, as a fragment asked for every few seconds."""
    market = market_or_404(venue_or_404(slug), symbol)
    context = {"market": market, **figures_context(market, instrument(market))}
    return render(request, "trading/panels/figures.html", context)


@signed_in
@require_POST
def leverage(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Set leverage and margin mode of the market."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    text, mode = request.POST.get("leverage", "").strip(), request.POST.get("mode", "cross")
    try:
        if not text.isdigit() or not text.isascii() or len(text) > 4:
            raise DomainError("leverage_invalid", "Leverage is a whole number, for example 10.")
        account = ensure_account(request.user, venue)
        set_leverage(account, market, int(text), isolated=mode == "isolated")
    except DomainError as refused:
        return answer(request, venue, market, "error", _sentence(refused, market), refused=True)
    shown = "isolated" if mode == "isolated" else "cross"
    response = answer(request, venue, market, "success", f"{market.symbol}: {text}× {shown} from now on.")
    return trigger(response, "xos:lever")


def _sentence(refused: DomainError, market: Market) -> str:
    if isinstance(refused, OrderRefused):
        return refusal_text(refused.code, refused.message, instrument(market))
    return refused.message


@signed_in
@require_safe
def position(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """The forms that close or protect the position in a market, for the dialog of the terminal."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        account = own_account(request, venue)
        row = next(iter(position_rows(_held(account, market), {market.number: instrument(market)})), None)
    except DomainError as refused:
        return refuse_in_dialog(request, venue, market, refusal_of_error(refused, instrument(market)))
    context = {"venue": venue, "market": market, "row": row, "client_id": TicketForm.new_client_id()}
    return render(request, "trading/panels/position.html", context)


def _held(account: TradingAccount, market: Market) -> Holdings:
    """The one position, as holdings."""
    found = holdings(account)
    only = found.of_market(market.number)
    return Holdings(found.risk, (only,) if only else (), found.now_ms)


@signed_in
@require_POST
def close(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Close a position or part of it, at market or at a price, or turn it round."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    price, size = request.POST.get("price", "").strip(), request.POST.get("size", "").strip()
    try:
        account: TradingAccount = own_account(request, venue)
        if price or size:
            return _close_part(request, venue, market, account)
        turn = request.POST.get("turn") == "1"
        ack = close_position(account, market, turn=turn)
    except DomainError as refused:
        return answer(request, venue, market, "error", _sentence(refused, market), refused=True)
    if not ack.filled_lots:
        text = "Nothing could be closed: there is no price on the other side within the slippage bound."
        return answer(request, venue, market, "warning", text, refused=True)
    traded = f"{instrument(market).size_text(ack.filled_lots)} {market.size_unit} of {market.symbol} traded."
    verb = "Turned round" if turn else "Closed"
    response = answer(request, venue, market, "success", f"{verb}: {traded}", about=about_order(ack.order_id))
    return trigger(response, "xos:done")


def _close_part(
    request: SignedInRequest, venue: Venue, market: Market, account: TradingAccount
) -> HttpResponse:
    """A reduce-only order against the position: at market, or a limit order that waits."""
    traded = instrument(market)
    draft = None
    try:
        held = _held(account, market).of_market(market.number)
        if held is None or not held.lots:
            raise DomainError("risk_no_position", f"You hold no position in {market.symbol}.")
        form = TicketForm(_closing_order(request, traded, held.lots))
        if not form.is_valid():
            raise DomainError("size_invalid", "Enter an amount above zero.", field="size")
        draft = form.draft()
        ack = place_order(account, market, draft)
    except DomainError as refused:
        return refuse_in_dialog(request, venue, market, refusal_of_error(refused, traded, draft))
    level, text = outcome_of(ack, draft, traded)
    response = answer(request, venue, market, level, text, about=about_order(ack.order_id))
    return trigger(response, "xos:done")


def _closing_order(request: SignedInRequest, traded: Instrument, lots: int) -> dict[str, Any]:
    price = request.POST.get("price", "").strip()
    return {
        "side": "sell" if lots > 0 else "buy",
        "type": "limit" if price else "market",
        "price": price,
        "size": request.POST.get("size", "").strip() or traded.size_text(abs(lots)),
        "reduce_only": "on",
        "client_id": request.POST.get("client_id", ""),
    }


@signed_in
@require_POST
def protect(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Hang a take-profit, a stop-loss or both on the whole position in a market."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    traded = instrument(market)
    try:
        account = own_account(request, venue)
        held = _held(account, market).of_market(market.number)
        if held is None or not held.lots:
            raise DomainError("risk_no_position", f"You hold no position in {market.symbol}.")
        client_id = request.POST.get("client_id", "") or TicketForm.new_client_id()
        place_algo(account, market, protection(request.POST, held.lots > 0, client_id, number_of))
    except DomainError as refused:
        return refuse_in_dialog(request, venue, market, refusal_of_error(refused, traded))
    text = f"Take-profit and stop-loss of {market.symbol} are set; they close the whole position."
    return trigger(answer(request, venue, market, "success", text), "xos:done")


@signed_in
@require_POST
def flatten(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Cancel every order at the venue and close every position at market."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        done = flatten_account(own_account(request, venue))
    except DomainError as refused:
        return answer(request, venue, market, "error", refused.message, refused=True)
    text = f"{_count(done.cancelled, 'order')} cancelled, {_count(done.closed, 'position')} closed."
    if not done.left:
        return answer(request, venue, market, "success", text)
    rest = f"{text} {_count(done.left, 'position')} could not be closed whole: the book has no price for it."
    return answer(request, venue, market, "warning", rest, refused=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
