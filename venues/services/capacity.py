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
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_asset, stake_balance
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


def stake_behind(venue: Venue) -> int:
    """Units of the stake asset behind a venue: its deployer's stake, shared evenly among their venues."""
    user_id = venue.deployer.user_id
    venues = Venue.objects.filter(deployer__user_id=user_id, state__in=BACKED_STATES).count()
    return stake_balance(user_id) // max(1, venues)


def capacity_of(venue: Venue, settlement: Asset) -> int:
    """Units of ``settlement`` that the venue's open interest may be worth; 0 without a price of the stake."""
    price = Decimal(settings.STAKE_PRICES.get(settlement.symbol, "0"))
    stake = Decimal(stake_behind(venue)).scaleb(-stake_asset().scale)
    return int((stake * price * settings.CAPACITY_MULTIPLE).scaleb(settlement.scale))


def tell_capacity(venue: Venue) -> bool:
    """Tell the kernel the venue's capacity if it has changed; whether it had. Raises the engine's ``DomainError``."""
    settlement = settlement_asset(venue)
    if settlement is None:
        return False
    capacity = capacity_of(venue, settlement)
    if capacity == venue.capacity_units:
        return False
    ack = client.submit(venue.group_id, kernel.set_capacity(capacity))
    if ack.code:
        raise DomainError("kernel_refused", kernel.REJECTS[ack.code][1], reject=kernel.REJECTS[ack.code][0])
    Venue.objects.filter(pk=venue.pk).update(capacity_units=capacity)
    return True


def tell_capacities() -> int:
    """Tell every live venue with contracts its capacity where it has changed; how many had."""
    venues = Venue.objects.filter(state__in=LIVE_STATES, markets__kind__in=("swap", "outcome"))
    told = 0
    for venue in venues.select_related("deployer").distinct():
        try:
            told += tell_capacity(venue)
        except DomainError as away:
            log.warning("capacity of venue %s not told: %s", venue.slug, away.message)
    return told


def send_sweep() -> None:
    """Ask a worker to tell capacities now; a lost message is made up by the next sweep."""
    try:
        current_app.send_task(SWEEP_TASK, retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("capacities not sent: %s", error)
