"""The console's tab Access: the policy in force, a new one tried out while it is typed, versions, providers."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from venues.access import CLAIMS, LEVEL_WORDS, LEVELS, PRODUCTS, Permission, Rules, decide_all
from venues.console import Console, console_page
from venues.countries import country_options
from venues.errors import Refusals
from venues.fields import Field
from venues.holders import rules_of
from venues.inputs import text_of
from venues.models import AccessPolicy, Issuer, IssuerKind, PendingAct
from venues.policy_specs import policy_diff, policy_rules, policy_words, typed_of
from venues.selectors import markets_of
from venues.services.access_policies import ensure_desk, propose_policy
from venues.services.kyc_events import add_provider
from venues.tryout import count_holders, in_words, made_up

HINTS = {
    "level": "What everybody here needs.",
    "products": "",
    "issuers": "Whose credentials count.",
    "allowed": "Two letters each, such as DE, FR. Empty: every country that is not blocked.",
    "blocked": "Two letters each, such as KP, IR.",
    "limit_asset": "",
    "order_limit": "By whatever door it comes; empty for none.",
    "deposit_limit": "Each account, by UTC day. Empty for none.",
    "guests": "One address a line. If there is any, nobody else gets in.",
    "banned": "One address a line. They can only cancel and withdraw.",
}


def _notes(errors: Mapping[str, DomainError]) -> dict[str, Field]:
    """What stands under each input: its refusal, or its hint."""
    return {
        name: Field(name, "", hint=hint, error=errors[name].message if name in errors else "")
        for name, hint in HINTS.items()
    }


@require_http_methods(["GET", "POST"])
@console_page("access")
def access(console: Console) -> HttpResponse:
    """The editor; an owner publishes, others read."""
    if console.request.method == "GET":
        rules = rules_of(console.venue)
        return console.render("venues/console/access.html", _context(console, rules, typed_of(rules), {}))
    data = console.request.POST
    try:
        rules = policy_rules(data, _assets(console))
        made = propose_policy(console.request.user, console.venue, rules, text_of(data, "note"))
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, Refusals) else {refused.field or "": refused}
        context = _context(console, rules_of(console.venue), _typed(data), errors)
        context["refusal"] = errors[""].message if "" in errors else ""
        return console.render("venues/console/access.html", context, status=422)
    if isinstance(made, PendingAct):
        messages.warning(
            console.request, "Taking the policy away waits for a second person, or for its time."
        )
        return redirect("deployer:changes", console.venue.pk)
    words = "Anyone may trade now." if rules.is_open else f"Version {made.version} is in force."
    messages.success(console.request, words)
    return redirect("deployer:access", console.venue.pk)


@require_POST
@console_page("access")
def desk(console: Console) -> HttpResponse:
    """Open the venue's own desk, and go on with what is typed: the desk is chosen in it, nothing is in force."""
    try:
        made = ensure_desk(console.request.user, console.venue)
    except DomainError as refused:
        messages.error(console.request, refused.message)
        return redirect("deployer:access", console.venue.pk)
    typed = _typed(console.request.POST)
    typed["issuers"] = [*typed.get("issuers", []), str(made.pk)]
    rules = rules_of(console.venue)
    return console.render("venues/console/access.html", _context(console, rules, typed_of(rules) | typed, {}))


@require_POST
@console_page("access")
def try_out(console: Console) -> HttpResponse:
    """Who could trade under what is typed (a fragment)."""
    data = console.request.POST
    try:
        rules = policy_rules(data, _assets(console))
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, Refusals) else {}
        context = {"wrong": len(errors) or 1, "notes": _notes(errors), "oob": True}
        return console.render("venues/console/access_try.html", context)
    context = _tried(console, rules, data) | {"notes": _notes({}), "oob": True}
    return console.render("venues/console/access_try.html", context)


@require_GET
@console_page("access")
def version(console: Console, number: int) -> HttpResponse:
    """One version beside the one before it."""
    rows = {
        row.version: row
        for row in AccessPolicy.objects.filter(
            venue=console.venue, version__in=[number, number - 1]
        ).select_related("by")
    }
    if number not in rows:
        return HttpResponse(status=404)
    after = Rules.from_json(rows[number].rules)
    before = Rules.from_json(rows[number - 1].rules) if number - 1 in rows else Rules()
    names = _issuer_names()
    context = {
        "policy": rows[number],
        "diff": policy_diff(before, after, names),
        "words": policy_words(after, names, _kinds(console)),
        "in_force": console.venue.access_policy_id == rows[number].pk,
    }
    return console.render("venues/console/access_version.html", context)


@sensitive_variables("secret")
@require_POST
@console_page("access")
def provider(console: Console) -> HttpResponse:
    """Take an external provider on; its secret is shown this once."""
    data = console.request.POST
    try:
        made, secret = add_provider(
            console.request.user, console.venue, text_of(data, "name"), text_of(data, "apply_url")
        )
    except DomainError as refused:
        messages.error(console.request, refused.message)
        return redirect("deployer:access", console.venue.pk)
    rules = rules_of(console.venue)
    context = _context(console, rules, typed_of(rules), {}) | {
        "made": made,
        "secret": secret,
        "hook": console.request.build_absolute_uri(f"/api/kyc/v1/{made.slug}/events"),
    }
    return console.render("venues/console/access.html", context)


def _typed(data: QueryDict) -> dict[str, Any]:
    lists = ("claims", "issuers")
    return {name: data.getlist(name) if name in lists else data.get(name, "") for name in data}


def _assets(console: Console) -> list[str]:
    symbols = markets_of(console.venue).values_list("quote__symbol", flat=True)
    return sorted(set(symbols))


def _kinds(console: Console) -> set[str]:
    return set(markets_of(console.venue).values_list("kind", flat=True)) or set(PRODUCTS)


def _issuer_names() -> dict[int, str]:
    return dict(Issuer.objects.values_list("pk", "name"))


def _tried(console: Console, rules: Rules, data: QueryDict) -> dict[str, Any]:
    now, kinds = timezone.now(), _kinds(console)
    counted = count_holders(console.venue, rules, now)
    rows = [
        {
            "name": PRODUCTS[kind],
            "trade": counted.by_product[kind][Permission.TRADE],
            "reduce": counted.by_product[kind][Permission.REDUCE_ONLY],
            "none": counted.by_product[kind][Permission.NONE],
        }
        for kind in PRODUCTS
        if kind in kinds
    ]
    return {
        "words": policy_words(rules, _issuer_names(), kinds),
        "decisions": in_words(decide_all(rules, made_up(data, rules, now), now), kinds),
        "counted": counted,
        "counts": rows,
    }


def _context(
    console: Console, rules: Rules, typed: dict[str, Any], errors: dict[str, DomainError]
) -> dict[str, Any]:
    issuers = Issuer.objects.filter(active=True).select_related("venue")
    return {
        "rules": rules,
        "typed": typed,
        "notes": _notes(errors),
        "is_open": rules.is_open,
        "levels": [(str(level), name, LEVEL_WORDS.get(level, "nothing is asked")) for level, name in LEVELS.items()],
        "products": [(f"level_{kind}", name, typed.get(f"level_{kind}", "0")) for kind, name in PRODUCTS.items()
                     if kind in _kinds(console)],
        "claims": list(CLAIMS.items()),
        "countries": country_options(),
        "own_issuers": [each for each in issuers if each.venue_id == console.venue.pk],
        "has_desk": any(each.venue_id == console.venue.pk and each.kind == IssuerKind.DESK for each in issuers),
        "other_issuers": [each for each in issuers if each.venue_id != console.venue.pk],
        "assets": _assets(console),
        "versions": AccessPolicy.objects.filter(venue=console.venue).select_related("by")[:20],
        **_tried(console, rules, console.request.POST),
    }  # fmt: skip
