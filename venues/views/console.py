"""The console's pages of markets with halting and adding, of fees, and of the team."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import listed_assets, money_text
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from venues.console import Console, console_page
from venues.errors import Refusals
from venues.fields import listing_fields, mark
from venues.inputs import text_of
from venues.models import Market, MarketKind, Phase, Role, Venue
from venues.selectors import activity_of
from venues.services.adding import add_market
from venues.services.capacity import settlement_asset
from venues.services.operate import (
    collect_fees,
    fees_collected,
    fees_held,
    halt_market,
    halt_venue,
    resume_market,
    resume_venue,
)
from venues.services.team import (
    accept_invitation,
    decline_invitation,
    invitation_for,
    invite_member,
    remove_member,
    withdraw_invitation,
)
from venues.specs import listing_spec

MARKETS_A_PAGE = 50
#: What the tab Markets is divided into, by the phases of markets.
STATES = {
    "trading": {Phase.PENDING, Phase.OPEN, Phase.AUCTION},
    "halted": {Phase.HALTED},
    "ending": {Phase.CLOSING, Phase.SETTLING},
    "over": {Phase.SETTLED},
}
#: The tab an act comes back to.
BACK = {"halt": "deployer:markets", "resume": "deployer:markets", "collect": "deployer:console"}


@require_GET
@console_page("markets")
def markets(console: Console) -> HttpResponse:
    """The markets, halting and resuming each or all; busiest first, found by words and by state."""
    return console.render("venues/console/markets.html", _listed(console))


@require_GET
@console_page("markets")
def status(console: Console) -> HttpResponse:
    """State and markets of the venue (a fragment that asks again while something is opening)."""
    return console.render("venues/venue_status.html", _listed(console))


def _listed(console: Console) -> dict[str, Any]:
    """A page of the markets in the state and with the words that the address asks for."""
    asked = console.request.GET
    words = asked.get("find", "").strip()[:60]
    every = sorted(activity_of(console.venue), key=lambda row: (-row.units, row.market.number))
    counts = {name: sum(row.market.phase in phases for row in every) for name, phases in STATES.items()}
    state = asked.get("state", "")
    if state not in STATES:
        state = next((name for name, count in counts.items() if count), "trading")
    rows = [row for row in every if row.market.phase in STATES[state] and _has(row.market, words)]
    page = Paginator(rows, MARKETS_A_PAGE).get_page(asked.get("page"))
    return {
        "activity": page.object_list,
        "page": page,
        "words": words,
        "state": state,
        "states": [(name, name.capitalize(), counts[name]) for name in STATES],
        "halt_hours": settings.HALT_HOURS,
    }


def _has(market: Market, words: str) -> bool:
    text = f"{market.symbol} {market.outcome_name} {market.event.title if market.event else ''}".lower()
    return all(word in text for word in words.lower().split())


@require_GET
@console_page("overview")
def fees(console: Console) -> HttpResponse:
    """Fee revenue of the venue, as the kernel has it now (a fragment)."""
    venue = console.venue
    collected = fees_collected(venue)
    try:
        held = fees_held(venue)
    except DomainError:
        return console.render("venues/fees.html", {"away": True})
    assets = Asset.objects.in_bulk([*held, *collected])
    rows = [
        {
            "symbol": item.symbol,
            "total": money_text(held.get(pk, 0) + collected.get(pk, 0), item),
            "held": money_text(held.get(pk, 0), item),
        }
        for pk, item in sorted(assets.items())
    ]
    collectable = bool(held) and console.may(Role.TREASURER)
    return console.render("venues/fees.html", {"rows": rows, "collectable": collectable})


@require_POST
@console_page("overview")
def operate(console: Console, verb: str) -> HttpResponse:
    """Halt, resume, or collect the fees of the venue."""
    venue, reason = console.venue, text_of(console.request.POST, "words")[:300]
    verbs: dict[str, tuple[Callable[[Any, Venue], Any], str]] = {
        "halt": (
            lambda user, where: halt_venue(user, where, reason),
            f"{venue.name} is halted: orders can only be cancelled.",
        ),
        "resume": (resume_venue, f"{venue.name} trades again."),
        "collect": (collect_fees, "Fees are on their way to the deployer's wallet."),
    }
    act, done = verbs[verb]
    return _do(console, lambda: act(console.request.user, venue), lambda _: done, BACK[verb])


@require_POST
@console_page("markets")
def operate_market(console: Console, number: int, verb: str) -> HttpResponse:
    """Halt or resume one market of the venue."""
    if verb not in ("halt", "resume"):
        return HttpResponse(status=404)
    act = halt_market if verb == "halt" else resume_market
    done = "is halted: orders can only be cancelled" if verb == "halt" else "trades again"
    return _do(
        console,
        lambda: act(console.request.user, console.venue, number),
        lambda market: f"{market.symbol} {done}.",
        "deployer:markets",
    )


@require_http_methods(["GET", "POST"])
@console_page("markets")
def new_market(console: Console) -> HttpResponse:
    """Add a market to the open venue."""
    request, venue = console.request, console.venue
    kind = request.POST.get("kind") or request.GET.get("kind") or MarketKind.SPOT.value
    kind = kind if kind in MarketKind.values else MarketKind.SPOT.value
    data = request.POST if request.method == "POST" else {"kind": kind}
    fields = listing_fields(data, list(listed_assets()))
    context: dict[str, Any] = {"venue": venue, "fields": fields, "kind": kind, "kinds": MarketKind.choices}
    if request.method == "GET":
        return console.render("venues/market.html", context)
    taken = set(venue.markets.values_list("symbol", flat=True))
    typing = request.headers.get("HX-Request") == "true"
    try:
        spec = listing_spec(request.POST, taken=taken, settlement=settlement_asset(venue))
        if typing:
            return render(request, "venues/checked.html", context | {"wrong": 0})
        add_market(request.user, venue, spec)
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, Refusals) else {refused.field or "": refused}
        wrong = mark(fields, errors, typed_only=typing)
        if typing:
            return render(
                request, "venues/checked.html", context | {"wrong": wrong}, status=422 if wrong else 200
            )
        context["error"] = "" if wrong else refused.message
        return console.render("venues/market.html", context, status=422)
    messages.success(request, f"{spec.symbol} opens on {venue.name} in a moment.")
    return redirect("deployer:markets", venue.pk)


@require_http_methods(["GET", "POST"])
@console_page("team")
def team(console: Console) -> HttpResponse:
    """Members and their roles; an owner invites here."""
    if console.request.method == "GET":
        return _team(console)
    post = console.request.POST
    email, role = text_of(post, "email"), text_of(post, "role")
    try:
        invitation, token = invite_member(console.request.user, console.venue, email, role)
    except DomainError as refused:
        return _team(console, {"refused": refused, "typed": post}, 422)
    link = console.request.build_absolute_uri(reverse("deployer:invitation", args=[token]))
    send_mail(
        f"{console.venue.name} invites you",
        f"{console.venue.deployer.name} invites you to {console.venue.name} as {invitation.get_role_display()}.\n\n"
        f"Sign in with this address and open {link}\n",
        None,
        [invitation.email],
        fail_silently=True,
    )
    return _team(console, {"made": invitation, "link": link})


@require_POST
@console_page("team")
def dismiss(console: Console, kind: str, row_id: int) -> HttpResponse:
    """Take a role away, or an invitation back."""
    act, done = (
        (remove_member, "The role is taken away.")
        if kind == "members"
        else (withdraw_invitation, "The invitation is withdrawn.")
    )
    return _do(
        console, lambda: act(console.request.user, console.venue, row_id), lambda _: done, "deployer:team"
    )


@signed_in
@require_http_methods(["GET", "POST"])
def invitation(request: SignedInRequest, token: str) -> HttpResponse:
    """An invitation as its addressee sees it: what it allows; take it or decline."""
    try:
        found = invitation_for(request.user, token)
        if request.method == "GET":
            return render(
                request, "venues/console/invitation.html", {"invitation": found, "venue": found.venue}
            )
        if request.POST.get("answer") == "decline":
            decline_invitation(request.user, token)
            messages.success(request, "The invitation is declined.")
            return redirect("deployer:home")
        accept_invitation(request.user, token)
    except DomainError as refused:
        return render(request, "venues/console/invitation.html", {"refused": refused}, status=404)
    messages.success(request, f"You are {found.get_role_display().lower()} of {found.venue.name}.")
    return redirect("deployer:console", found.venue_id)


def _team(console: Console, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    members: dict[int, dict[str, Any]] = {}
    for row in console.venue.members.select_related("user"):
        members.setdefault(row.user_id, {"user": row.user, "rows": []})["rows"].append(row)
    context = {
        "members": list(members.values()),
        "invitations": console.venue.invitations.all(),
        "role_choices": Role.choices,
        **(more or {}),
    }
    return console.render("venues/console/team.html", context, status=status)


def _do(console: Console, act: Callable[[], Any], done: Callable[[Any], str], back: str) -> HttpResponse:
    """One act of a member, told in a message, and back to its page (where they may be: else to the overview)."""
    try:
        made = act()
    except DomainError as refused:
        messages.error(console.request, refused.message)
    else:
        messages.success(console.request, done(made))
    return redirect(back, console.venue.pk)
