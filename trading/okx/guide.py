"""The page of a venue that tells programmers how to trade there: ready-filled examples and the whole reference."""

from typing import Any

from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.errors import DomainError
from trading.okx.openapi import PREFIX, is_signed, operations
from trading.okx.reference import BODIES, CHANNELS, ERRORS, LIMITS, SOCKET_ERRORS
from trading.okx.snippets import snippets_of
from venues.models import MarketKind
from venues.selectors import markets_of, venue_by_slug

PARTS = {
    "public": "Public data",
    "market": "Market data",
    "system": "System",
    "account": "Account",
    "trade": "Trading",
    "asset": "Wallet",
    "sprd": "Spreads",
}


def _endpoints() -> list[dict[str, Any]]:
    """Every operation, in the order of ``PARTS``."""
    rows = [
        {
            "part": path.split("/")[1],
            "method": method.upper(),
            "path": PREFIX + path,
            "summary": operation["summary"],
            "signed": is_signed(path),
            "names": [name for name in BODIES[path].split() if name != "[]"]
            if method == "post"
            else [each["name"] for each in operation["parameters"]],
            "batch": method == "post" and BODIES[path].startswith("[]"),
        }
        for path, item in operations().items()
        for method, operation in item.items()
    ]
    return [
        {"title": title, "rows": chosen}
        for part, title in PARTS.items()
        if (chosen := [row for row in rows if row["part"] == part])
    ]


@require_safe
def guide(request: HttpRequest, venue: str) -> HttpResponse:
    """The programmers' page of one venue."""
    try:
        found = venue_by_slug(venue)
    except DomainError as unknown:
        raise Http404(unknown.message) from unknown
    spot_first = Case(When(kind=MarketKind.OUTCOME, then=1), default=0)
    symbols = list(markets_of(found).order_by(spot_first, "kind", "pk").values_list("symbol", flat=True)[:50])
    base = request.build_absolute_uri(f"/v/{found.slug}")
    context = {
        "venue": found,
        "base": base,
        "sockets": base.replace("http", "ws", 1) + "/ws/v5",
        "symbols": symbols,
        "snippets": snippets_of(base, symbols[0] if symbols else "BTC-USD"),
        "sections": _endpoints(),
        "errors": ERRORS,
        "socket_errors": SOCKET_ERRORS,
        "limits": LIMITS,
        "channels": CHANNELS,
    }
    return render(request, "trading/api_guide.html", context)
