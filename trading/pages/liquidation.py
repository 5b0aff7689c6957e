"""The liquidation simulator: at which prices of what an account is liquidated, and in which steps."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import TradingAccount
from trading.selectors.accounts import account_of
from trading.selectors.liquidation import PPM, cross_positions, first_move, outlook
from trading.selectors.positions import Holdings, holdings_of_kernel
from venues.instruments import Instrument
from venues.models import MarketKind
from venues.selectors import instruments_of, live_venues, open_markets, venue_by_slug
from venues.services.asking import ask

LOWEST, HIGHEST = -90, 200  # per cent
STEPS = (
    "Nothing: equity covers the maintenance margin.",
    "Orders that add risk are cancelled, then positions are closed in the book, the largest first, 20% at a time "
    "where they are large, until equity covers maintenance again.",
    "What the book does not take goes to the insurance fund at the price where your equity is used up.",
    "Nothing is left for you. What the insurance fund cannot carry is closed against profitable positions of others.",
)


def _move_of(text: str) -> int:
    """Per cent as typed, inside the bounds of the slider; anything else is no move."""
    digits = text.lstrip("-")
    if not (digits.isdigit() and digits.isascii() and len(digits) < 4):
        return 0
    return max(LOWEST, min(HIGHEST, int(text) if text.count("-") < 2 else 0))


@signed_in
@require_safe
def liquidation(request: SignedInRequest) -> HttpResponse:
    """The page; ``venue``, ``market`` and ``move`` (per cent) choose what is looked at. The result alone for htmx."""
    numbers = TradingAccount.objects.filter(user_id=request.user.pk, opened_at__isnull=False)
    venues = list(live_venues().filter(pk__in=numbers.values("venue_id")))
    leveraged = set(open_markets().filter(kind=MarketKind.PERPETUAL).values_list("venue_id", flat=True))
    venues.sort(
        key=lambda venue: venue.books_id not in leveraged
    )  # where there is something to look at comes first
    context: dict[str, Any] = {"venues": venues, "move": _move_of(request.GET.get("move", "0"))}
    context |= {"lowest": LOWEST, "highest": HIGHEST}
    slug = request.GET.get("venue") or (venues[0].slug if venues else "")
    if slug:
        context |= _looked_at(request, slug, request.GET.get("market", ""), context["move"])
    part = "outlook" if request.headers.get("HX-Request") == "true" else "liquidation"
    return render(request, f"trading/account/{part}.html", context)


def _looked_at(request: SignedInRequest, slug: str, symbol: str, move: int) -> dict[str, Any]:
    try:
        venue = venue_by_slug(slug)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown
    account = account_of(request.user.pk, venue)
    if account is None:
        raise Http404("You have no account at this venue.")
    shown: dict[str, Any] = {"venue": venue, "symbol": symbol}
    try:
        held = holdings_of_kernel(ask(venue.group_id, {"q": "account", "account": account.number}))
        described = {each["market"]: each for each in ask(venue.group_id, {"q": "markets"})["markets"]}
    except DomainError as away:
        return shown | {"error": away.message}
    instruments = {each.number: each for each in instruments_of(venue)}
    if held.risk is None or not cross_positions(held):
        return shown | {"flat": True}
    tiers = {number: each["tiers"] for number, each in described.items() if "tiers" in each}
    return shown | _outlook(held, instruments, tiers, symbol, move)


def _outlook(
    held: Holdings, instruments: dict[int, Instrument], tiers: dict[int, Any], symbol: str, move: int
) -> dict[str, Any]:
    traded = [instruments[each.market] for each in cross_positions(held)]
    chosen = next((each for each in traded if each.symbol == symbol), None)
    market = chosen.number if chosen else None
    quote = traded[0].quote
    after = outlook(held, instruments, tiers, move * PPM // 100, market)
    edges: list[tuple[str, str, list[tuple[str, str]]]] = []
    for limit, name in ((LOWEST * PPM // 100, "fall"), (HIGHEST * PPM // 100, "rise")):
        found = first_move(held, instruments, tiers, limit, market)
        if found is None:
            edges.append((name, "", []))
            continue
        marks = outlook(held, instruments, tiers, found, market).marks
        prices = [(instruments[n].symbol, instruments[n].price_display(ticks)) for n, ticks in marks.items()]
        edges.append((name, f"{abs(found) / 10_000:.2f}", prices))
    return {
        "markets": traded,
        "symbol": chosen.symbol if chosen else "",
        "unit": quote.symbol,
        "equity": amount_text(after.equity, quote),
        "maintenance": amount_text(after.maintenance, quote),
        "used": 100 if after.equity <= 0 else min(100, after.maintenance * 100 // after.equity),
        "marks": [(instruments[n].symbol, instruments[n].price_display(t)) for n, t in after.marks.items()],
        "stage": after.stage,
        "steps": [(at, text, 1 <= at <= after.stage) for at, text in enumerate(STEPS) if at],
        "nothing": STEPS[0],
        "edges": edges,
    }
