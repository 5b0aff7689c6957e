"""Money between a trader's wallet and a venue, and out of the wallet to addresses outside."""

from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction

from exchange_os.ledger.models import Direction, Transfer, Withdrawal
from exchange_os.ledger.selectors import asset_by_symbol, to_units
from exchange_os.ledger.services import transfer_named
from exchange_os.ledger.services.withdrawals import cancel_withdrawal, request_withdrawal
from trading.services.accounts import ensure_account
from venues.models import Venue
from venues.services.transfers import start_deposit, start_withdrawal

FUNDING, TRADING = "6", "18"

__all__ = ["FUNDING", "TRADING", "cancel_withdrawal", "move_funds", "withdraw"]


def move_funds(
    user_id: int, venue_id: int, symbol: str, amount: Decimal, *, deposit: bool, client_id: str = ""
) -> Transfer:
    """Move a decimal ``amount`` of an asset to the venue, or back to the wallet; answers the transfer on its
    way. A repeated ``client_id`` answers the transfer it named and moves nothing.

    Errors: ``asset_unlisted``, ``amount_invalid``, ``amount_too_fine``, ``amount_too_large``, ``client_id_used``, and
    those of ``ensure_account``, ``start_deposit`` and ``start_withdrawal``.
    """
    user = get_user_model().objects.get(pk=user_id)
    venue = Venue.objects.get(pk=venue_id)
    asset = asset_by_symbol(symbol)
    account = ensure_account(user, venue)
    units = to_units(amount, asset)
    way = Direction.DEPOSIT if deposit else Direction.WITHDRAW
    start = start_deposit if deposit else start_withdrawal
    with transaction.atomic():
        known = (
            transfer_named(user_id, client_id, way, venue.group_id, account.number, asset, units)
            if client_id
            else None
        )
        return known or start(user, venue, account.number, asset, units, client_id)


def withdraw(user_id: int, symbol: str, amount: Decimal, address: str, client_id: str = "") -> Withdrawal:
    """Send a decimal ``amount`` of an asset from the wallet to ``address``, as ``request_withdrawal``.

    Errors: its own, ``asset_unlisted``, ``amount_too_fine`` and ``amount_too_large``.
    """
    user = get_user_model().objects.get(pk=user_id)
    asset = asset_by_symbol(symbol)
    return request_withdrawal(user, asset, address, to_units(amount, asset), client_id=client_id)
