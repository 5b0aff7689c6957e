"""The ticket of an event: what a bet would cost in plain words, placing it, and taking back what was placed or held."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.tags import grouped
from exchange_os.ui.toasts import Level, toast, trigger
from trading.bets import cents_text, money_text
from trading.pages.event_rows import side_names
from trading.pages.event_scope import account_at, event_or_404
from trading.pages.markets import venue_or_404
from trading.pages.refusals import is_final, with_wallet
from trading.pages.ticket import TicketForm, drawn_sentence
from trading.selectors.access import explained
from trading.selectors.accounts import account_of
from trading.selectors.event_holdings import event_holdings
from trading.selectors.events import EventView
from trading.services.accounts import ensure_account
from trading.services.bets import Bet, BetDone, BetQuote, merge_sets, place_bet, quote_bet
from trading.services.fill_notifications import fill_source
from trading.services.orders import OrderKey, OrderRefused, cancel_order
from venues.models import Event, EventKind, EventState, Market, MarketKind, Venue

MOST_CONTRACTS = 10**9


class BetForm(forms.Form):
    """A bet as typed: an outcome and a side, bought or sold, how much of what, at once or with a limit."""

    market = forms.CharField(max_length=48)
    side = forms.ChoiceField(choices=(("yes", "Yes"), ("no", "No")))
    direction = forms.ChoiceField(choices=(("buy", "Buy"), ("sell", "Sell")), required=False)
    kind = forms.ChoiceField(choices=(("market", "At once"), ("limit", "Limit")), required=False)
    unit = forms.ChoiceField(choices=(("money", "Money"), ("contracts", "Contracts")), required=False)
    amount = forms.CharField(max_length=40, required=False)
    price = forms.CharField(max_length=20, required=False)
    worst = forms.RegexField(r"^[0-9]{1,6}$", required=False)
    client_id = forms.RegexField(r"^[A-Za-z0-9]{1,32}$", required=False)


@dataclass(frozen=True)
class Wanted:
    """A form read against its event."""

    event: Event
    market: Market
    bet: Bet
    asset: Asset

    @property
    def side_name(self) -> str:
        """Yes or No, of a number Higher or Lower."""
        return side_names(self.event)[self.bet.no]

    @property
    def what(self) -> str:
        """The contracts in words: “Yes on Spain”, of a question with one book “Yes”."""
        if self.event.kind != EventKind.MULTIPLE:
            return self.side_name
        return f"{self.side_name} on {self.market.outcome_name}"


def read_bet(form: BetForm, view: EventView) -> Wanted:
    """The bet a form asks for. Errors, at their fields: ``bet_invalid``, ``amount_…``, ``price_…``."""
    if not form.is_valid():
        field = next((name for name in ("amount", "price") if name in form.errors), None)
        raise DomainError("bet_invalid", "Choose an outcome, a side and how much.", field=field)
    data = form.cleaned_data
    market = next((market for market in view.markets if market.symbol == data["market"]), None)
    if market is None:
        raise DomainError("market_unknown", "Choose one of the outcomes.", field="market")
    asset, buying = view.event.settlement_asset, data["direction"] != "sell"
    limited = data["kind"] == "limit"
    lots, budget = 0, 0
    if buying and data["unit"] != "contracts":
        budget = _budget(data["amount"], asset)
    else:
        lots = _contracts(data["amount"])
    bet = Bet(
        no=data["side"] == "no",
        buying=buying,
        lots=lots,
        budget=budget,
        limit=_limit(data["price"], market) if limited else None,
        worst=int(data["worst"]) if data["worst"] and not limited else None,
        client_id=data["client_id"] or TicketForm.new_client_id(),
    )
    return Wanted(view.event, market, bet, asset)


def _number(text: str, field: str, sentence: str) -> Decimal:
    """A plain number above zero as typed, with thousands separated or not."""
    cleaned = text.strip().replace(",", "").removesuffix("¢").strip()
    if not cleaned.isascii() or not cleaned.replace(".", "", 1).isdigit() or not Decimal(cleaned):
        raise DomainError(f"{field}_invalid", sentence, field=field)
    return Decimal(cleaned)


def _budget(text: str, asset: Asset) -> int:
    value = _number(text, "amount", f"Enter how much {asset.symbol} to spend, for example 20.")
    units = int(value.scaleb(asset.scale))
    if not 0 < units < 2**60:
        raise DomainError("amount_invalid", f"Enter an amount of {asset.symbol} that exists.", field="amount")
    return units


def _contracts(text: str) -> int:
    sentence = "Enter how many contracts, as a whole number, for example 20."
    value = _number(text, "amount", sentence)
    if value != value.to_integral_value() or value > MOST_CONTRACTS:
        raise DomainError("amount_invalid", sentence, field="amount")
    return int(value)


def _limit(text: str, market: Market) -> int:
    step = cents_text(1, market.payout_ticks)
    sentence = f"Enter a price between {step} and {cents_text(market.payout_ticks - 1, market.payout_ticks)}."
    ticks = _number(text, "price", sentence) * market.payout_ticks / 100
    if ticks != ticks.to_integral_value():
        raise DomainError("price_off_tick", f"The price goes in steps of {step}.", field="price")
    if not 0 < ticks < market.payout_ticks:
        raise DomainError("price_invalid", sentence, field="price")
    return int(ticks)


@require_safe
def quote(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """What a bet would cost and pay, in words, with what is wrong at its field, as a fragment."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    form = BetForm(request.GET)
    context: dict[str, Any] = {"asset": view.event.settlement_asset, "fragment": True}
    if form.data.get("amount", "").strip():
        context |= quote_context(view, form, account_at(request, venue))
    return render(request, "trading/event/words.html", context)


def quote_context(view: EventView, form: BetForm, account: Any) -> dict[str, Any]:
    """The words of a quote, or the refusal and its field."""
    try:
        wanted = read_bet(form, view)
        quoted = quote_bet(wanted.market, _unbounded(wanted.bet), account)
    except DomainError as refused:
        return {"refusal": refused.message, "refusal_field": refused.field or "amount"}
    return words_of(wanted, quoted, view)


def _unbounded(bet: Bet) -> Bet:
    """A quote is for the present price, whatever was quoted before, and for another order than was placed meanwhile."""
    return replace(bet, worst=None, client_id=TicketForm.new_client_id())


def words_of(wanted: Wanted, quoted: BetQuote, view: EventView) -> dict[str, Any]:
    """A quote in texts: what is paid, what is got and when, average and slippage, what it takes of free money."""
    bet, asset, terms, now = wanted.bet, wanted.asset, quoted.terms, quoted.now
    hedged = 0 if quoted.takes is None or not bet.buying else quoted.total - quoted.takes
    sentence = refusal_sentence(quoted.reject, quoted.sentence, wanted, quoted) if quoted.reject else ""
    return {
        "quoted": True,
        "buying": bet.buying,
        "no": bet.no,
        "name": wanted.market.outcome_name,
        "question": view.event.kind == EventKind.BINARY,
        "scalar": view.event.kind == EventKind.SCALAR,
        "lots": str(quoted.lots),
        "pay": money_text(quoted.total, asset.scale, up=bet.buying),
        "pay_exactly": amount_text(quoted.total, asset),
        "get": money_text(quoted.to_win, asset.scale),
        "profit": money_text(max(0, quoted.to_win - quoted.total), asset.scale),
        "fee": money_text(quoted.fee, asset.scale, up=True),
        "limit": cents_text(bet.limit, terms.one) if bet.limit is not None else "",
        "now_lots": str(now.lots),
        "rests": quoted.rests,
        "average": now.average_cents(terms),
        "slip": cents_text(now.worst, terms.one) if now.worst != now.best else "",
        "short": bet.lots - quoted.lots if bet.lots else 0,
        "takes": money_text(max(0, quoted.takes or 0), asset.scale, up=True) if hedged > 0 else "",
        "hedged": money_text(hedged, asset.scale) if hedged > 0 else "",
        "worst": now.worst if bet.limit is None else "",
        "refusal": sentence,
        "refusal_field": "amount",
    }


def refusal_sentence(code: str, sentence: str, wanted: Wanted, quoted: BetQuote | None = None) -> str:
    """A refusal of the kernel with its remedy, in the words of a bettor."""
    asset = wanted.asset.symbol
    total = money_text(quoted.total, wanted.asset.scale, up=True) if quoted else ""
    need = f"This needs {grouped(total)} {asset}. " if quoted else ""
    remedies = {
        "risk_insufficient_balance": f"{need}Lower the amount or transfer more {asset} here.",
        "risk_margin": f"{need}Lower the amount or transfer more {asset} here.",
        "risk_reduce_only": f"You do not hold that many {wanted.what}.",
        "state_market_phase": "Trading of this outcome is paused or over.",
        "state_duplicate_client_id": "It was placed already; look at what you hold.",
        "access_account_unknown": f"Transfer {asset} to this venue first.",
        "risk_capacity": "The venue carries no more open bets for now. A smaller amount may fit.",
    }
    remedy = remedies.get(code.lower(), "")
    return remedy if code.lower() in ("risk_reduce_only", "risk_margin") else f"{sentence} {remedy}".strip()


@signed_in
@require_POST
def bet(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Place the bet; a refusal comes back in the ticket, at its field, with its remedy."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    wanted = None
    try:
        wanted = read_bet(BetForm(request.POST), view)
        if view.event.state != EventState.OPEN:
            raise DomainError("event_over", "Trading of this event has ended.")
        account = ensure_account(request.user, venue)
        _check_held(account, view, wanted)
        done = place_bet(account, wanted.market, wanted.bet)
    except OrderRefused as refused:
        explained(refused, request.user.pk, venue, MarketKind.OUTCOME)
        text = refusal_sentence(refused.code, refused.message, wanted) if wanted else refused.message
        response = _refused(request, venue, view, with_wallet(text, refused), "amount")
        return trigger(response, "xos:ended") if is_final(refused) else response
    except DomainError as refused:
        text = with_wallet(refused.message, refused)
        return _refused(request, venue, view, text, refused.field or "amount")
    level, text = told(wanted, done)
    text = f"{text} {drawn_sentence(done.drawn, wanted.asset)}".strip()
    if request.headers.get("HX-Request") != "true":
        messages.add_message(request, messages.SUCCESS if level == "success" else messages.WARNING, text)
        return redirect("pages:event", venue.slug, view.event.code)
    context = {"asset": wanted.asset, "fragment": True}
    response = render(request, "trading/event/words.html", context)
    about = fill_source(venue.group_id, done.ack.order_id)
    return trigger(trigger(toast(response, level, text, about), "xos:event"), "xos:placed")


def _check_held(account: Any, view: EventView, wanted: Wanted) -> None:
    """A sale is of what is held: the kernel would refuse more, this says it in words."""
    if wanted.bet.buying:
        return
    stake = event_holdings(account, view).of(wanted.market)
    held = stake.lots if stake and stake.no == wanted.bet.no else 0
    if wanted.bet.lots > held:
        raise DomainError(
            "not_held", f"You hold {held} {wanted.what}; sell at most that many.", field="amount"
        )


def told(wanted: Wanted, done: BetDone) -> tuple[Level, str]:
    """What came of a bet, in one sentence."""
    verb = "Bought" if wanted.bet.buying else "Sold"
    what = wanted.what
    moved = money_text(done.moved, wanted.asset.scale, up=wanted.bet.buying)
    money = f"{grouped(moved)} {wanted.asset.symbol}"
    rest = f"{done.rests} {what} wait in the book at {cents_text(wanted.bet.limit or 0, wanted.market.payout_ticks)}."
    if done.rests and not done.lots:
        return "success", f"Placed: {rest}"
    if not done.lots:
        reason = kernel.CANCEL_REASONS[done.ack.reason][2] if done.ack.reason in kernel.CANCEL_REASONS else ""
        return (
            "warning",
            f"Nothing was traded. {reason or 'The price moved; look at the new one and try again.'}",
        )
    bought = f"{verb} {grouped(done.lots)} {what} for {money}."
    if done.rests:
        return "success", f"{bought} {rest}"
    short = wanted.bet.lots - done.lots if wanted.bet.lots else 0
    if short > 0 and wanted.bet.limit is None:
        return "warning", f"{bought} Nobody offered the other {short} at that price."
    return "success", bought


def _refused(
    request: SignedInRequest, venue: Venue, view: EventView, sentence: str, field: str
) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        messages.error(request, sentence)
        return redirect("pages:event", venue.slug, view.event.code)
    context = {"refusal": sentence, "refusal_field": field, "fragment": True}
    return render(request, "trading/event/words.html", context, status=422)


@signed_in
@require_POST
def cancel(request: SignedInRequest, slug: str, code: str, order_id: int) -> HttpResponse:
    """Take back an open order of the event."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    market = next((each for each in view.markets if each.symbol == request.POST.get("market")), None)
    account = account_of(request.user.pk, venue)
    level: Level = "success"
    text = "Order cancelled; what it held is free again."
    try:
        if account is None or market is None:
            raise DomainError("order_unknown", "You have no such order here.")
        cancel_order(account, market, OrderKey(order_id=order_id))
    except DomainError as refused:
        level, text = "warning", refused.message
    return _answered(request, venue, view, level, text)


@signed_in
@require_POST
def merge(request: SignedInRequest, slug: str, code: str) -> HttpResponse:
    """Turn all complete sets that are held into cash."""
    venue = venue_or_404(slug)
    view = event_or_404(venue, code)
    account = account_of(request.user.pk, venue)
    asset = view.event.settlement_asset
    try:
        if account is None:
            raise DomainError("no_sets", "You hold no complete set.")
        sets = event_holdings(account, view).sets
        if not sets:
            raise DomainError("no_sets", "You hold no complete set.")
        merge_sets(account, view, sets)
    except DomainError as refused:
        return _answered(request, venue, view, "warning", refused.message)
    unit = view.markets[0].payout_ticks * view.markets[0].tick_quote
    paid = f"{grouped(amount_text(sets * unit, asset))} {asset.symbol}"
    return _answered(request, venue, view, "success", f"{sets} complete sets became {paid}.")


def _answered(
    request: SignedInRequest, venue: Venue, view: EventView, level: Level, text: str
) -> HttpResponse:
    if request.headers.get("HX-Request") != "true":
        messages.add_message(request, messages.SUCCESS if level == "success" else messages.WARNING, text)
        return redirect("pages:event", venue.slug, view.event.code)
    response = HttpResponse(status=204 if level == "success" else 422)
    return trigger(toast(response, level, text), "xos:event")
