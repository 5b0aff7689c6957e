"""The spot terminal: the page around the live feed, and the private tables it fetches again when they change."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.engine.errors import Busy, OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import wallet_balance
from trading.models import TradingAccount
from trading.pages.algo_ticket import PLANS, algo_rows
from trading.pages.margin import figures_context, margin_context, position_rows
from trading.pages.markets import now_ms, venue_or_404
from trading.pages.rows import balance_rows, fill_rows, order_rows, percent_text
from trading.pages.ticket import TicketForm
from trading.selectors.accounts import Balance, account_of, balances, standing
from trading.selectors.algos import open_algos
from trading.selectors.orders import fills, open_orders, order_history
from trading.selectors.overview import listings, venue_listings
from trading.selectors.positions import Holdings, holdings
from venues.models import Market, MarketKind, Phase, Venue
from venues.selectors import amount_text, has_contracts, instruments_of, market_by_symbol

PANELS = ("positions", "orders", "history", "fills", "balances")
BARS = (("1m", "1m"), ("5m", "5m"), ("15m", "15m"), ("1H", "1h"), ("4H", "4h"), ("1D", "1d"))


def market_or_404(venue: Venue, symbol: str) -> Market:
    """The market of the venue; 404 if there is none."""
    try:
        return market_by_symbol(venue, symbol)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown


@require_safe
def terminal(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """The terminal of one market; open to everyone, the ticket and the tables for those signed in."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    listing = listings([market], now_ms())[0]
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    context = {
        "venue": venue,
        "market": market,
        "row": listing,
        "instrument": listing.instrument,
        "others": venue_listings(venue.group_id, now_ms()),
        "bars": BARS,
        "panels": PANELS if has_contracts(venue) else PANELS[1:],
        "account": account,
        **(figures_context(market, listing.instrument) if market.kind != MarketKind.SPOT else {}),
        "taker_fee": percent_text(market.taker_fee_ppm),
        "maker_fee": percent_text(market.maker_fee_ppm),
        "halted": market.phase != Phase.OPEN,
        "plans": PLANS,
        "form": TicketForm(initial={"client_id": TicketForm.new_client_id()}),
        **funds_context(request, venue, market, account),
        **panel_context("orders", venue, market, account),
    }
    return render(request, "trading/terminal.html", context)


@require_safe
def panel(request: HttpRequest, slug: str, symbol: str, name: str) -> HttpResponse:
    """One private table as a fragment."""
    if name not in PANELS:
        raise Http404("There is no such table.")
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    context = {
        "venue": venue,
        "market": market,
        "account": account,
        **panel_context(name, venue, market, account),
    }
    return render(request, f"trading/panels/{name}.html", context)


@require_safe
def funds(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """What the ticket may spend, as a fragment."""
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    context = {
        "venue": venue,
        "market": market,
        "account": account,
        **funds_context(request, venue, market, account),
    }
    return render(request, "trading/panels/funds.html", context)


def _read(question: Callable[[], Any], empty: Any) -> tuple[Any, str]:
    """The answer and no error, or ``empty`` and a sentence on why there is none."""
    try:
        return question(), ""
    except (Busy, OutcomeUnknown):
        return empty, "The venue does not answer at the moment. This comes back by itself."
    except DomainError as refused:
        return empty, refused.message


def panel_context(name: str, venue: Venue, market: Market, account: TradingAccount | None) -> dict[str, Any]:
    """What the template of one private table needs."""
    if account is None:
        return {"rows": [], "panel_error": ""}
    instruments = {each.number: each for each in instruments_of(venue)}
    questions: dict[str, Callable[[], list[Any]]] = {
        "orders": lambda: order_rows(open_orders(account), instruments),
        "history": lambda: order_rows(order_history(account), instruments),
        "fills": lambda: fill_rows(fills(account), instruments),
        "balances": lambda: balance_rows(balances(account)),
        "positions": lambda: position_rows(holdings(account), instruments),
    }
    rows, error = _read(questions[name], [])
    context = {f"{name}_rows": rows, "panel_error": error}
    if name == "orders" and not error:
        context["algo_rows"] = _read(lambda: algo_rows(open_algos(account), instruments), [])[0]
    return context


def funds_context(
    request: HttpRequest, venue: Venue, market: Market, account: TradingAccount | None
) -> dict[str, Any]:
    """Free balances of the market's two assets at the venue, and what the wallet could add."""
    if not request.user.is_authenticated:
        return {}
    held: list[Balance] = []
    margin, error = Holdings(None, (), 0), ""
    if account is not None and account.opened_at is not None:
        (held, margin), error = _read(lambda: standing(account), ([], margin))
    free = {balance.asset.pk: balance.free for balance in held}
    total = {balance.asset.pk: balance.total for balance in held}
    assets = market.balance_assets
    wallet = {asset.symbol: wallet_balance(request.user.pk, asset) for asset in assets}
    return {
        "free_base": amount_text(free.get(assets[0].pk, 0), assets[0]) if len(assets) == 2 else "",
        "free_quote": amount_text(free.get(market.quote_id, 0), market.quote),
        "has_funds": any(total.get(asset.pk) for asset in assets),
        "wallet": [
            (asset, amount_text(wallet[asset.symbol], asset)) for asset in assets if wallet[asset.symbol]
        ],
        "funds_error": error,
        **(margin_context(margin, market, market.quote) if market.kind != MarketKind.SPOT else {}),
    }
