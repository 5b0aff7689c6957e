"""Capacity: the stake behind a venue bounds the open interest of its contracts, in the kernel.

``capacity = stake behind the venue * its price in the settlement asset * CAPACITY_MULTIPLE``. It is told to the kernel
before the first contract market opens, whenever stake moves, and by a sweep that makes up for what was lost. When it
falls the kernel takes no new risk; what stands is left alone.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import exchange_kernel as kernel
from celery import current_app
from django.db.models import Count
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_asset, stake_balance, stake_balances
from venues.models import Market, MarketKind, Venue
from venues.selectors import BACKED_STATES, LIVE_STATES, markets_of
from venues.services.asking import ask
from venues.stakes import capacity_from, stake_for, stake_price

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
SWEEP_TASK = "venues.sweep_capacity"


def settlement_asset(venue: Venue) -> Asset | None:
    """What the venue's contracts settle in; ``None`` if it has none."""
    market = (
        markets_of(venue).exclude(kind=MarketKind.SPOT).select_related("quote").order_by("number").first()
    )
    return market.quote if market else None


def capacity_of(venue: Venue, settlement: Asset) -> int:
    """Units of ``settlement`` that the venue's open interest may be worth; 0 without a price of the stake."""
    owner = venue.fronts or venue
    stake = stake_balance(owner.deployer.user_id)
    price = stake_price(settlement).value
    return capacity_from(stake, backed_count(owner.deployer_id), settlement, price, stake_asset())


def backed_count(deployer_id: int) -> int:
    """Among how many venues a deployer's stake is shared; a front carries no risk of its own."""
    return Venue.objects.filter(deployer=deployer_id, state__in=BACKED_STATES, fronts=None).count()


@dataclass(frozen=True)
class Load:
    """What one venue's contracts carry and may carry, in units of ``settlement``; ``used`` is None if it is away."""

    venue: Venue
    settlement: Asset
    used: int | None
    limit: int

    @property
    def percent(self) -> int:
        """How much of the limit is used, 0 to 100."""
        used = self.used or 0
        return min(100, used * 100 // self.limit) if self.limit else 100 if used else 0

    @property
    def level(self) -> str:
        """How a gauge of it is shown."""
        return "danger" if self.percent >= 90 else "warn" if self.percent >= 70 else ""


def loads_of(
    venues: Iterable[Venue], stake: int, shared_by: int, patience_seconds: float = 1.5
) -> list[Load]:
    """What every venue with contracts carries, asked of its kernel, and may carry if ``stake`` units were at stake."""
    asset, found = stake_asset(), []
    for venue in venues:
        settlement = settlement_asset(venue)
        if settlement is None or venue.fronts_id is not None:
            continue
        try:
            used = int(ask(venue.group_id, {"q": "capacity"}, patience_seconds)["open_interest"])
        except DomainError:
            used = None
        limit = capacity_from(stake, shared_by, settlement, stake_price(settlement).value, asset)
        found.append(Load(venue, settlement, used, limit))
    return found


def missing_stake(venue: Venue) -> int:
    """Units of stake that the deployer lacks to carry what is open at the venue; 0 if it is carried.

    Raises the engine's errors.
    """
    settlement = settlement_asset(venue)
    if settlement is None or venue.fronts_id is not None:
        return 0
    used = int(ask(venue.group_id, {"q": "capacity"}, PATIENCE_SECONDS)["open_interest"])
    if used <= capacity_of(venue, settlement):
        return 0
    price, shared_by = stake_price(settlement).value, max(1, backed_count(venue.deployer_id))
    needed = stake_for(used, shared_by, settlement, price, stake_asset())
    return max(1, needed - stake_balance(venue.deployer.user_id))


def stake_in_use(loads: Iterable[Load], shared_by: int) -> int:
    """Units of stake that the open interest of these venues needs, all of them sharing evenly."""
    asset = stake_asset()
    needs = [
        stake_for(each.used or 0, shared_by, each.settlement, stake_price(each.settlement).value, asset)
        for each in loads
    ]
    return max(needs, default=0)


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
    prices: dict[int, Decimal] = {}
    counts = (
        Venue.objects.filter(state__in=BACKED_STATES, fronts=None)
        .values_list("deployer")
        .annotate(Count("pk"))
    )
    backed, stakes, asset = dict(counts), stake_balances(), stake_asset()
    told = 0
    for market in first:
        venue = market.venue
        stake = stakes.get(venue.deployer.user_id, 0)
        if market.quote_id not in prices:
            prices[market.quote_id] = stake_price(market.quote).value
        shared_by = backed.get(venue.deployer_id, 1)
        capacity = capacity_from(stake, shared_by, market.quote, prices[market.quote_id], asset)
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
