"""One account over all venues: what it is worth and was, what each position asks for, and money out of the ledger."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Withdrawal, WithdrawalState
from exchange_os.ledger.selectors import (
    amount_text,
    amount_words,
    asset_by_symbol,
    deposits_of,
    listed_assets,
    to_units,
    wallet_balance,
    withdrawals_of,
)
from exchange_os.ledger.services.withdrawals import cancel_withdrawal, request_withdrawal
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import TradingAccount
from trading.pages.margin import position_rows
from trading.selectors.standings import HOUR_MS, Standing, VenueStanding, account_standing, equity_points
from trading.selectors.valuation import worth
from trading.services.equity import record_equity
from trading.services.fees import fees_paid

RANGES = {"1d": ("1D", 24), "1w": ("1W", 24 * 7), "1m": ("1M", 24 * 30), "all": ("All", 0)}
WIDTH, HEIGHT, MARGIN = 640, 160, 6
WITHDRAWALS_SHOWN = 50
OPEN = {
    WithdrawalState.REQUESTED,
    WithdrawalState.APPROVED,
    WithdrawalState.SENDING,
    WithdrawalState.SENT,
}


def money_text(units: int, standing: Standing) -> str:
    """Units of the value asset as people read money: two decimals, rounded towards zero."""
    cents = Decimal(units).scaleb(-standing.unit.scale).quantize(Decimal("0.01"), rounding="ROUND_DOWN")
    return str(cents or abs(cents))  # no minus before a zero


@dataclass(frozen=True)
class Curve:
    """A line of equity as an SVG shows it: ``points`` of the polyline, first, last, lowest and highest as texts."""

    points: str
    first: str
    last: str
    low: str
    high: str
    rises: bool
    rows: list[tuple[int, str]]


def curve_of(points: list[tuple[int, int]], standing: Standing) -> Curve | None:
    """The line through ``points`` (time, worth); ``None`` below two."""
    if len(points) < 2:
        return None
    times, values = [time for time, _ in points], [worth for _, worth in points]
    span, low = max(1, times[-1] - times[0]), min(values)
    height = max(values) - low
    places = [
        (
            (at - times[0]) * WIDTH / span,
            MARGIN + (HEIGHT - 2 * MARGIN) * (1 - (worth - low) / height if height else 0.5),
        )
        for at, worth in points
    ]
    return Curve(
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        first=money_text(values[0], standing),
        last=money_text(values[-1], standing),
        low=money_text(low, standing),
        high=money_text(max(values), standing),
        rises=values[-1] >= values[0],
        rows=[(at // 1000, money_text(worth, standing)) for at, worth in reversed(points)][:30],
    )


@signed_in
@require_safe
def account(request: SignedInRequest) -> HttpResponse:
    """The page; the figures of the venues come with it, those that do not answer are named."""
    now_ms = time.time_ns() // 1_000_000
    standing = account_standing(request.user.pk)
    record_equity(request.user.pk, standing, now_ms)
    chosen = request.GET.get("range", "1w")
    chosen = chosen if chosen in RANGES else "1w"
    hours = RANGES[chosen][1]
    points = equity_points(request.user.pk, now_ms - hours * HOUR_MS if hours else 0)
    if standing.whole:
        points.append((now_ms, standing.total))
    assets = {asset.pk: asset for asset in listed_assets()}
    context = {
        "standing": standing,
        "unit": standing.unit.symbol,
        "total": money_text(standing.total, standing),
        "wallet": money_text(standing.wallet, standing),
        "at_venues": money_text(standing.total - standing.wallet, standing),
        "results": [
            (name, money_text(units, standing), (units > 0) - (units < 0))
            for name, units in (
                ("Unrealised result", standing.unrealised),
                ("Realised in contracts", standing.realised),
                ("Funding", standing.funding),
            )
        ],
        "initial": money_text(standing.initial, standing),
        "maintenance": money_text(standing.maintenance, standing),
        **_fees_context(request.user.pk, standing, assets),
        "venues": [_venue_context(each, standing, assets) for each in standing.venues],
        "curve": curve_of(points, standing),
        "ranges": [(key, label, key == chosen) for key, (label, _) in RANGES.items()],
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "trading/account.html", context)


def _fees_context(user_id: int, standing: Standing, assets: Mapping[int, Asset]) -> dict[str, Any]:
    """Trading fees paid over all venues, at today's prices."""
    own = list(TradingAccount.objects.filter(user_id=user_id).select_related("venue"))
    paid, whole = fees_paid(own)
    total = sum(worth(units, assets[pk], standing.unit, standing.prices) or 0 for pk, units in paid.items())
    return {"fees": money_text(total, standing), "fees_whole": whole}


def _venue_context(each: VenueStanding, standing: Standing, assets: Mapping[int, Asset]) -> dict[str, Any]:
    risk = each.holdings.risk
    shown: dict[str, Any] = {"venue": each.venue, "answered": each.answered}
    if not each.answered:
        return shown
    shown |= {
        "equity": money_text(each.equity, standing),
        "unrealised": money_text(each.unrealised, standing),
        "gain": (each.unrealised > 0) - (each.unrealised < 0),
        "positions": position_rows(each.holdings, each.instruments),
        "balances": [
            (asset.symbol, amount_text(total, asset), amount_text(held, asset) if held else "")
            for asset, total, held in each.balances
        ],
    }
    settlement = assets.get(risk.asset) if risk else None
    if risk is not None and settlement is not None and (risk.maintenance or risk.initial):
        used = 100 if risk.equity <= 0 else min(100, risk.maintenance * 100 // risk.equity)
        names = ("equity", "initial", "maintenance", "free", "withdrawable")
        shown["margin"] = {name: amount_text(getattr(risk, name), settlement) for name in names} | {
            "used": used,
            "ratio": risk.ratio_text,
            "unit": settlement.symbol,
        }
    return shown


def _money_out(request: SignedInRequest) -> dict[str, Any]:
    rows = list(withdrawals_of(request.user.pk)[:WITHDRAWALS_SHOWN])
    assets = [
        (asset, amount_text(held, asset))
        for asset in listed_assets()
        if (held := wallet_balance(request.user.pk, asset))
    ]
    return {
        "withdrawals": [_withdrawal_row(row) for row in rows],
        "moving": any(row.state in OPEN for row in rows),
        "deposits": [
            (entry.posting, amount_text(entry.amount, entry.account.asset), entry.account.asset.symbol)
            for entry in deposits_of(request.user.pk)[:WITHDRAWALS_SHOWN]
        ],
        "assets": assets,
    }


def _withdrawal_row(row: Withdrawal) -> dict[str, Any]:
    order = [WithdrawalState.REQUESTED, WithdrawalState.APPROVED, WithdrawalState.SENDING]
    order += [WithdrawalState.SENT, WithdrawalState.FINAL]
    reached = order.index(WithdrawalState(row.state)) if row.state in order else -1
    return {
        "row": row,
        "amount": amount_text(row.amount, row.asset),
        "open": row.state in OPEN,
        "over": row.state == WithdrawalState.FINAL,
        "back": row.state in (WithdrawalState.CANCELLED, WithdrawalState.RETURNED),
        "cancellable": row.state in (WithdrawalState.REQUESTED, WithdrawalState.APPROVED),
        "steps": [(WithdrawalState(step).label, at <= reached) for at, step in enumerate(order)],
    }


@signed_in
@require_safe
def withdrawals(request: SignedInRequest) -> HttpResponse:
    """Withdrawals with their states, and what came in; the list alone for htmx."""
    form = {"asset": request.GET.get("asset", ""), "address": "", "amount": ""}
    part = "withdrawal_list" if request.headers.get("HX-Request") == "true" else "withdrawals"
    return render(request, f"trading/account/{part}.html", {"form": form, **_money_out(request)})


@signed_in
@reauthentication_required
@require_POST
def withdraw(request: SignedInRequest) -> HttpResponse:
    """Request a withdrawal from the wallet; only shortly after the password or a second factor was given."""
    form = {name: request.POST.get(name, "").strip()[:130] for name in ("asset", "address", "amount")}
    try:
        asset = asset_by_symbol(form["asset"], field="asset")
        amount = to_units(form["amount"][:40], asset, field="amount")
        made = request_withdrawal(
            request.user,
            asset,
            form["address"],
            amount,
            client_id=request.POST.get("client_id", "")[:32],
        )
    except DomainError as refused:
        context = {"form": form, "errors": {refused.field or "amount": refused.message}}
        return render(
            request, "trading/account/withdrawals.html", {**context, **_money_out(request)}, status=422
        )
    messages.success(request, f"{amount_words(made.amount, asset)} set aside for {made.address}.")
    return redirect("pages:withdrawals")


@signed_in
@require_POST
def cancel(request: SignedInRequest, withdrawal_id: int) -> HttpResponse:
    """Bring back what was not sent yet."""
    try:
        made = cancel_withdrawal(request.user.pk, withdrawal_id)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{amount_words(made.amount, made.asset)} are back in your wallet.")
    return redirect("pages:withdrawals")
