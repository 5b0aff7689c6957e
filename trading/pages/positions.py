"""The terminal's margin actions: leverage, closing, and the figures of a contract."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import TradingAccount
from trading.pages.actions import answer, own_account
from trading.pages.margin import figures_context
from trading.pages.markets import venue_or_404
from trading.pages.terminal import market_or_404
from trading.pages.ticket import refusal_text
from trading.services.accounts import ensure_account
from trading.services.orders import OrderRefused
from trading.services.positions import close_position, set_leverage
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
    return answer(request, venue, market, "success", f"{market.symbol}: {text}× {shown} from now on.")


def _sentence(refused: DomainError, market: Market) -> str:
    if isinstance(refused, OrderRefused):
        return refusal_text(refused.code, refused.message, instrument(market))
    return refused.message


@signed_in
@require_POST
def close(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Close the position in a market at the best prices, or turn it round."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    turn = request.POST.get("turn") == "1"
    try:
        account: TradingAccount = own_account(request, venue)
        ack = close_position(account, market, turn=turn)
    except DomainError as refused:
        return answer(request, venue, market, "error", _sentence(refused, market), refused=True)
    return _closed(request, venue, market, ack.filled_lots, turn)


def _closed(
    request: SignedInRequest, venue: Venue, market: Market, filled_lots: int, turn: bool
) -> HttpResponse:
    if not filled_lots:
        text = "Nothing could be closed: there is no price on the other side within the slippage bound."
        return answer(request, venue, market, "warning", text, refused=True)
    size = instrument(market).size_text(filled_lots)
    verb = "Turned round" if turn else "Closed"
    return answer(
        request, venue, market, "success", f"{verb}: {size} {market.size_unit} of {market.symbol} traded."
    )
