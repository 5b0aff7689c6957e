"""Money between a trader's wallet and a venue."""

from decimal import Decimal

from django.contrib.auth import get_user_model

from exchange_os.ledger.models import Transfer
from exchange_os.ledger.selectors import asset_by_symbol, to_units
from trading.services.accounts import ensure_account
from venues.models import Venue
from venues.services.transfers import start_deposit, start_withdrawal

FUNDING, TRADING = "6", "18"


def move_funds(user_id: int, venue_id: int, symbol: str, amount: Decimal, *, deposit: bool) -> Transfer:
    """Move a decimal ``amount`` of an asset to the venue, or back to the wallet; answers the transfer on its
    way.

    Errors: ``asset_unlisted``, ``amount_invalid``, ``amount_too_fine``, ``amount_too_large``, and those of
    ``ensure_account``, ``start_deposit`` and ``start_withdrawal``.
    """
    user = get_user_model().objects.get(pk=user_id)
    venue = Venue.objects.get(pk=venue_id)
    asset = asset_by_symbol(symbol)
    account = ensure_account(user, venue)
    start = start_deposit if deposit else start_withdrawal
    return start(user, venue, account.number, asset, to_units(amount, asset))
