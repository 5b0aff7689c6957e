"""What orders at a venue may draw from the wallet: the switch and its bounds, a form for each asset."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text, amount_words, wallet_balance
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import AutoFunding
from trading.pages.markets import venue_or_404
from trading.selectors.auto_funding import funding_assets, funding_settings
from trading.services.auto_funding import set_auto_funding


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def auto_funding(request: SignedInRequest, slug: str) -> HttpResponse:
    """The forms of the venue; a post saves one, or shows it again with what is wrong at its field."""
    venue = venue_or_404(slug)
    assets = funding_assets(venue)
    saved = funding_settings(request.user.pk, venue)
    forms = {asset.symbol: _form(request, asset, saved.get(asset.pk)) for asset in assets}
    status = 200
    if request.method == "POST":
        asset = next((each for each in assets if each.symbol == request.POST.get("asset")), None)
        on = request.POST.get("on") == "on"
        per_order, per_day = (request.POST.get(name, "")[:40] for name in ("per_order", "per_day"))
        try:
            if asset is None:
                raise DomainError("asset_not_traded", f"Choose an asset {venue.name} trades in.")
            set_auto_funding(request.user, venue, asset, on=on, per_order=per_order, per_day=per_day)
        except DomainError as refused:
            status = 422
            if asset is None:
                messages.error(request, refused.message)
            else:
                typed = {"on": on, "per_order": per_order, "per_day": per_day}
                wrong = {refused.field or "per_order": refused.message}
                forms[asset.symbol] |= {**typed, "errors": wrong}
        else:
            messages.success(request, _told(asset.symbol, venue.name, on=on))
            return redirect("pages:auto_funding", venue.slug)
    context = {"venue": venue, "forms": list(forms.values())}
    return render(request, "trading/auto_funding.html", context, status=status)


def _told(symbol: str, venue: str, *, on: bool) -> str:
    if on:
        return f"Orders at {venue} now draw the {symbol} they lack from your wallet."
    return f"Orders at {venue} draw no {symbol} from your wallet."


def _form(request: SignedInRequest, asset: Asset, saved: AutoFunding | None) -> dict[str, Any]:
    return {
        "asset": asset,
        "wallet": amount_words(wallet_balance(request.user.pk, asset), asset),
        "on": bool(saved and saved.on),
        "per_order": amount_text(saved.per_order, asset) if saved else "",
        "per_day": amount_text(saved.per_day, asset) if saved else "",
        "errors": {},
    }
