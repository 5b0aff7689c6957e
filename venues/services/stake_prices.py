"""The price of the stake asset: watched at its index, kept when it moves, told to deployers when it falls.

Capacity follows the price, so the price must not be in the hands of whom the capacity binds: only the index of a
market that the operator named counts, and an index comes from outside. Where none is named, or it says nothing, the
last price known stays (at first that of the settings).
"""

import logging
import time
from decimal import ROUND_HALF_EVEN, Decimal

from django.conf import settings
from django.db import transaction

from exchange_os.engine.models import PriceCandle
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import decimal_text, stake_asset, stake_balances
from venues.models import Deployer, DeployerNotice, Market, MarketKind, StakePrice
from venues.selectors import LIVE_STATES, instrument
from venues.services.capacity import send_sweep
from venues.stakes import Price, stake_price

log = logging.getLogger(__name__)

FRESH_MS = 15 * 60_000


def watch_stake_prices() -> int:
    """Take the index of every named market as the price of stake; how many prices moved."""
    moved = 0
    for symbol, place in settings.STAKE_PRICE_MARKETS.items():
        settlement = Asset.objects.filter(symbol=symbol).first()
        read = _read_index(place)
        if settlement is None or read is None:
            log.warning("no fresh price of stake in %s from %s", symbol, place)
        else:
            moved += record_stake_price(settlement, read)
    return moved


def record_stake_price(settlement: Asset, new: Price) -> bool:
    """Keep a price of the stake asset if it has moved by a step; whether it had. Deployers hear of a fall.

    A fall is measured from the last price that was announced, or the highest since.
    """
    with transaction.atomic():
        Asset.objects.select_for_update(no_key=True).get(pk=settlement.pk)
        old = stake_price(settlement)
        if new.value <= 0 or abs(new.value - old.value) * 100 < old.value * settings.STAKE_PRICE_STEP_PERCENT:
            return False
        rows = StakePrice.objects.filter(settlement=settlement)
        if not rows.exists():  # what the settings said is what falls are measured from
            rows.create(settlement=settlement, price=_text(old.value), source=old.source, announced=True)
        said = rows.filter(announced=True).order_by("-pk").first()
        before = Decimal(said.price) if said else old.value
        falls = (before - new.value) * 100 >= before * settings.STAKE_PRICE_WARN_PERCENT
        row = StakePrice.objects.create(
            settlement=settlement,
            price=_text(new.value),
            source=new.source,
            announced=falls or new.value >= before,
        )
        if falls:
            _warn(row, before)
        transaction.on_commit(send_sweep)
    return True


def _text(price: Decimal) -> str:
    return decimal_text(price.quantize(Decimal("0.00000001"), ROUND_HALF_EVEN))


def _warn(row: StakePrice, before: Decimal) -> None:
    asset = stake_asset()
    percent = ((before - Decimal(row.price)) * 100 / before).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    text = (
        f"{asset.symbol} fell by {percent}% to {row.price} {row.settlement.symbol}. Your stake carries so much "
        "less open interest; what stands is left alone. Stake more to carry as much as before."
    )
    exposed = Market.objects.exclude(kind=MarketKind.SPOT).filter(
        quote=row.settlement, venue__state__in=LIVE_STATES
    )
    deployers = Deployer.objects.filter(pk__in=exposed.values("venue__deployer"))
    DeployerNotice.objects.bulk_create(
        [
            DeployerNotice(
                user_id=user_id,
                source=f"stake price {row.pk}",
                text=text,
                link="/deployer/stake/",
                warning=True,
            )
            for user_id in deployers.filter(user_id__in=stake_balances()).values_list("user_id", flat=True)
        ],
        ignore_conflicts=True,
    )


def _read_index(place: str) -> Price | None:
    """The index of a market named ``venue/SYMBOL`` if it is of the last minutes."""
    slug, _, symbol = place.partition("/")
    market = (
        Market.objects.filter(venue__slug=slug, venue__state__in=LIVE_STATES, symbol=symbol.upper())
        .select_related("venue", "base", "quote", "event")
        .first()
    )
    if market is None:
        return None
    newest = (
        PriceCandle.objects.filter(
            group_id=market.venue.group_id, market=market.number, what=PriceCandle.What.INDEX
        )
        .order_by("-minute_ms")
        .first()
    )
    if newest is None or newest.minute_ms < time.time() * 1000 - FRESH_MS:
        return None
    return Price(
        instrument(market).price(newest.close), f"index of {market.symbol} at {market.venue.name}"[:80]
    )
