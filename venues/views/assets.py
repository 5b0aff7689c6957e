"""Public pages of assets, and the logos of venues."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Grade
from exchange_os.ledger.selectors import amount_text, asset_by_symbol, holders_of, listed_assets, supply_of
from venues.inputs import text_of
from venues.models import Logo
from venues.selectors import listings_by_asset, listings_of
from venues.services.logos import SMALL


@require_GET
def assets(request: HttpRequest) -> HttpResponse:
    """Every asset, searched by symbol or name, with its grade and how many markets list it."""
    search = text_of(request.GET, "q")[:40]
    found = listed_assets().select_related("issuer__deployer")
    if search:
        found = found.filter(symbol__istartswith=search) | found.filter(name__icontains=search)
    rows = list(found[:200])
    counts = listings_by_asset([asset.pk for asset in rows])
    context = {
        "rows": [(asset, counts.get(asset.pk, 0)) for asset in rows],
        "search": search,
        "grades": Grade,
    }
    return render(request, "venues/assets.html", context)


@require_GET
def asset(request: HttpRequest, symbol: str) -> HttpResponse:
    """One asset: who issued it, how much there is, who holds it, where it is listed, how it counts."""
    try:
        found = asset_by_symbol(symbol)
    except DomainError as unlisted:
        raise Http404(unlisted.message) from unlisted
    context = {
        "asset": found,
        "issuer": getattr(getattr(found.issuer, "deployer", None), "name", "") if found.issuer else "",
        "supply": amount_text(supply_of(found), found),
        "holders": holders_of(found),
        "grade": Grade(found.grade),
        "haircut": Grade(found.grade).haircut_ppm // 10_000,
        "changes": found.grade_changes.all()[:20],
        "listings": listings_of(found),
    }
    return render(request, "venues/asset_page.html", context)


@require_GET
@cache_control(public=True, max_age=31_536_000, immutable=True)
def logo(request: HttpRequest, digest: str, size: int) -> HttpResponse:
    """A venue's logo under the hash of its content; nothing in it is ever anything but a picture."""
    found = Logo.objects.filter(digest=digest).first()
    if found is None:
        raise Http404("There is no such logo.")
    answer = HttpResponse(bytes(found.small if size == SMALL else found.large), content_type="image/webp")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
