"""The order of the ticket: what it would do, and placing it. A refusal comes back at the field it is about."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import Level, toast, trigger
from trading.pages.actions import answer
from trading.pages.markets import market_or_404, venue_or_404
from trading.pages.preview import preview_context, waiting_context
from trading.pages.refusals import Refusal, is_final, refusal_of_error
from trading.pages.rows import about_order
from trading.pages.ticket import TicketForm, drawn_sentence, outcome_of
from trading.selectors.access import explained
from trading.selectors.accounts import account_of
from trading.services.accounts import ensure_account
from trading.services.algos import place_algo
from trading.services.auto_funding import Placed, place_funded
from trading.services.orders import OrderDraft
from venues.models import Market, Venue
from venues.selectors import instrument

INCOMPLETE = "Choose a side, a type and an amount."
PLACED_ALREADY = "This order was placed already; it is not sent twice."


@signed_in
@require_safe
def preview(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """What the order in the ticket would cost and whether it would pass."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue)
    number = account.number if account is not None and account.opened_at is not None else 0
    form = TicketForm(request.GET)
    context: dict[str, Any] = {"market": market}
    if form.is_valid() and form.cleaned_data["size"].strip():
        try:
            if form.is_conditional:
                context |= waiting_context(market, form.conditional())
            else:
                context |= preview_context(number, market, form.draft())
        except DomainError as refused:
            context["refusal"] = refused.message
    return render(request, "trading/panels/preview.html", context)


@signed_in
@require_POST
def place(request: SignedInRequest, slug: str, symbol: str) -> HttpResponse:
    """Place the order of the ticket; a refusal comes back beside its field with the rule and its remedy."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    traded = instrument(market)
    form = TicketForm(request.POST)
    if not form.is_valid():
        return _refused(request, venue, market, Refusal(INCOMPLETE, next(iter(form.errors), "")))
    draft: OrderDraft | None = None
    try:
        if form.is_conditional:
            waiting = form.conditional()
            place_algo(ensure_account(request.user, venue), market, waiting)
            told = "Conditional order placed: it waits for its turn."
            return _placed(request, venue, market, ("success", told))
        draft = form.draft()
        placed = _send(request, venue, market, form, draft)
        ack, about = placed.ack, about_order(placed.ack.order_id)
        level, text = outcome_of(ack, draft, traded)
        told_all = (level, f"{text} {drawn_sentence(placed.drawn, market.quote)}".strip())
        response = _placed(request, venue, market, told_all, about)
        # What this answer tells of a fill is not told again by a socket that comes back.
        return trigger(response, "xos:filled", {"about": about}) if ack.filled_lots else response
    except DomainError as refused:
        if refused.code == "state_duplicate_client_id":
            return _placed(request, venue, market, ("warning", PLACED_ALREADY))
        known = explained(refused, request.user.pk, venue, market.kind)
        response = _refused(request, venue, market, refusal_of_error(known, traded, draft))
        return trigger(response, "xos:ended") if is_final(refused) else response


def _send(
    request: SignedInRequest, venue: Venue, market: Market, form: TicketForm, draft: OrderDraft
) -> Placed:
    """Place the order, with what hangs on it; its owner's wallet pays what is missing if it may."""
    instrument(market).to_lots(draft.size)  # a bad size is refused before an account is made
    hangs = form.attached()
    return place_funded(ensure_account(request.user, venue), market, draft, hangs)


def _placed(
    request: SignedInRequest, venue: Venue, market: Market, told: tuple[Level, str], about: str = ""
) -> HttpResponse:
    level, text = told
    if request.headers.get("HX-Request") != "true":
        return answer(request, venue, market, level, text)
    response = render(request, "trading/panels/refusal.html", {})
    return trigger(trigger(toast(response, level, text, about), "xos:dirty"), "xos:placed")


def _refused(request: SignedInRequest, venue: Venue, market: Market, refusal: Refusal) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        return answer(request, venue, market, "error", refusal.text)
    context = {"refusal": refusal.text, "refusal_field": refusal.field}
    if refusal.access:
        context["refusal_href"] = f"/v/{venue.slug}/#access"
    return render(request, "trading/panels/refusal.html", context, status=422)
