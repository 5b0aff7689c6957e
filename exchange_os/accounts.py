"""Wiring: the trader's accounts, as the wallet asks for them."""

from django.contrib.auth.models import AbstractBaseUser

from trading.models import TradingAccount
from trading.services.accounts import ensure_account
from venues.models import Venue


class TradingAccounts:
    """The ``AccountDirectory`` of the wallet over the trader's side."""

    def ensure(self, user: AbstractBaseUser, venue: Venue) -> int:
        """The user's account number at the venue, opened if need be."""
        return int(ensure_account(user, venue).number)

    def numbers(self, user_id: int) -> dict[int, int]:
        """``{venue id: account number}`` of the accounts that the kernels know."""
        rows = TradingAccount.objects.filter(user_id=user_id, opened_at__isnull=False)
        return dict(rows.values_list("venue_id", "number"))
