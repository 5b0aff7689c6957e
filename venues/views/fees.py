"""The fees of a venue: what they are, a change with its effect shown first, its notice, and every change there was."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import decimal_text
from exchange_os.parameters.selectors import whole
from venues.console import Console, console_page
from venues.economics import trade_example
from venues.errors import Refusals
from venues.fees import MAX_TIERS, FeeSchedule, kind_label, schedule_from
from venues.models import PPM, FeeChange, MarketKind
from venues.services.fee_changes import (
    announce_fees,
    apply_due_fees,
    changes_of,
    schedule_of,
    waiting_change,
    withdraw_fees,
)


@require_http_methods(["GET", "POST"])
@console_page("fees")
def fees(console: Console) -> HttpResponse:
    """The schedule as a form; sent once it is shown as a change, sent with ``confirmed`` it is announced."""
    venue, post = console.venue, console.request.POST
    current = schedule_of(venue)
    kinds = [kind for kind in MarketKind.values if kind in current.rates]
    values, errors, change, status = _values(current), {}, None, 200
    if console.request.method == "POST":
        values = {name: post.get(name, "") for name in {*values, *post}}
        try:
            wanted = schedule_from(post, kinds)
            if "confirmed" in post:
                return _announced(console, announce_fees(console.request.user, venue, wanted))
            change = _difference(current, wanted)
        except Refusals as refused:
            errors, status = {name: each.message for name, each in refused.errors.items()}, 422
        except DomainError as refused:
            errors, status = {"": refused.message}, 422
    context = {
        "tables": [_table(kind, values, errors) for kind in kinds],
        "tiers": [_tier(tier, values, errors) for tier in range(MAX_TIERS)],
        "referral": (values.get("referral", ""), errors.get("referral", "")),
        "builder_cap": (values.get("builder_cap", ""), errors.get("builder_cap", "")),
        "error": errors.get("", ""),
        "change": change,
        "posted": {name: value for name, value in values.items() if name not in ("csrfmiddlewaretoken",)},
        "waiting": waiting_change(venue),
        "history": [_history_row(each) for each in changes_of(venue)[:20]],
        "unit": settings.VALUE_ASSET,
        "notice_hours": whole("fee_notice_hours"),
        "max_referral": f"{settings.MAX_REFERRAL_PPM * 100 / PPM:g}",
    }
    return console.render("venues/console/fees.html", context, status=status)


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
                        "example": trade_example("", settings.VALUE_ASSET, will[1], will[0]),
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
