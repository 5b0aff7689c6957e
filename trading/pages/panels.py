"""The private tables of the terminal as fragments: what each shows, read when it is asked for."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.engine.errors import Busy, OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import wallet_balance
from trading.models import TradingAccount
from trading.pages.algo_ticket import algo_rows
from trading.pages.margin import margin_context, position_rows
from trading.pages.markets import market_or_404, venue_or_404
from trading.pages.rows import Instruments, balance_rows, fill_rows, funding_rows, order_rows
from trading.selectors.accounts import Balance, account_of, balances, standing
from trading.selectors.algos import open_algos
from trading.selectors.auto_funding import auto_funding_of, leave_sentence
from trading.selectors.bills import funding_bills
from trading.selectors.orders import fills, open_orders, order_history
from trading.selectors.positions import Holdings, holdings, queue_places
from venues.models import Market, MarketKind, Venue
from venues.selectors import amount_text, has_contracts, instruments_of

PANELS = (
    ("positions", "Positions"),
    ("orders", "Open orders"),
    ("conditional", "Conditional"),
    ("history", "History"),
    ("fills", "Fills"),
    ("funding", "Funding"),
    ("balances", "Balances"),
)
CONTRACT_PANELS = ("positions", "funding")
FUNDING_ROWS = 100
AWAY = "The venue does not answer at the moment. This comes back by itself."


def panels_of(venue: Venue) -> list[tuple[str, str]]:
    """Names and titles of the tables that make sense at the venue."""
    contracts = has_contracts(venue)
    return [panel for panel in PANELS if contracts or panel[0] not in CONTRACT_PANELS]


@require_safe
def panel(request: HttpRequest, slug: str, symbol: str, name: str) -> HttpResponse:
    """One private table as a fragment; of the market alone with ``?only=``."""
    if name not in dict(PANELS):
        raise Http404("There is no such table.")
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    only = bool(request.GET.get("only"))
    context = {"venue": venue, "market": market, "account": account, "only": only}
    return render(
        request,
        f"trading/panels/{name}.html",
        context | panel_context(name, venue, market, account, only=only),
    )


@require_safe
def funds(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """What the ticket may spend, as a fragment."""
    return _of_account(request, slug, symbol, "funds")


@require_safe
def lever(request: HttpRequest, slug: str, symbol: str) -> HttpResponse:
    """Leverage and margin mode of the market, as a fragment."""
    return _of_account(request, slug, symbol, "lever")


def _of_account(request: HttpRequest, slug: str, symbol: str, name: str) -> HttpResponse:
    venue = venue_or_404(slug)
    market = market_or_404(venue, symbol)
    account = account_of(request.user.pk, venue) if request.user.is_authenticated else None
    context = {
        "venue": venue,
        "market": market,
        "account": account,
        **funds_context(request, venue, market, account),
    }
    return render(request, f"trading/panels/{name}.html", context)


def _read(question: Callable[[], Any], empty: Any) -> tuple[Any, str]:
    """The answer and no error, or ``empty`` and a sentence on why there is none."""
    try:
        return question(), ""
    except (Busy, OutcomeUnknown):
        return empty, AWAY
    except DomainError as refused:
        return empty, refused.message


def panel_context(
    name: str, venue: Venue, market: Market, account: TradingAccount | None, *, only: bool = False
) -> dict[str, Any]:
    """What the template of one private table needs; with ``only`` the lines of the one market."""
    if account is None:
        return {"rows": [], "panel_error": ""}
    instruments: Instruments = {each.number: each for each in instruments_of(venue)}
    if only:
        instruments = {number: each for number, each in instruments.items() if number == market.number}
    questions: dict[str, Callable[[], list[Any]]] = {
        "orders": lambda: order_rows(open_orders(account), instruments),
        "conditional": lambda: algo_rows(open_algos(account), instruments),
        "history": lambda: order_rows(order_history(account), instruments),
        "fills": lambda: fill_rows(fills(account), instruments),
        "funding": lambda: funding_rows(
            funding_bills(account.venue.group_id, account.number, FUNDING_ROWS), instruments
        ),
        "balances": lambda: balance_rows(balances(account)),
        "positions": lambda: position_rows(holdings(account), instruments, queue_places(account)),
    }
    rows, error = _read(questions[name], [])
    return {f"{name}_rows": rows, "panel_error": error}


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
    risk = margin.risk
    spendable = free.get(market.quote_id, 0)
    if market.kind != MarketKind.SPOT and risk is not None:
        spendable = max(0, risk.free)
    return {
        "free_base": amount_text(free.get(assets[0].pk, 0), assets[0]) if len(assets) == 2 else "",
        "free_quote": amount_text(spendable, market.quote),
        "has_funds": any(total.get(asset.pk) for asset in assets),
        "wallet": [
            (asset, amount_text(wallet[asset.symbol], asset)) for asset in assets if wallet[asset.symbol]
        ],
        "funds_error": error,
        "wallet_pays": leave_sentence(auto_funding_of(request.user.pk, venue.pk, market.quote_id)),
        **(margin_context(margin, market, market.quote) if market.kind != MarketKind.SPOT else {}),
    }
