"""Trading accounts and what they hold, live from the kernel."""

from dataclasses import dataclass
from typing import Any

from exchange_os.engine import client
from exchange_os.engine.gateway import get_gateway
from exchange_os.ledger.models import Asset
from trading.models import TradingAccount
from trading.selectors.catalogue import VenueCatalogue
from trading.selectors.positions import Holdings, holdings_of_kernel
from venues.models import Venue
from venues.selectors import markets_of


@dataclass(frozen=True)
class Balance:
    """Units of an asset at a venue: ``total = free + held``; ``held`` backs open orders."""

    asset: Asset
    total: int
    free: int
    held: int


def newest_venue(user_id: int) -> str:
    """Address of the venue at which the user opened the newest account; empty if there is none."""
    own = TradingAccount.objects.filter(user_id=user_id, opened_at__isnull=False).order_by("-pk")
    return own.values_list("venue__slug", flat=True).first() or ""


def account_of(user_id: int, venue: Venue) -> TradingAccount | None:
    """The user's account at the venue, ``None`` before the first use."""
    return TradingAccount.objects.select_related("venue").filter(user_id=user_id, venue=venue).first()


def _balances(answer: dict[str, Any], assets: dict[int, Asset]) -> list[Balance]:
    return [
        Balance(assets[row["asset"]], row["total"], row["free"], row["held"])
        for row in answer.get("balances", ())
        if row["asset"] in assets
    ]


def balances(account: TradingAccount) -> list[Balance]:
    """What the account holds, live; empty before the kernel knows the account."""
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    markets = markets_of(account.venue).select_related("base", "quote")
    assets = {asset.pk: asset for market in markets for asset in market.balance_assets}
    return _balances(answer, assets)


def standing(account: TradingAccount) -> tuple[list[Balance], Holdings]:
    """Balances, margin and positions of the account at one moment, live."""
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    markets = markets_of(account.venue).select_related("base", "quote")
    assets = {asset.pk: asset for market in markets for asset in market.balance_assets}
    return _balances(answer, assets), holdings_of_kernel(answer)


async def live_account(catalogue: VenueCatalogue, account: int) -> tuple[list[Balance], Holdings]:
    """Balances, margin and positions of account number ``account`` at one moment, live."""
    answer = await get_gateway().query(catalogue.group_id, {"q": "account", "account": account})
    return _balances(answer, catalogue.assets), holdings_of_kernel(answer)
