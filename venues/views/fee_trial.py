"""What a trial of new fees has come to, as the page of fees shows it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import money_text
from venues.fees import FeeSchedule
from venues.models import PPM, Market, Venue
from venues.services.fee_trials import fee_trial, is_trying_fees
from venues.services.rule_changes import WINDOWS

SHOWN = 12
#: Who pays (minus: gets) and who is paid, by what the sums are called.
PARTS = ("takers", "makers", "others", "protocol", "venue")
Sums = dict[str, int]


def trial_context(venue: Venue, schedule: FeeSchedule, error: str = "") -> dict[str, Any]:
    """The trial of these fees: how far it has come, or both sums of each market, those that change most first."""
    trial = fee_trial(venue, schedule)
    context: dict[str, Any] = {
        "trial": trial,
        "trying": is_trying_fees(trial),
        "trial_error": error or (trial or {}).get("error", ""),
        "windows": [(count, f"{count:,}") for count in WINDOWS],
    }
    if not trial or not trial["found"]:
        return context
    found = trial["found"]
    return context | {
        "found": found,
        "begin": datetime.fromtimestamp(found["begin_ms"] / 1000, UTC),
        "end": datetime.fromtimestamp(found["end_ms"] / 1000, UTC),
        "sheets": _sheets(venue, found),
    }


def _sheets(venue: Venue, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A sheet an asset that fees are paid in."""
    numbers = found["before"].keys() | found["after"].keys()
    markets = Market.objects.filter(venue=venue, number__in=numbers).select_related("quote", "event")
    by_asset: dict[Asset, list[tuple[Market, Sums, Sums]]] = defaultdict(list)
    for market in markets:
        was, would = (_sums(venue, found[run].get(market.number, {})) for run in ("before", "after"))
        by_asset[market.quote].append((market, was, would))
    return [_sheet(asset, rows) for asset, rows in sorted(by_asset.items(), key=lambda item: -len(item[1]))]


def _sheet(asset: Asset, rows: list[tuple[Market, Sums, Sums]]) -> dict[str, Any]:
    rows.sort(key=lambda row: (-abs(row[2]["venue"] - row[1]["venue"]), row[0].symbol))
    left = rows[SHOWN:]
    return {
        "asset": asset,
        "rows": [_row(_name(market), was, would, asset) for market, was, would in rows[:SHOWN]]
        + ([_added(f"{len(left)} more markets", left, asset)] if left else []),
        "sum": _added("All markets", rows, asset),
    }


def _name(market: Market) -> str:
    return f"{market.event.title} · {market.outcome_name}" if market.event else market.symbol


def _added(name: str, rows: list[tuple[Market, Sums, Sums]], asset: Asset) -> dict[str, Any]:
    parts = (*PARTS, "volume")
    was = {part: sum(before[part] for _, before, _ in rows) for part in parts}
    would = {part: sum(after[part] for _, _, after in rows) for part in parts}
    return _row(name, was, would, asset)


def _row(name: str, was: Sums, would: Sums, asset: Asset) -> dict[str, Any]:
    cells = [
        {"was": money_text(was[part], asset), "would": money_text(would[part], asset), "label": LABELS[part]}
        for part in PARTS
    ]
    return {"name": name, "volume": money_text(was["volume"], asset), "cells": cells}


LABELS = {
    "takers": "Takers pay",
    "makers": "Makers pay",
    "others": "Builders, referrers",
    "protocol": "Protocol",
    "venue": "You",
}


def _sums(venue: Venue, charged: Mapping[str, int]) -> Sums:
    """Who pays and who is paid, as ``venues/revenue.py`` parts it."""
    takers, makers = charged.get("taker_fees", 0), charged.get("maker_fees", 0)
    builders, referrers = charged.get("builders", 0), charged.get("referrers", 0)
    protocol = max(0, takers + makers - builders) * venue.protocol_share_ppm // PPM
    return {
        "volume": charged.get("volume", 0),
        "takers": takers,
        "makers": makers,
        "others": builders + referrers,
        "protocol": protocol,
        "venue": takers + makers - builders - referrers - protocol,
    }
