"""Price alerts: the dialog of a market that sets and deletes them."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import toast
from trading.pages.actions import answer
from trading.pages.markets import market_or_404, venue_or_404
from trading.selectors.price_alerts import waiting_alerts
from trading.services.price_alerts import delete_alert, set_alert
from venues.models import Market, Venue
from venues.selectors import instrument

PRICE_AT_MOST = 40


def _dialog(
    request: SignedInRequest, venue: Venue, market: Market, refusal: str = "", price: str = ""
) -> HttpResponse:
    context = {
        "venue": venue,
        "market": market,
        "alerts": waiting_alerts(request.user.pk, venue, market),
        "refusal": refusal,
        "price": price,
    }
    return render(request, "trading/panels/alerts.html", context, status=422 if refusal else 200)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def alerts(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """The alerts of one market, as the body of a dialog; a post asks for one more."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    if request.method != "POST":
        if request.headers.get("HX-Request") != "true":
            return redirect("pages:notifications")
        return _dialog(request, venue, market)
    wanted = request.POST.get("price", "")[:PRICE_AT_MOST]
    in_dialog = request.headers.get("HX-Request") == "true"
    try:
        alert = set_alert(request.user.pk, venue, market, wanted)
    except DomainError as refused:
        if in_dialog:
            return _dialog(request, venue, market, refused.message, wanted)
        return answer(request, venue, market, "error", refused.message)
    price = f"{instrument(market).price_display(alert.price_ticks)} {market.quote.symbol}"
    text = f"You are told when {market.symbol} {'rises' if alert.above else 'falls'} to {price}."
    if not in_dialog:
        return answer(request, venue, market, "success", text)
    return toast(_dialog(request, venue, market), "success", text)


@signed_in
@require_POST
def delete(request: SignedInRequest, alert_id: int) -> HttpResponse:
    """Delete one; for htmx the answer is empty, so that its line goes."""
    delete_alert(request.user.pk, alert_id)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse()
    return redirect("pages:notifications")
