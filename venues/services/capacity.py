"""Capacity: the stake behind a venue bounds the open interest of its contracts, in the kernel.

``capacity = stake behind the venue * its price in the settlement asset * CAPACITY_MULTIPLE``. It is told to the kernel
before the first contract market opens, whenever stake moves, and by a sweep that makes up for what was lost. When it
falls the kernel takes no new risk; what stands is left alone.
"""

import logging
from decimal import Decimal

import exchange_kernel as kernel
from celery import current_app
from django.conf import settings
from django.db.models import Count
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_asset, stake_balance, stake_balances
from venues.models import Market, MarketKind, Venue
from venues.selectors import BACKED_STATES, LIVE_STATES

log = logging.getLogger(__name__)

SWEEP_TASK = "venues.sweep_capacity"


def settlement_asset(venue: Venue) -> Asset | None:
    """What the venue's contracts settle in; ``None`` if it has none."""
    market = (
        Market.objects.filter(venue=venue)
        .exclude(kind=MarketKind.SPOT)
        .select_related("quote")
        .order_by("number")
        .first()
    )
    return market.quote if market else None


def capacity_of(venue: Venue, settlement: Asset) -> int:
    """Units of ``settlement`` that the venue's open interest may be worth; 0 without a price of the stake."""
    backed = Venue.objects.filter(deployer=venue.deployer_id, state__in=BACKED_STATES).count()
    return _worth(stake_balance(venue.deployer.user_id), backed, settlement, stake_asset())


def _worth(stake: int, venues: int, settlement: Asset, asset: Asset) -> int:
    """The capacity that ``stake`` units, shared evenly among a deployer's venues, give to one of them."""
    price = Decimal(settings.STAKE_PRICES.get(settlement.symbol, "0"))
    share = Decimal(stake // max(1, venues)).scaleb(-asset.scale)
    return int((share * price * settings.CAPACITY_MULTIPLE).scaleb(settlement.scale))


def tell_capacities() -> int:
    """Tell every live venue with contracts its capacity where it has changed; how many had.

    A handful of queries whatever the number of venues; only those whose capacity has changed are spoken to.
    """
    contracts = Market.objects.exclude(kind=MarketKind.SPOT).filter(venue__state__in=LIVE_STATES)
    first = (
        contracts.order_by("venue_id", "number")
        .distinct("venue_id")
        .select_related("quote", "venue__deployer")
    )
    counts = Venue.objects.filter(state__in=BACKED_STATES).values_list("deployer").annotate(Count("pk"))
    backed, stakes, asset = dict(counts), stake_balances(), stake_asset()
    told = 0
    for market in first:
        venue = market.venue
        stake = stakes.get(venue.deployer.user_id, 0)
        capacity = _worth(stake, backed.get(venue.deployer_id, 1), market.quote, asset)
        if capacity == venue.capacity_units:
            continue
        try:
            _tell(venue, capacity)
        except DomainError as away:
            log.warning("capacity of venue %s not told: %s", venue.slug, away.message)
        else:
            told += 1
    return told


def _tell(venue: Venue, capacity: int) -> None:
    ack = client.submit(venue.group_id, kernel.set_capacity(capacity))
    if ack.code:
        raise DomainError("kernel_refused", kernel.REJECTS[ack.code][1], reject=kernel.REJECTS[ack.code][0])
    Venue.objects.filter(pk=venue.pk).update(capacity_units=capacity)


def send_sweep() -> None:
    """Ask a worker to tell capacities now; a lost message is made up by the next sweep."""
    try:
        current_app.send_task(SWEEP_TASK, retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("capacities not sent: %s", error)
