"""What orders may draw from the wallet, and what they have drawn."""

from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from exchange_os.ledger.models import Asset, TransferState
from exchange_os.ledger.selectors import amount_words, wallet_balance
from trading.models import AutoFunding, TicketFunding, TradingAccount
from venues.models import Phase, Venue
from venues.selectors import markets_of


@dataclass(frozen=True)
class Room:
    """What an order may draw now, in units, and in words what bounds it."""

    units: int
    bound: str


def auto_funding_of(user_id: int, venue_id: int, asset_id: int) -> AutoFunding | None:
    """The user's leave, if it was given and is on."""
    rows = AutoFunding.objects.filter(user_id=user_id, venue_id=venue_id, asset_id=asset_id, on=True)
    return rows.select_related("asset").first()


def funding_assets(venue: Venue) -> list[Asset]:
    """What orders at the venue are paid in: quote and settlement assets of its markets, by symbol."""
    markets = markets_of(venue).exclude(phase=Phase.PENDING)
    return list(Asset.objects.filter(pk__in=markets.values("quote_id")).order_by("symbol"))


def funding_settings(user_id: int, venue: Venue) -> dict[int, AutoFunding]:
    """``{asset id: setting}`` of the user at the venue, those switched off too."""
    return {row.asset_id: row for row in AutoFunding.objects.filter(user_id=user_id, venue=venue)}


def funding_of_ticket(account: TradingAccount, client_id: str) -> TicketFunding | None:
    """The deposit the order of that client id has drawn, if it has."""
    rows = TicketFunding.objects.filter(account=account, client_id=client_id)
    return rows.select_related("transfer__asset").first()


def drawn_today(account: TradingAccount, asset: Asset) -> int:
    """Units of the asset which orders of the account drew since midnight UTC; what came back does not count."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = TicketFunding.objects.filter(account=account, transfer__asset=asset, created__gte=midnight)
    kept = rows.exclude(transfer__state=TransferState.REFUSED)
    return int(kept.aggregate(drawn=Sum("transfer__amount"))["drawn"] or 0)


def room_of(account: TradingAccount, leave: AutoFunding) -> Room:
    """What one more order may draw: the least of its bound, what is left of the day's, and the wallet."""
    asset = leave.asset
    left = max(0, leave.per_day - drawn_today(account, asset))
    held = wallet_balance(account.user_id, asset)
    return min(
        Room(held, f"the {amount_words(held, asset)} in your wallet"),
        Room(leave.per_order, f"your limit of {amount_words(leave.per_order, asset)} an order"),
        Room(left, f"the {amount_words(left, asset)} left of your limit a day"),
        key=lambda room: room.units,
    )


def leave_sentence(leave: AutoFunding | None) -> str:
    """The leave in a ticket; empty without one."""
    if leave is None:
        return ""
    return f"The wallet pays what is missing, at most {amount_words(leave.per_order, leave.asset)} an order."
