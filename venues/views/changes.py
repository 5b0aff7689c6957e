"""The console's pages of changes: rules of markets as drafts with their effect, acts that wait for a second person."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_text
from venues.console import Console, console_page
from venues.errors import Refusals
from venues.fields import Field, mark
from venues.inputs import text_of
from venues.models import Market, Phase, RuleChange, RuleState
from venues.rules import BY_NAME, current_values, rules_of, shown, typed, unit_of
from venues.services.capacity import settlement_asset
from venues.services.rule_changes import (
    WINDOWS,
    changes_of_rules,
    draft_change,
    is_trying,
    notice_hours,
    submit_change,
    trial_percent,
    try_change,
    undo_change,
    withdraw_change,
)
from venues.services.two_people import ACTS, approve_act, waiting_acts, withdraw_act

SHOWN = 50
BADGES = {
    RuleState.DRAFT: "",
    RuleState.WAITING: "badge-warn",
    RuleState.LOCKED: "badge-accent",
    RuleState.LIVE: "badge-up",
    RuleState.FAILED: "badge-down",
}


@require_GET
@console_page("changes")
def changes(console: Console) -> HttpResponse:
    """What waits, what was changed, and where to change more."""
    acts = [
        {"act": act, "kind": ACTS[act.act], "mine": act.requested_by_id == console.request.user.pk,
         "may": console.may(ACTS[act.act].role), "facts": _facts(act.parameters)}
        for act in waiting_acts(console.venue)
    ]  # fmt: skip
    rows = [
        {"change": row, "badge": BADGES.get(RuleState(row.state), ""), "diff": _diff(row)}
        for row in changes_of_rules(console.venue)[:SHOWN]
    ]
    markets = Market.objects.filter(venue=console.venue, kind__in=("spot", "swap")).exclude(
        phase__in=(Phase.PENDING, Phase.SETTLING, Phase.SETTLED)
    )
    return console.render("venues/console/changes.html", {"acts": acts, "rows": rows, "markets": markets})


@require_http_methods(["GET", "POST"])
@console_page("changes")
def new_change(console: Console, number: int) -> HttpResponse:
    """New rules for one market."""
    if not console.is_owner:
        raise PermissionDenied
    market = get_object_or_404(
        Market.objects.select_related("quote", "base").exclude(kind="outcome"),
        venue=console.venue,
        number=number,
    )
    post, now = console.request.POST, current_values(market)
    fields = [
        Field(
            rule.name, rule.label, text_of(post, rule.name) or typed(rule, market, now[rule.name]), "decimal",
            suffix=unit_of(rule, market), maxlength=24,
            hint=f"{shown(rule, market, rule.low)} to {shown(rule, market, rule.high)}. {rule.hint}",
        )
        for rule in rules_of(market)
    ]  # fmt: skip
    context: dict[str, Any] = {"market": market, "fields": fields}
    if console.request.method == "GET":
        return console.render("venues/console/new_change.html", context)
    try:
        change = draft_change(console.request.user, console.venue, number, post)
    except DomainError as refused:
        errors = refused.errors if isinstance(refused, Refusals) else {refused.field or "": refused}
        context["error"] = "" if mark(fields, errors) else refused.message
        return console.render("venues/console/new_change.html", context, status=422)
    return redirect("deployer:change", console.venue.pk, change.pk)


@require_GET
@console_page("changes")
def change(console: Console, change_id: int) -> HttpResponse:
    """One change: what it does, what it would have done, and what comes next."""
    return _page(console, _change(console, change_id))


@require_GET
@console_page("changes")
def trial(console: Console, change_id: int) -> HttpResponse:
    """How far the trial has come, or what came of it (a fragment that asks again while it runs)."""
    return console.render("venues/console/trial.html", _trial_context(_change(console, change_id)))


@require_POST
@console_page("changes")
def act(console: Console, change_id: int, verb: str) -> HttpResponse:
    """Try, propose, withdraw or undo a change."""
    found, user, post = _change(console, change_id), console.request.user, console.request.POST
    commands = text_of(post, "commands")
    verbs: dict[str, Callable[[], RuleChange]] = {
        "try": lambda: try_change(user, found, int(commands) if commands.isdigit() else 0),
        "propose": lambda: submit_change(user, found, text_of(post, "words")),
        "withdraw": lambda: withdraw_change(user, found),
        "undo": lambda: undo_change(user, found),
    }
    if verb not in verbs:
        return HttpResponse(status=404)
    try:
        made = verbs[verb]()
    except DomainError as refused:
        return _page(console, found, refused, 422)
    if verb in ("propose", "undo"):
        messages.success(console.request, _said(made))
    return redirect("deployer:change", console.venue.pk, made.pk)


@require_POST
@console_page("changes")
def pending(console: Console, act_id: int, verb: str) -> HttpResponse:
    """Approve what another member asked for, or withdraw it."""
    user, venue = console.request.user, console.venue
    try:
        if verb == "approve":
            done = approve_act(user, venue, act_id, text_of(console.request.POST, "digest"))
            messages.success(console.request, f"Approved: {ACTS[done.act].label}.")
        else:
            withdraw_act(user, venue, act_id)
            messages.success(console.request, "Withdrawn.")
    except DomainError as refused:
        messages.error(console.request, refused.message)
    return redirect("deployer:changes", venue.pk)


def _page(
    console: Console, found: RuleChange, refused: DomainError | None = None, status: int = 200
) -> HttpResponse:
    asked = next((a for a in waiting_acts(console.venue) if a.parameters.get("change") == found.pk), None)
    context = {
        "change": found,
        "badge": BADGES.get(RuleState(found.state), ""),
        "diff": _diff(found),
        "notice_hours": notice_hours(found),
        "asked": asked,
        "can_withdraw": console.is_owner
        and found.state in (RuleState.WAITING, RuleState.LOCKED, RuleState.DRAFT),
        "can_undo": console.is_owner and found.state == RuleState.LIVE,
        "error": refused.message if refused else "",
        "typed": console.request.POST,
        **_trial_context(found),
    }
    return console.render("venues/console/change.html", context, status=status)


def _said(change: RuleChange) -> str:
    if change.state == RuleState.WAITING:
        return "It waits for a second person."
    if change.effective and change.effective > timezone.now():
        return f"Announced: in force from {change.effective:%d %B %Y, %H:%M} UTC."
    return "It is put in force within seconds."


def _change(console: Console, change_id: int) -> RuleChange:
    return get_object_or_404(changes_of_rules(console.venue), pk=change_id)


def _diff(change: RuleChange) -> list[dict[str, Any]]:
    market = change.market
    return [
        {
            "label": rule.label,
            "old": shown(rule, market, change.before[name]),
            "new": shown(rule, market, value),
            "bounds": f"{shown(rule, market, rule.low)} to {shown(rule, market, rule.high)}",
        }
        for name, value in change.values.items()
        for rule in [BY_NAME[name]]
    ]


def _facts(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """Parameters of an act, for people: what it is done to first, numbers of rows left out, nested ones in one line."""
    order: list[str] = [name for name in ("market", "before", "after") if name in parameters]
    order += [name for name in parameters if name not in (*order, "change", "number", "policy")]
    return [(name, _words(parameters[name])) for name in order]


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {text}" for name, text in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _trial_context(change: RuleChange) -> dict[str, Any]:
    found, trying = change.simulation, is_trying(change)
    context = {
        "change": change, "trying": trying, "percent": trial_percent(change) if trying else 0,
        "windows": [(count, f"{count:,}") for count in WINDOWS], "found": found,
    }  # fmt: skip
    if not found:
        return context
    before, after = found["before"], found["after"]
    settlement = settlement_asset(change.venue)
    was = {account for account, _ in before["liquidated"]}
    return context | {
        "rows": _compared(before, after, settlement),
        "newly": [
            (account, amount_text(value, settlement) if settlement else value)
            for account, value in after["liquidated"]
            if account not in was
        ],
        "spared": [
            account for account, _ in before["liquidated"] if account not in dict(after["liquidated"])
        ],
        "refused": sorted(
            (name.replace("_", " ").lower(), before["refused"].get(name, 0), after["refused"].get(name, 0))
            for name in before["refused"].keys() | after["refused"].keys()
            if before["refused"].get(name, 0) != after["refused"].get(name, 0)
        ),
        "begin": datetime.fromtimestamp(found["begin_ms"] / 1000, UTC),
        "end": datetime.fromtimestamp(found["end_ms"] / 1000, UTC),
        "same": before["root"] == after["root"],
    }


def _compared(
    before: dict[str, Any], after: dict[str, Any], settlement: Asset | None
) -> list[tuple[str, str, str]]:
    """What both runs came to, line by line."""
    rows = [
        (label, f"{before[name]:,}", f"{after[name]:,}")
        for label, name in (
            ("Accounts liquidated", "accounts"), ("Steps of liquidation", "liquidations"),
            ("Deleveraged by others' losses", "deleveraged"),
        )
    ]  # fmt: skip
    rows.append(
        (
            "Orders and commands refused",
            f"{sum(before['refused'].values()):,}",
            f"{sum(after['refused'].values()):,}",
        )
    )
    assets = Asset.objects.in_bulk([int(key) for key in before["fees"].keys() | after["fees"].keys()])
    for pk, asset in sorted(assets.items()):
        fees = [amount_text(run["fees"].get(str(pk), 0), asset) for run in (before, after)]
        rows.append((f"Fees earned, {asset.symbol}", fees[0], fees[1]))
    if settlement:
        fund = [amount_text(run["insurance"], settlement) for run in (before, after)]
        rows.append((f"Insurance fund, {settlement.symbol}", fund[0], fund[1]))
    return rows
