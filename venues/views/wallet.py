"""The wallet: balances here and at venues, test funds, transfers and their history.

The trader's side, above this app, knows who has which account at a venue; it hands its ``AccountDirectory`` to
``WalletView`` when the addresses are wired.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from exchange_os.engine.errors import Busy
from exchange_os.errors import DomainError
from exchange_os.ledger.faucet import FUNDING_SOURCE
from exchange_os.ledger.models import AccountKind, Asset, Direction, Transfer, TransferState
from exchange_os.ledger.selectors import (
    amount_text,
    amount_words,
    asset_by_symbol,
    balances_of,
    listed_assets,
    to_units,
    transfers_of,
    wallet_balance,
    wallet_history,
)
from exchange_os.ui.requests import SignedInRequest
from exchange_os.ui.toasts import trigger
from venues.fields import Field
from venues.inputs import text_of
from venues.models import Phase, Venue
from venues.selectors import live_venues, markets_of, venue_by_slug
from venues.services.asking import ask
from venues.services.transfers import AccountDirectory, refusal_text, start_deposit, start_withdrawal

HISTORY_ROWS = 25
VENUE_TIMEOUT_SECONDS = 1.5
MOST_UNANSWERED = 2  # then the engine is away, and the other venues are not asked
OTHER_VENUES = 100
CHANGED = "wallet-changed"
ARRIVED = "test-funds-arrived"  # the form of a transfer follows it, which is gone while a transfer is shown


class WalletView(LoginRequiredMixin, View):
    """What the wallet's pages share: the directory of accounts, given when they are wired."""

    accounts: AccountDirectory = None  # type: ignore[assignment]  # as_view() wants the name to exist


def wallet_rows(user_id: int) -> list[dict[str, Any]]:
    """Every listed asset that the user holds or the faucet gives, with what is in the wallet and on its way."""
    kinds = (AccountKind.WALLET, AccountKind.IN_TRANSIT, AccountKind.STAKE, AccountKind.UNBONDING)
    held = balances_of(user_id, kinds)
    rows = []
    for asset in listed_assets():
        units = {kind: held.get((kind, asset.pk), 0) for kind in kinds}
        if not asset.faucet and not any(units.values()):
            continue
        rows.append(
            {
                "asset": asset,
                "wallet": amount_text(units[AccountKind.WALLET], asset),
                "in_transit": amount_text(units[AccountKind.IN_TRANSIT], asset),
                "stake": amount_text(units[AccountKind.STAKE] + units[AccountKind.UNBONDING], asset),
                "moving": units[AccountKind.IN_TRANSIT] > 0,
                "staked": units[AccountKind.STAKE] + units[AccountKind.UNBONDING] > 0,
                "empty": not any(units.values()),
            }
        )
    return rows


class Page(WalletView):
    """The whole page."""

    def get(self, request: SignedInRequest) -> HttpResponse:
        """Show it; ``venue``, ``asset`` and ``direction`` in the address fill in the transfer."""
        context = {
            "rows": wallet_rows(request.user.pk),
            "offers": _offers(request),
            "form": transfer_form(request, self.accounts, request.GET),
            **history_context(request, self.accounts),
        }
        return render(request, "ledger/wallet.html", context)


class Balances(WalletView):
    """The wallet's balances alone, for htmx after something moved."""

    def get(self, request: SignedInRequest) -> HttpResponse:
        """Show them."""
        return render(
            request,
            "ledger/balances.html",
            {"rows": wallet_rows(request.user.pk), "offers": _offers(request)},
        )


class VenueBalances(WalletView):
    """What the user has at each venue, as its kernel says now (a fragment; venues that do not answer say so)."""

    def get(self, request: SignedInRequest) -> HttpResponse:
        """Ask every venue at which the user has an account."""
        numbers = self.accounts.numbers(request.user.pk)
        venues = live_venues().filter(pk__in=numbers)
        assets = {asset.pk: asset for asset in listed_assets()}
        rows: list[dict[str, Any]] = []
        away: list[Venue] = []
        for venue in venues:
            try:
                if len(away) >= MOST_UNANSWERED:
                    raise Busy(1000)
                balances = venue_balances(venue, numbers[venue.pk])
            except DomainError:
                away.append(venue)
                continue
            rows += [
                {
                    "venue": venue,
                    "asset": assets[item["asset"]],
                    "total": amount_text(item["total"], assets[item["asset"]]),
                    "free": amount_text(item["free"], assets[item["asset"]]),
                    "held": amount_text(item["held"], assets[item["asset"]]),
                }
                for item in balances
                if item["total"]
            ]
        return render(request, "ledger/venue_balances.html", {"rows": rows, "away": away})


class History(WalletView):
    """One page of the wallet's movements (a fragment)."""

    def get(self, request: SignedInRequest) -> HttpResponse:
        """Show the newest, or those before ``before``."""
        return render(request, "ledger/history.html", history_context(request, self.accounts))


class Faucet(WalletView):
    """Test funds."""

    def post(self, request: SignedInRequest) -> HttpResponse:
        """Claim one portion of ``asset``."""
        try:
            asset = asset_by_symbol(text_of(request.POST, "asset"), field="asset")
            units = FUNDING_SOURCE.claim(request.user, asset)
        except DomainError as refused:
            messages.error(request, refused.message)
            status = 422
        else:
            messages.success(request, f"{amount_words(units, asset)} of test funds are in your wallet.")
            status = 200
        if request.headers.get("HX-Request") != "true":
            target = text_of(request.POST, "next")
            local = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
            return redirect(target if local else "wallet:page")
        context = {"rows": wallet_rows(request.user.pk), "offers": _offers(request)}
        response = trigger(render(request, "ledger/balances.html", context, status=status), CHANGED)
        return trigger(response, ARRIVED)


class Form(WalletView):
    """The transfer's form as chosen: venues, assets and what is available follow one another (a fragment)."""

    def get(self, request: SignedInRequest) -> HttpResponse:
        """Show it; ``max`` fills in all that is available."""
        return render(
            request, "ledger/transfer_form.html", {"form": transfer_form(request, self.accounts, request.GET)}
        )


class Start(WalletView):
    """A new transfer."""

    def post(self, request: SignedInRequest) -> HttpResponse:
        """Start it and show its progress; 422 with the form if it is refused."""
        form = transfer_form(request, self.accounts, request.POST)
        try:
            transfer = start_transfer(request, self.accounts)
        except DomainError as refused:
            spot = refused.field if refused.field in form["fields"] else "amount"
            form["fields"][spot].error = refused.message
            if request.headers.get("HX-Request") != "true":
                messages.error(request, refused.message)
                return redirect("wallet:page")
            return render(request, "ledger/transfer_form.html", {"form": form}, status=422)
        if request.headers.get("HX-Request") != "true":
            return redirect("wallet:page")
        return trigger(
            render(request, "ledger/transfer.html", _transfer_context(transfer, self.accounts)), CHANGED
        )


class Progress(WalletView):
    """One transfer's progress (a fragment that asks again until it is over)."""

    def get(self, request: SignedInRequest, transfer_id: int) -> HttpResponse:
        """Show it; when it is over the balances are told."""
        transfer = transfers_of(request.user.pk).filter(pk=transfer_id).first()
        if transfer is None:
            return HttpResponse(status=404)
        response = render(request, "ledger/transfer.html", _transfer_context(transfer, self.accounts))
        return trigger(response, CHANGED) if transfer.state != TransferState.REQUESTED else response


def start_transfer(request: SignedInRequest, accounts: AccountDirectory) -> Transfer:
    """The posted transfer, started. Raises ``DomainError`` with the field at fault."""
    slug = text_of(request.POST, "venue")
    if not slug:
        raise DomainError("venue_missing", "Choose a venue.", field="venue")
    venue = venue_by_slug(slug)
    asset = asset_by_symbol(text_of(request.POST, "asset"), field="asset")
    units = to_units(text_of(request.POST, "amount"), asset, field="amount")
    if text_of(request.POST, "direction") == Direction.WITHDRAW:
        account = accounts.numbers(request.user.pk).get(venue.pk)
        if account is None:
            raise DomainError("no_account", f"You have nothing at {venue.name} yet.", field="venue")
        return start_withdrawal(request.user, venue, account, asset, units)
    held = wallet_balance(request.user.pk, asset)
    if units > held:
        raise DomainError(
            "insufficient_funds",
            f"Your wallet holds {amount_words(held, asset)}; lower the amount.",
            field="amount",
        )
    return start_deposit(request.user, venue, accounts.ensure(request.user, venue), asset, units)


def transfer_form(request: SignedInRequest, accounts: AccountDirectory, data: Any) -> dict[str, Any]:
    """The transfer form as chosen so far, with what is available."""
    back = text_of(data, "direction") == Direction.WITHDRAW
    venues = _choices(accounts.numbers(request.user.pk), text_of(data, "venue"))
    venue = next(
        (item for item in venues if item.slug == text_of(data, "venue")), venues[0] if venues else None
    )
    assets = traded_assets(venue) if venue else []
    asset = next((item for item in assets if item.symbol == text_of(data, "asset").upper()), None)
    asset = asset or next(iter(assets), None)
    available = _available(request, accounts, venue, asset, back)
    amount = text_of(data, "amount")
    if text_of(data, "max") and asset and available:
        amount = amount_text(available, asset)
    hint = ""
    if asset:
        place = venue.name if back and venue else "Your wallet"
        hint = (
            f"{place} did not answer."
            if available is None
            else f"Available: {amount_words(available, asset)}"
        )
    fields = {
        "venue": Field("venue", "Venue", venue.slug if venue else "", "select",
                       options=[(item.slug, item.name) for item in venues]),
        "asset": Field("asset", "Asset", asset.symbol if asset else "", "select",
                       options=[(item.symbol, f"{item.symbol} · {item.name}") for item in assets]),
        "amount": Field("amount", "Amount", amount, "decimal", hint,
                        suffix=asset.symbol if asset else "", placeholder="0"),
    }  # fmt: skip
    return {
        "fields": fields,
        "direction": "withdraw" if back else "deposit",
        "venues": venues,
        "venue_name": venue.name if venue else "",
    }


def _choices(numbers: dict[int, int], chosen: str) -> list[Venue]:
    """Venues to choose from: the user's own, the chosen one, and the first others by name."""
    own = list(live_venues().filter(Q(pk__in=numbers) | Q(slug=chosen)))
    others = live_venues().exclude(pk__in=[venue.pk for venue in own])[:OTHER_VENUES]
    return [*own, *others]


def traded_assets(venue: Venue) -> list[Asset]:
    """The assets in which a venue has markets, by symbol."""
    markets = markets_of(venue).exclude(phase=Phase.PENDING).select_related("base", "quote")
    found = {asset.pk: asset for market in markets for asset in market.balance_assets}
    return sorted(found.values(), key=lambda asset: asset.symbol)


def venue_balances(venue: Venue, account: int) -> list[dict[str, int]]:
    """Balances of an account as its kernel holds them now. Raises the engine's ``DomainError``."""
    return list(ask(venue.group_id, {"q": "account", "account": account}, VENUE_TIMEOUT_SECONDS)["balances"])


def _venues_of(user_id: int, transfers: Iterable[Transfer], accounts: AccountDirectory) -> dict[int, Venue]:
    """``{transfer id: the venue whose account it is about}``; a risk group may be shown by several venues."""
    transfers = list(transfers)
    numbers = accounts.numbers(user_id)
    groups: dict[int, list[Venue]] = {}
    for venue in Venue.objects.filter(group_id__in={transfer.group_id for transfer in transfers}):
        groups.setdefault(venue.group_id, []).append(venue)
    found = {}
    for transfer in transfers:
        venues = sorted(groups.get(transfer.group_id, ()), key=lambda venue: venue.fronts_id is not None)
        own = [venue for venue in venues if numbers.get(venue.pk) == transfer.account]
        if venues:
            found[transfer.pk] = (own or venues)[0]
    return found


def history_context(request: SignedInRequest, accounts: AccountDirectory) -> dict[str, Any]:
    """A page of the wallet's movements, and of transfers on their way."""
    before = text_of(request.GET, "before")
    entries = wallet_history(request.user.pk)
    if before.isdigit() and len(before) < 19:
        entries = entries.filter(pk__lt=int(before))
    found = list(entries[: HISTORY_ROWS + 1])
    moved = [entry.posting.transfer for entry in found if entry.posting.transfer]
    venues = _venues_of(request.user.pk, moved, accounts)
    rows = [
        {
            "entry": entry,
            "asset": entry.account.asset,
            "amount": amount_text(abs(entry.amount), entry.account.asset),
            "incoming": entry.amount > 0,
            "venue": venues.get(entry.posting.transfer_id or 0),
            "transfer": entry.posting.transfer,
            "reason": refusal_text(entry.posting.transfer) if entry.posting.transfer else "",
        }
        for entry in found[:HISTORY_ROWS]
    ]
    older = found[HISTORY_ROWS - 1].pk if len(found) > HISTORY_ROWS else None
    return {"history": rows, "older": older, "first": not before}


def _available(
    request: SignedInRequest, accounts: AccountDirectory, venue: Venue | None, asset: Asset | None, back: bool
) -> int | None:
    """Units that the transfer could move; ``None`` if the venue does not answer."""
    if asset is None or venue is None:
        return 0
    if not back:
        return wallet_balance(request.user.pk, asset)
    account = accounts.numbers(request.user.pk).get(venue.pk)
    if account is None:
        return 0
    try:
        balances = venue_balances(venue, account)
    except DomainError:
        return None
    return next((item["free"] for item in balances if item["asset"] == asset.pk), 0)


def _offers(request: SignedInRequest) -> list[dict[str, Any]]:
    return [
        {"asset": offer.asset, "amount": amount_text(offer.amount, offer.asset), "left": offer.left}
        for offer in FUNDING_SOURCE.offers(request.user)
    ]


def _transfer_context(transfer: Transfer, accounts: AccountDirectory) -> dict[str, Any]:
    return {
        "transfer": transfer,
        "amount": amount_text(transfer.amount, transfer.asset),
        "venue": _venues_of(transfer.user_id, [transfer], accounts).get(transfer.pk),
        "moving": transfer.state == TransferState.REQUESTED,
        "refused": transfer.state == TransferState.REFUSED,
        "reason": refusal_text(transfer),
    }
