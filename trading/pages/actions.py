"""What a trader does on the terminal: preview, place, cancel. Each answers a fragment and tells the page to refresh."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import Level, toast, trigger
from trading.models import TradingAccount
from trading.pages.markets import venue_or_404
from trading.pages.rows import about_order
from trading.pages.terminal import market_or_404
from trading.pages.ticket import TicketForm, outcome_of, preview_of, refusal_text, wallet_amount
from trading.selectors.accounts import account_of
from trading.services.accounts import ensure_account
from trading.services.algos import AlgoKey, cancel_algo, place_algo, place_bracket
from trading.services.orders import OrderKey, OrderRefused, cancel_order, mass_cancel, place_order
from trading.services.transfers import move_funds
from venues.models import Market, Venue
from venues.selectors import instrument


def answer(
    request: SignedInRequest, venue: Venue, market: Market, level: Level, text: str, refused: bool = False
) -> HttpResponse:
    """The end of an action: a toast and a refresh for htmx, a message and the terminal without script."""
    if request.headers.get("HX-Request") != "true":
        messages.add_message(request, messages.ERROR if level == "error" else messages.SUCCESS, text)
        return redirect("pages:terminal", venue.slug, market.symbol)
    response = HttpResponse(status=422 if refused else 204)
    return trigger(toast(response, level, text), "xos:dirty")


@signed_in
@require_safe
def preview(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """What the order in the ticket would cost and whether it would pass."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue)
    form = TicketForm(request.GET)
    context: dict[str, Any] = {"instrument": instrument(market)}
    if form.is_valid() and not form.is_conditional and form.cleaned_data["size"].strip():
        try:
            draft = form.draft()
            context |= preview_of(context["instrument"], account.number if account else 0, draft)
        except DomainError as refused:
            context["refusal"] = refused.message
    return render(request, "trading/panels/preview.html", context)


@signed_in
@require_POST
def place(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Place the order of the ticket; a refusal comes back beside the form with its remedy."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    traded = instrument(market)
    form = TicketForm(request.POST)
    if not form.is_valid():
        return _refused(request, venue, market, "Choose a side, a type and an amount.")
    draft = None
    try:
        if form.is_conditional:
            place_algo(ensure_account(request.user, venue), market, form.conditional())
            return _placed(
                request, venue, market, ("success", "Conditional order placed: it waits for its turn.")
            )
        draft = form.draft()
        traded.to_lots(draft.size)
        hangs = form.attached()
        account = ensure_account(request.user, venue)
        ack = place_bracket(account, market, draft, hangs) if hangs else place_order(account, market, draft)
    except OrderRefused as refused:
        return _refused(request, venue, market, refusal_text(refused.code, refused.message, traded, draft))
    except DomainError as refused:
        return _refused(request, venue, market, refused.message)
    about = about_order(ack.order_id) if ack.filled_lots else ""
    return _placed(request, venue, market, outcome_of(ack, draft, traded), about)


def _placed(
    request: SignedInRequest, venue: Venue, market: Market, told: tuple[Level, str], about: str = ""
) -> HttpResponse:
    level, text = told
    if request.headers.get("HX-Request") != "true":
        return answer(request, venue, market, level, text)
    response = render(request, "trading/panels/refusal.html", {})
    return trigger(trigger(toast(response, level, text, about), "xos:dirty"), "xos:placed")


def _refused(request: SignedInRequest, venue: Venue, market: Market, sentence: str) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return answer(request, venue, market, "error", sentence)
    return render(request, "trading/panels/refusal.html", {"refusal": sentence}, status=422)


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
    return answer(request, venue, market, "success", "Order cancelled.")


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
    return answer(request, venue, market, "success", "Conditional order cancelled.")


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
