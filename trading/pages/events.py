"""The page of an event: what its outcomes are worth, a ticket in plain words, rules, source and how it ends."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text, wallet_balance
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import toast, trigger
from trading.models import TradingAccount
from trading.pages.margin import PositionRow, position_rows
from trading.pages.markets import now_ms, venue_or_404
from trading.pages.rows import percent_text
from trading.pages.ticket import TicketForm, number_of, outcome_of, refusal_text
from trading.selectors.accounts import Balance, account_of, standing
from trading.selectors.event_prices import OutcomePrice, outcome_prices
from trading.selectors.events import EventView, event_by_code
from trading.services.accounts import ensure_account
from trading.services.orders import OrderDraft, OrderRefused, place_order
from venues.instruments import Instrument
from venues.models import EventState, Venue
from venues.selectors import instrument, instruments_of

STEPS = (
    (EventState.OPEN, "Trading"),
    (EventState.CLOSED, "Closed"),
    (EventState.PROPOSED, "Result proposed"),
    (EventState.RESOLVED, "Paid"),
)


class BetForm(forms.Form):
    """An outcome, a side, how many contracts, and optionally the price at most."""

    market = forms.CharField(max_length=48)
    side = forms.ChoiceField(choices=(("yes", "Yes"), ("no", "No")))
    direction = forms.ChoiceField(choices=(("buy", "Buy"), ("sell", "Sell")), required=False)
    size = forms.CharField(max_length=20, required=False)
    price = forms.CharField(max_length=12, required=False)
    client_id = forms.RegexField(r"^[A-Za-z0-9]{1,32}$", required=False)


@dataclass(frozen=True)
class Choice:
    """One outcome as the page lists it; texts, and the chance in per cent."""

    symbol: str
    name: str
    percent: int
    yes: str
    no: str
    volume: str
    closes: list[int]
    payout: str


def _choice(view: EventView, row: OutcomePrice, traded: Instrument) -> Choice:
    payout = view.payout_of(row.market)
    return Choice(
        symbol=row.market.symbol,
        name=row.market.outcome_name,
        percent=row.percent,
        yes=traded.price_display(row.yes_ticks) if row.yes_ticks else "",
        no=traded.price_display(row.no_ticks) if row.no_ticks else "",
        volume=str(row.quote_volume // 10**traded.quote.scale),
        closes=row.closes,
        payout="" if payout is None else f"{Decimal(payout) / 1_000_000:f}".rstrip("0").rstrip(".") or "0",
    )


def _event_or_404(venue: Venue, code: str) -> EventView:
    try:
        return event_by_code(venue.pk, code)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


def _outcomes(view: EventView) -> dict[str, Any]:
    prices, error = outcome_prices(view, now_ms())
    instruments = {market.pk: instrument(market) for market in view.markets}
    choices = [_choice(view, row, instruments[row.market.pk]) for row in prices]
    return {"choices": choices, "prices_error": error, "trading": view.event.state == EventState.OPEN}


def _own(
    account: TradingAccount | None, venue: Venue, view: EventView
) -> tuple[list[Balance], list[PositionRow]]:
    """Balances at the venue, and what the account holds of the event; nothing if the venue does not answer."""
    if account is None or account.opened_at is None:
        return [], []
    try:
        balances, held = standing(account)
    except DomainError:
        return [], []
    mine = {market.number for market in view.markets}
    known = {each.number: each for each in instruments_of(venue) if each.number in mine}
    return balances, position_rows(held, known)


@require_safe
def event(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The whole page; open to everyone, the ticket for those signed in."""
    venue = venue_or_404(slug)
    view = _event_or_404(venue, code)
    outcomes = _outcomes(view)
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    balances, positions = _own(account, venue, view)
    asset = view.event.settlement_asset
    free = next((row.free for row in balances if row.asset.pk == asset.pk), 0)
    context = {
        "venue": venue,
        "event": view.event,
        "steps": _steps(view),
        "asset": asset,
        "free": amount_text(free, asset),
        "wallet": amount_text(wallet_balance(request.user.pk, asset), asset)
        if request.user.is_authenticated
        else "",
        "positions_rows": positions,
        "taker_fee": percent_text(view.markets[0].taker_fee_ppm) if view.markets else "",
        "client_id": TicketForm.new_client_id(),
        **outcomes,
        **_chosen(request, outcomes["choices"]),
    }
    return render(request, "trading/event.html", context)


def _chosen(request: HttpRequest, choices: list[Choice]) -> dict[str, Any]:
    wanted = request.GET.get("outcome", "")
    chosen = next((choice for choice in choices if choice.symbol == wanted), choices[0] if choices else None)
    return {"chosen": chosen, "side": "no" if request.GET.get("side") == "no" else "yes"}


def _steps(view: EventView) -> list[tuple[str, str]]:
    """The way of an event, each step done, here or to come."""
    order = [state for state, _ in STEPS]
    state = EventState(view.event.state)
    if state == EventState.VOID:
        return [("done", "Trading"), ("done", "Closed"), ("here", "Void: paid at the last fair prices")]
    if state == EventState.DISPUTED:
        return [("done", "Trading"), ("done", "Closed"), ("here", "Result disputed"), ("next", "Paid")]
    at = order.index(state) if state in order else 0
    return [
        ("done" if index < at else "here" if index == at else "next", name)
        for index, (_, name) in enumerate(STEPS)
    ]


@require_safe
def outcomes(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The list of outcomes with their present prices, as a fragment."""
    venue = venue_or_404(slug)
    view = _event_or_404(venue, code)
    context = {"venue": venue, "event": view.event, **_outcomes(view)}
    return render(request, "trading/panels/outcomes.html", context)


def _draft(form: BetForm, traded: Instrument, at_ticks: int) -> OrderDraft:
    """The order a valid form asks for. Errors: ``size_invalid``, ``price_invalid``, ``no_price``."""
    data = form.cleaned_data
    size = number_of(data["size"], "size", "Enter how many contracts, for example 20.")
    typed = data["price"].strip()
    price = number_of(typed, "price", "Enter a price between 0 and 1.") if typed else traded.price(at_ticks)
    if not typed and not at_ticks:
        raise DomainError(
            "no_price", "Nobody offers this side now. Enter the price you would take.", field="price"
        )
    return OrderDraft(
        side=data["direction"] or "buy",
        size=size,
        price=price,
        order_type="limit",
        time_in_force="gtc",
        no_side=data["side"] == "no",
        client_id=data["client_id"] or TicketForm.new_client_id(),
    )


def _read(form: BetForm, view: EventView) -> tuple[OutcomePrice, Instrument, OrderDraft]:
    prices, _ = outcome_prices(view, now_ms())
    row = next((price for price in prices if price.market.symbol == form.cleaned_data["market"]), None)
    if row is None:
        raise DomainError("market_unknown", "Choose one of the outcomes.", field="market")
    traded = instrument(row.market)
    yes = form.cleaned_data["side"] == "yes"
    if form.cleaned_data["direction"] == "sell":
        at = row.best_bid if yes else row.payout_ticks - row.best_ask if row.best_ask else 0
    else:
        at = row.yes_ticks if yes else row.no_ticks
    return row, traded, _draft(form, traded, at)


@require_safe
def quote(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """What a bet would cost and pay, in words, as a fragment."""
    view = _event_or_404(venue_or_404(slug), code)
    form = BetForm(request.GET)
    context: dict[str, Any] = {"asset": view.event.settlement_asset}
    if form.is_valid() and form.cleaned_data["size"].strip():
        try:
            row, traded, draft = _read(form, view)
            context |= _words(row, traded, draft)
        except DomainError as refused:
            context["refusal"] = refused.message
    return render(request, "trading/panels/bet.html", context)


def _words(row: OutcomePrice, traded: Instrument, draft: OrderDraft) -> dict[str, Any]:
    lots, ticks = traded.to_lots(draft.size), traded.to_ticks(draft.price or Decimal(0))
    if not 0 < ticks < row.payout_ticks:
        raise DomainError("price_invalid", "The price lies between 0 and 1.", field="price")
    cost = traded.notional(ticks, lots)
    rate = max(0, traded.taker_fee_ppm)
    fee = -(-cost * (row.payout_ticks - ticks) * rate // (row.payout_ticks * 1_000_000))
    return {
        "pay": amount_text(cost + fee, traded.quote),
        "get": amount_text(traded.notional(row.payout_ticks, lots), traded.quote),
        "fee": amount_text(fee, traded.quote),
        "name": row.market.outcome_name,
        "no": draft.no_side,
        "selling": draft.side == "sell",
        "receive": amount_text(max(0, cost - fee), traded.quote),
    }


@signed_in
@require_POST
def bet(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Place the bet; a refusal comes back beside the form with its remedy."""
    venue = venue_or_404(slug)
    view = _event_or_404(venue, code)
    form = BetForm(request.POST)
    if not form.is_valid():
        return _refused(request, venue, view, "Choose an outcome, a side and how many contracts.")
    traded, draft = None, None
    try:
        row, traded, draft = _read(form, view)
        ack = place_order(ensure_account(request.user, venue), row.market, draft)
    except OrderRefused as refused:
        text = refusal_text(refused.code, refused.message, traded, draft) if traded else refused.message
        return _refused(request, venue, view, text)
    except DomainError as refused:
        return _refused(request, venue, view, refused.message)
    level, text = outcome_of(ack, draft, traded)
    if request.headers.get("HX-Request") != "true":
        messages.success(request, text)
        return redirect("pages:event", venue.slug, view.event.code)
    response = render(request, "trading/panels/refusal.html", {})
    return trigger(toast(response, level, text), "xos:placed")


def _refused(request: SignedInRequest, venue: Venue, view: EventView, sentence: str) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        messages.error(request, sentence)
        return redirect("pages:event", venue.slug, view.event.code)
    return render(request, "trading/panels/refusal.html", {"refusal": sentence}, status=422)
