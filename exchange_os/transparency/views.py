"""The transparency pages: what is published, journals to download, and a user's own proof, checked in the browser."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, cast

from asgiref.sync import async_to_sync, sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from exchange_os.engine.models import RiskGroup
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import listed_assets
from exchange_os.transparency.models import Night
from exchange_os.transparency.selectors import (
    journal_head,
    journal_parts,
    night_of,
    nights,
    proofs_of,
    statement_of,
)
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.limits import Limit, spend
from venues.models import Venue

NIGHTS_SHOWN = 30
JOURNALS = Limit("journal", 6, 60)


def _words(units: str, scale: int) -> str:
    """Whole units as a decimal of the asset, as people read it."""
    return f"{Decimal(units).scaleb(-scale):,f}"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What was published last, all nights, and the journals of all groups."""
    published = nights(NIGHTS_SHOWN)
    latest = statement_of(published[0]) if published else {"trees": [], "groups": []}
    heads = {row["group"]: row for row in latest["groups"]}
    venues = {venue.group_id: venue for venue in Venue.objects.order_by("-pk")}
    groups = [
        {
            "group": group,
            "venue": venues.get(group.pk),
            "hash": bytes(group.head_hash).hex(),
            "published": heads.get(group.pk),
        }
        for group in RiskGroup.objects.filter(head_sequence__gt=0).order_by("pk")
    ]
    context = {"nights": published, "trees": [_tree_row(tree) for tree in latest["trees"]], "groups": groups}
    return render(request, "transparency/page.html", context)


def _tree_row(tree: dict[str, Any]) -> dict[str, Any]:
    scale = int(tree["scale"])
    owed, held = Decimal(tree["sum"]), Decimal(tree["held"])
    return {
        "asset": tree["asset"], "leaves": tree["leaves"], "hash": tree["hash"],
        "owed": _words(tree["sum"], scale), "held": _words(tree["held"], scale),
        "cover": f"{held * 100 / owed:.2f}%" if owed else "–",
    }  # fmt: skip


@require_safe
def night(request: HttpRequest, day: str) -> HttpResponse:
    """A night as JSON: its statement and the chain."""
    found = _night_or_404(day)
    response = JsonResponse({
        "day": found.day.isoformat(), "previous": found.previous, "digest": found.digest,
        "statement": statement_of(found),
    })  # fmt: skip
    patch_cache_control(response, public=True, max_age=3600)
    return response


@signed_in
@require_safe
def proof(request: SignedInRequest) -> HttpResponse:
    """The user's proofs of the newest night, or of ``?day=``; the page checks them itself."""
    context: dict[str, Any] = {"proofs": [], "night": None, "nights": nights(NIGHTS_SHOWN)}
    try:
        found = night_of(request.GET.get("day"))
        context |= {"night": found, "proofs": _shown(proofs_of(request.user.pk, found))}
    except DomainError as refused:
        context["refused"] = refused.message
    response = render(request, "transparency/proof.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _shown(proofs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    scales = {asset.symbol: asset.scale for asset in listed_assets()}
    return [
        {
            "asset": row["asset"],
            "amount": _words(row["units"], scales.get(row["asset"], 0)),
            "steps": len(row["path"]),
            "data": row,
            "script_id": f"proof-{row['asset']}",
        }
        for row in proofs
    ]


@signed_in
@require_safe
def proof_file(request: SignedInRequest, day: str, asset: str) -> HttpResponse:
    """One proof as a file for ``python -m exchange_kernel proof``."""
    found = _night_or_404(day)
    for row in proofs_of(request.user.pk, found):
        if row["asset"] == asset:
            response = JsonResponse(row, json_dumps_params={"indent": 1})
            response.headers["Content-Disposition"] = f'attachment; filename="proof-{day}-{asset}.json"'
            patch_cache_control(response, private=True, no_store=True)
            return response
    raise Http404("Nothing of that asset was owed to you that night.")


def _night_or_404(day: str) -> Night:
    try:
        return night_of(day)
    except DomainError as refused:
        raise Http404(refused.message) from refused


@require_safe
def journal(request: HttpRequest, group: int) -> HttpResponse:
    """The journal of a group up to its head as a file; ``?until=SEQ`` stops at a published head."""
    verdict = async_to_sync(spend)(JOURNALS, request.META.get("REMOTE_ADDR", ""))
    if not verdict.allowed:
        wait = -(-verdict.retry_after_ms // 1000)
        answer = HttpResponse(
            f"Too many downloads at once; try again in {wait} s.\n", status=429, content_type="text/plain"
        )
        answer.headers["Retry-After"] = str(wait)
        return answer  # fmt: skip
    try:
        head = journal_head(group)
    except DomainError as refused:
        raise Http404(refused.message) from refused
    asked = request.GET.get("until", "")
    until = (
        min(int(asked), head.head_sequence) if asked.isdecimal() and len(asked) < 19 else head.head_sequence
    )
    response = StreamingHttpResponse(_parts(group, until), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="group-{group}.journal"'
    response.headers["X-Journal-Sequence"] = str(until)
    patch_cache_control(response, no_store=True)
    return cast(HttpResponse, response)


async def _parts(group: int, until: int) -> AsyncIterator[bytes]:
    """Part by part, each read in a thread, so that a long journal neither fills memory nor holds up the loop."""
    parts = journal_parts(group, until)
    while part := await sync_to_async(lambda: next(parts, b""))():
        yield part
