"""The venue a replay runs in: fresh each time, launched by a deployer of its own, with accounts and keys.

The recorded book needs more coins than the faucet gives, so the deployer issues two test assets for it, a base and a
quote of eight decimals, and moves them straight from their wallet to the accounts that trade. Tick 0.01 and lot
0.000001 are the finest that give whole quote units; recorded volumes are rounded down to the lot.
"""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.demo.client import Credentials
from exchange_os.demo.stage import (
    VenuePlan,
    deposit_all,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    make_credentials,
)
from exchange_os.ledger.models import Asset
from exchange_os.ledger.services import create_asset
from venues.models import Venue

BASE_SUPPLY = 1_000_000
QUOTE_SUPPLY = 1_000_000_000
SCALE = 8
UNIT = 10**SCALE


@dataclass(frozen=True, slots=True)
class ReplayStage:
    """A venue with one market, its assets, and a key for each trading account."""

    venue: Venue
    symbol: str
    base: Asset
    quote: Asset
    credentials: list[Credentials]


def open_stage(accounts: int, reference_price: str, source: str) -> ReplayStage:
    """Launch a fresh venue ``replay-<n>`` with ``accounts`` funded accounts; ``source`` names the file.

    Raises what the steps of the stage raise.
    """
    number = 1 + max(
        (
            int(slug.rpartition("-")[2])
            for slug in Venue.objects.filter(slug__regex=r"^replay-\d+$").values_list("slug", flat=True)
        ),
        default=0,
    )
    deployer = ensure_person(f"replay-{number}@demo.example", None)
    ensure_stake(deployer, f"Replay {number}")
    base, quote = (
        _asset(deployer, f"BTC{number}", f"Recorded bitcoin {number}", BASE_SUPPLY),
        _asset(deployer, f"USD{number}", f"Recorded dollar {number}", QUOTE_SUPPLY),
    )
    plan = VenuePlan(
        slug=f"replay-{number}",
        name=f"Replay {number}",
        accent="#b45309",
        description=f"Recorded order flow, not live: the orders of {source[:120]} replayed with test money.",
        markets=(
            {
                "base": base.symbol, "quote": quote.symbol, "tick_size": "0.01", "lot_size": "0.000001",
                "reference_price": reference_price, "band_percent": "50", "maker_fee_percent": "0.01",
                "taker_fee_percent": "0.05",
            },
        ),
    )  # fmt: skip
    venue = ensure_venue(deployer, plan)
    traders = [
        ensure_person(f"replay-{number}-{place}@demo.example", None) for place in range(1, accounts + 1)
    ]
    opened = [ensure_trading_account(trader, venue) for trader in traders]
    deposit_all(
        (deployer, venue, account.number, asset, supply * UNIT // accounts)
        for account in opened
        for asset, supply in ((base, BASE_SUPPLY), (quote, QUOTE_SUPPLY))
    )
    credentials = [make_credentials(account, "replay") for account in opened]
    return ReplayStage(venue, f"{base.symbol}-{quote.symbol}", base, quote, credentials)


def _asset(deployer: AbstractBaseUser, symbol: str, name: str, supply: int) -> Asset:
    """An asset of the deployer's own, issued whole into their wallet."""
    known = Asset.objects.filter(symbol=symbol, issuer_id=deployer.pk).first()
    if known is not None:
        return known
    return create_asset(deployer, symbol=symbol, name=name, scale=SCALE, supply=str(supply), confirmed=True)
