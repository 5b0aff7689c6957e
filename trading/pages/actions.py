"""What a trader does to what is there: cancel, amend, move funds. Each tells what came of it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from exchange_kernel import BUY

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.tags import grouped
from exchange_os.ui.toasts import Level, toast, trigger
from trading.models import TradingAccount
from trading.pages.markets import market_or_404, venue_or_404
from trading.pages.refusals import Refusal, refusal_of_error, refusal_text
from trading.pages.rows import about_algo, about_order
from trading.pages.ticket import number_of, wallet_amount
from trading.selectors.accounts import account_of
from trading.selectors.orders import Order, open_orders
from trading.services.algos import AlgoKey, cancel_algo
from trading.services.orders import AmendDraft, OrderKey, OrderRefused, amend_order, cancel_order, mass_cancel
from trading.services.transfers import move_funds
from venues.instruments import Instrument
from venues.models import Market, Venue
from venues.selectors import instrument


def answer(
    request: SignedInRequest,
    venue: Venue,
    market: Market,
    level: Level,
    text: str,
    refused: bool = False,
    about: str = "",
) -> HttpResponse:
    """The end of an action: a toast and a refresh for htmx, a message and the terminal without script."""
    if request.headers.get("HX-Request") != "true":
        messages.add_message(request, messages.ERROR if level == "error" else messages.SUCCESS, text)
        return redirect("pages:terminal", venue.slug, market.symbol)
    response = HttpResponse(status=422 if refused else 204)
    return trigger(toast(response, level, text, about), "xos:dirty")


@signed_in
@require_POST
def fund(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Move funds of the market's assets from the wallet to the venue, in one step."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        amount = wallet_amount(request.POST.get("amount", ""))
        asset = request.POST.get("asset", "")
        move_funds(request.user.pk, venue.pk, asset, amount, deposit=True)
    except DomainError as refused:
        return answer(request, venue, market, "error", refused.message, refused=True)
    messages.success(request, f"{amount.normalize():f} {asset} is on its way to {venue.name}.")
    if request.headers.get("HX-Request") != "true":
        return redirect("pages:terminal", venue.slug, market.symbol)
    response = HttpResponse(status=204)
    response.headers["HX-Refresh"] = "true"
    return response


def own_account(request: SignedInRequest, venue: Venue) -> TradingAccount:
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    if account is None:
        raise DomainError(
            "account_unknown", "You have no account at this venue, so there is nothing to cancel."
        )
    return account


@signed_in
@require_POST
def cancel(request: SignedInRequest, slug: str, symbol: str, order_id: int) -> HttpResponse:
    """Cancel one open order; ``symbol`` is the market the order rests in."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        cancel_order(own_account(request, venue), market, OrderKey(order_id=order_id))
    except OrderRefused as refused:
        text = refusal_text(refused.code, refused.message, instrument(market))
        return answer(request, venue, market, "warning", text, refused=True)
    except DomainError as refused:
        return answer(request, venue, market, "error", refused.message, refused=True)
    return answer(request, venue, market, "success", "Order cancelled.", about=about_order(order_id))


@signed_in
@require_http_methods(["GET", "POST"])
def amend(request: SignedInRequest, slug: str, symbol: str, order_id: int) -> HttpResponse:
    """The form that changes price and amount of an open order, and the change. ``symbol`` is the order's market."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    traded = instrument(market)
    try:
        account = own_account(request, venue)
        if request.method == "GET":
            row = next((row for row in open_orders(account, market.number) if row.order_id == order_id), None)
            in_row = request.GET.get("row") == "1"
            if in_row and row is None:
                text = "This order is no longer open."
                return answer(request, venue, market, "warning", text, refused=True)
            context = {
                "venue": venue,
                "market": market,
                "order_id": order_id,
                "order": row and _shown(row, traded),
            }
            return render(request, f"trading/panels/{'amend_row' if in_row else 'amend'}.html", context)
        price = number_of(request.POST.get("price", ""), "price", "Enter a price above zero.")
        size = number_of(request.POST.get("size", ""), "size", "Enter an amount above zero.")
        amend_order(account, market, AmendDraft(OrderKey(order_id=order_id), size, price))
    except DomainError as refused:
        return refuse_in_dialog(request, venue, market, refusal_of_error(refused, traded))
    text = f"Order changed: {size.normalize():f} {market.size_unit} at {grouped(f'{price.normalize():f}')}."
    response = answer(request, venue, market, "success", text, about=about_order(order_id))
    return trigger(response, "xos:done")


def _shown(order: Order, traded: Instrument) -> dict[str, str]:
    return {
        "side": "buy" if order.side == BUY else "sell",
        "price": traded.price_display(order.price_ticks),
        "size": traded.size_text(order.size_lots),
        "filled": traded.size_text(order.filled_lots),
    }


def refuse_in_dialog(
    request: SignedInRequest, venue: Venue, market: Market, refusal: Refusal
) -> HttpResponse:
    """A refusal inside the dialog whose form was sent; a message without script."""
    if request.headers.get("HX-Request") != "true":
        return answer(request, venue, market, "error", refusal.text)
    context = {"refusal": refusal.text, "refusal_field": refusal.field}
    return render(request, "trading/panels/refusal.html", context, status=422)


@signed_in
@require_POST
def cancel_conditional(request: SignedInRequest, slug: str, symbol: str, algo_id: int) -> HttpResponse:
    """Cancel one conditional order; what it has placed already stays."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        cancel_algo(own_account(request, venue), market, AlgoKey(algo_id=algo_id))
    except DomainError as refused:
        return answer(request, venue, market, "warning", refused.message, refused=True)
    return answer(
        request, venue, market, "success", "Conditional order cancelled.", about=about_algo(algo_id)
    )


@signed_in
@require_POST
def cancel_all(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Cancel every open order at the venue, in all its markets."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    try:
        count = mass_cancel(own_account(request, venue))
    except DomainError as refused:
        return answer(request, venue, market, "error", refused.message, refused=True)
    text = f"{count} order{'s' if count != 1 else ''} cancelled." if count else "There were no open orders."
    return answer(request, venue, market, "success", text)
