"""The console's pages of how a venue looks, of its widgets, and of its end."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from venues.console import Console, console_page
from venues.fields import Field, mark
from venues.inputs import text_of
from venues.models import Market, Phase, VenueState
from venues.services.looks import set_embed_origins, set_looks
from venues.services.operate import request_longer_halt
from venues.services.two_people import waiting_acts
from venues.services.winding import request_wind_down

THEMES = (("", "As the platform"), ("dark", "Dark"), ("light", "Light"))
SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox"


@require_http_methods(["GET", "POST"])
@console_page("settings")
def look(console: Console) -> HttpResponse:
    """Accent, theme and description; the end of the venue."""
    post, venue = console.request.POST, console.venue
    if console.request.method == "GET":
        return _settings(console)
    try:
        set_looks(
            console.request.user, venue, accent=text_of(post, "accent"), theme=text_of(post, "theme"),
            description=text_of(post, "description"),
        )  # fmt: skip
    except DomainError as refused:
        return _settings(console, refused, 422)
    messages.success(console.request, "The look is saved.")
    return redirect("deployer:settings", venue.pk)


@require_POST
@console_page("settings")
def wind_down(console: Console) -> HttpResponse:
    """Ask for the end of the venue."""
    post = console.request.POST
    days, words = text_of(post, "days"), text_of(post, "words")
    try:
        asked = request_wind_down(
            console.request.user, console.venue, int(days) if days.isdigit() else 0, words
        )
    except DomainError as refused:
        messages.error(console.request, refused.message)
        return redirect("deployer:settings", console.venue.pk)
    messages.warning(
        console.request,
        f"Nobody else could approve: it begins on {asked.due:%d %B, %H:%M} UTC unless withdrawn."
        if asked.due
        else "It waits for a second person.",
    )
    return redirect("deployer:changes", console.venue.pk)


@require_POST
@console_page("markets")
def longer_halt(console: Console) -> HttpResponse:
    """Ask that a halt goes on."""
    post = console.request.POST
    days = text_of(post, "days")
    try:
        request_longer_halt(
            console.request.user, console.venue, int(days) if days.isdigit() else 0, text_of(post, "words")
        )
    except DomainError as refused:
        messages.error(console.request, refused.message)
        return redirect("deployer:markets", console.venue.pk)
    messages.warning(console.request, "The halt goes on once it is approved.")
    return redirect("deployer:changes", console.venue.pk)


@require_GET
@console_page("embed")
def embed(console: Console) -> HttpResponse:
    """The widget of a market, as others see it, and the code for it."""
    return _embed(console)


@require_POST
@console_page("embed")
def origins(console: Console) -> HttpResponse:
    """Which sites may frame the widgets."""
    text = console.request.POST.get("origins", "")[:4000]
    try:
        set_embed_origins(console.request.user, console.venue, text)
    except DomainError as refused:
        return _embed(console, {"refused": refused, "typed": text}, 422)
    messages.success(console.request, "Saved.")
    return redirect("deployer:embed", console.venue.pk)


def _settings(console: Console, refused: DomainError | None = None, status: int = 200) -> HttpResponse:
    post, venue = console.request.POST, console.venue
    fields = [
        Field("accent", "Accent colour", text_of(post, "accent") or venue.accent, "colour",
              hint="Your mark and highlights. It must be seen on dark and on light."),
        Field("theme", "Theme", post.get("theme", venue.theme), "select", options=list(THEMES),
              hint="What your pages begin with for who has chosen none."),
        Field("description", "Description", post.get("description", venue.description), "textarea", maxlength=280),
    ]  # fmt: skip
    near = ""
    if refused is not None:
        mark(fields, {refused.field or "": refused})
        near = str(refused.details.get("near", ""))
    context = {
        "fields": fields,
        "near": near,
        "least_days": -(-settings.WIND_DOWN_HOURS // 24),
        "can_end": venue.state in (VenueState.OPEN, VenueState.HALTED),
        "ending": waiting_acts(venue).filter(act="wind_down").first(),
    }
    return console.render("venues/console/settings.html", context, status=status)


def _embed(console: Console, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    request, venue = console.request, console.venue
    markets = list(Market.objects.filter(venue=venue).exclude(phase=Phase.PENDING).order_by("number"))
    wanted, theme = request.GET.get("market", ""), request.GET.get("theme", "")
    market = next((market for market in markets if market.symbol == wanted), markets[0] if markets else None)
    theme = theme if theme in ("dark", "light") else venue.theme or "dark"
    path = f"/embed/{venue.slug}/{market.symbol}/?{urlencode({'theme': theme})}" if market else ""
    address = request.build_absolute_uri(path)
    context = {
        "embed_markets": markets,
        "market": market,
        "theme": theme,
        "path": path,
        "typed": "\n".join(venue.embed_origins),
        "code": f'<iframe src="{address}" title="{market.symbol} on {venue.name}" width="340" height="210" '
        f'sandbox="{SANDBOX}" loading="lazy" style="border:0"></iframe>'
        if market
        else "",
        **(more or {}),
    }
    return console.render("venues/console/embed.html", context, status=status)
