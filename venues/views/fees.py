"""The fees of a venue: what they are, a change with its effect shown first, its notice, and every change there was."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import decimal_text
from exchange_os.parameters.selectors import whole
from venues.console import Console, console_page
from venues.economics import trade_example
from venues.errors import Refusals
from venues.fees import MAX_TIERS, FeeSchedule, kind_label, schedule_from
from venues.inputs import text_of
from venues.models import PPM, FeeChange, MarketKind
from venues.services.fee_changes import (
    announce_fees,
    apply_due_fees,
    changes_of,
    schedule_of,
    waiting_change,
    withdraw_fees,
)
from venues.services.fee_trials import try_fees
from venues.views.fee_trial import trial_context


@require_http_methods(["GET", "POST"])
@console_page("fees")
def fees(console: Console) -> HttpResponse:
    """The schedule as a form; sent once it is shown as a change, sent with ``confirmed`` it is announced."""
    if console.request.method != "POST":
        return _page(console, _values(schedule_of(console.venue)))
    return _answer(console, lambda wanted: _shown_or_announced(console, wanted))


@require_POST
@console_page("fees")
def attempt(console: Console) -> HttpResponse:
    """Try the fees that were sent on the venue's history (``commands``), or say how far that has come: a fragment
    that asks again while it runs, or the page for who has no script."""
    user, venue, post = console.request.user, console.venue, console.request.POST

    def tried(wanted: FeeSchedule) -> HttpResponse:
        commands, error = text_of(post, "commands"), ""
        try:
            if commands:
                try_fees(user, venue, wanted, int(commands) if commands.isdigit() else 0)
        except DomainError as refused:
            error = refused.message
        if console.request.headers.get("HX-Request") == "true":
            context = {"posted": _posted(post), **trial_context(venue, wanted, error)}
            return console.render("venues/console/fee_trial.html", context)
        return _shown_or_announced(console, wanted, error)

    return _answer(console, tried)


def _answer(console: Console, act: Callable[[FeeSchedule], HttpResponse]) -> HttpResponse:
    """What ``act`` makes of the fees that were sent, or the form with what is wrong with them."""
    current, post = schedule_of(console.venue), console.request.POST
    values = {**_values(current), **_posted(post)}
    try:
        return act(schedule_from(post, _kinds(current)))
    except Refusals as refused:
        errors = {name: each.message for name, each in refused.errors.items()}
    except DomainError as refused:
        errors = {"": refused.message}
    return _page(console, values, errors)


def _shown_or_announced(console: Console, wanted: FeeSchedule, trial_error: str = "") -> HttpResponse:
    venue, post = console.venue, console.request.POST
    if "confirmed" in post:
        return _announced(console, announce_fees(console.request.user, venue, wanted))
    current = schedule_of(venue)
    context = {
        "change": _difference(current, wanted),
        "posted": _posted(post),
        **trial_context(venue, wanted, trial_error),
    }
    return _page(console, {**_values(current), **_posted(post)}, context=context)


def _page(
    console: Console,
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    venue, errors = console.venue, errors or {}
    kinds = _kinds(schedule_of(venue))
    shown = {
        "tables": [_table(kind, values, errors) for kind in kinds],
        "tiers": [_tier(tier, values, errors) for tier in range(MAX_TIERS)],
        "referral": (values.get("referral", ""), errors.get("referral", "")),
        "builder_cap": (values.get("builder_cap", ""), errors.get("builder_cap", "")),
        "error": errors.get("", ""),
        "waiting": waiting_change(venue),
        "history": [_history_row(each) for each in changes_of(venue)[:20]],
        "unit": settings.VALUE_ASSET,
        "notice_hours": whole("fee_notice_hours"),
        "max_referral": f"{settings.MAX_REFERRAL_PPM * 100 / PPM:g}",
        **(context or {}),
    }
    return console.render("venues/console/fees.html", shown, status=422 if errors else 200)


def _kinds(schedule: FeeSchedule) -> list[str]:
    return [kind for kind in MarketKind.values if kind in schedule.rates]


def _posted(post: QueryDict) -> dict[str, str]:
    """The fields of the form as they were sent."""
    return {name: post.get(name, "") for name in post if name not in ("csrfmiddlewaretoken", "commands")}


@require_POST
@console_page("fees")
def withdraw(console: Console) -> HttpResponse:
    """Take the announced change back."""
    try:
        withdraw_fees(console.request.user, console.venue)
    except DomainError as refused:
        messages.error(console.request, refused.message)
    else:
        messages.success(console.request, "The change is withdrawn; fees stay as they are.")
    return redirect("deployer:schedule", console.venue.pk)


def _announced(console: Console, change: FeeChange) -> HttpResponse:
    if change.is_rise:
        when = f"{change.effective:%-d %B %Y, %H:%M} UTC"
        messages.success(console.request, f"Announced. The new fees are in force from {when}.")
    else:
        apply_due_fees()
        messages.success(console.request, "Nobody pays more, so the new fees are in force at once.")
    return redirect("deployer:schedule", console.venue.pk)


def percent(ppm: int) -> str:
    """Parts per million as a plain percentage."""
    return decimal_text(Decimal(ppm) / 10_000)


def _values(schedule: FeeSchedule) -> dict[str, str]:
    """The form's fields as the schedule has them."""
    values = {f"volume-{tier}": f"{volume:,}" for tier, volume in enumerate(schedule.volumes) if tier}
    for kind, pairs in schedule.rates.items():
        for tier, (maker, taker) in enumerate(pairs):
            values |= {f"{kind}-{tier}-maker": percent(maker), f"{kind}-{tier}-taker": percent(taker)}
    return values | {
        "referral": percent(schedule.referral_ppm),
        "builder_cap": percent(schedule.builder_cap_ppm),
    }


def _tier(tier: int, values: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    name = f"volume-{tier}"
    return {"tier": tier, "name": name, "value": values.get(name, ""), "error": errors.get(name, "")}


def _table(kind: str, values: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    def cell(tier: int, side: str) -> dict[str, str]:
        name = f"{kind}-{tier}-{side}"
        return {"name": name, "value": values.get(name, ""), "error": errors.get(name, "")}

    rows = [{"tier": tier, "cells": [cell(tier, "maker"), cell(tier, "taker")]} for tier in range(MAX_TIERS)]
    return {"kind": kind, "label": kind_label(kind), "rows": rows}


def _difference(old: FeeSchedule, new: FeeSchedule) -> dict[str, Any]:
    """What the change does to each kind and tier, and to a trade of 1,000."""
    rows = []
    for kind in new.rates:
        for tier in range(max(len(old.volumes), len(new.volumes))):
            was, will = old.pair(kind, tier), new.pair(kind, tier)
            if was != will or old.volumes != new.volumes:
                rows.append(
                    {
                        "kind": kind_label(kind),
                        "tier": tier,
                        "was": [percent(rate) for rate in was],
                        "will": [percent(rate) for rate in will],
                        "dearer": will[0] > was[0] or will[1] > was[1],
                        "example": trade_example(
                            "", settings.VALUE_ASSET, will[1], will[0], outcome=kind == MarketKind.OUTCOME
                        ),
                    }
                )
    shares = [
        (label, percent(was), percent(will))
        for label, was, will in (
            ("Referrers", old.referral_ppm, new.referral_ppm),
            ("Highest builder fee", old.builder_cap_ppm, new.builder_cap_ppm),
        )
        if was != will
    ]
    return {"rows": rows, "shares": shares, "rises": new.is_rise_from(old), "same": new == old}


def _history_row(change: FeeChange) -> dict[str, Any]:
    schedule = FeeSchedule.of(change.schedule)
    badges = {"live": "badge-up", "announced": "badge-warn", "failed": "badge-down"}
    return {
        "change": change,
        "badge": badges.get(change.state, ""),
        "rates": [
            f"{kind_label(kind)} {percent(pairs[0][0])} / {percent(pairs[0][1])}%"
            for kind, pairs in schedule.rates.items()
        ],
        "tiers": len(schedule.volumes),
    }
