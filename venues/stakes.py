"""What stake does: how much a venue needs by what it trades, what the stake is worth, and the capacity it gives."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import stake_asset, stake_balance, to_units
from exchange_os.parameters.selectors import amount, whole
from venues.models import Market, MarketKind, StakePrice, Venue, VenueState

BACKED_STATES = (VenueState.LAUNCHING, VenueState.OPEN, VenueState.HALTED, VenueState.WINDING)
SPOT_ONLY = (MarketKind.SPOT.value,)
FRONT = "front"


def least_stakes() -> dict[str, Decimal]:
    """What each kind of market asks to be at stake, in whole units of the stake asset."""
    return {kind: amount(f"min_{kind}_stake") for kind in (*MarketKind.values, FRONT)}


def min_stake(kinds: Iterable[str] = SPOT_ONLY, least: Mapping[str, Decimal] | None = None) -> int:
    """Units of the stake asset that must stand behind a venue which trades these kinds: the most that one asks for.

    ``least`` are other minimums than those in force.
    """
    asset = stake_asset()
    asked = set(kinds) or SPOT_ONLY
    return max(to_units(least[kind] if least else amount(f"min_{kind}_stake"), asset) for kind in asked)


def needs_of(user_id: int, least: Mapping[str, Decimal] | None = None) -> int:
    """Units that a deployer's living venues need together, by the minimums in force or by others."""
    venues = Venue.objects.filter(deployer__user_id=user_id, state__in=BACKED_STATES)
    return sum(min_stake(traded, least) for traded in _kinds_of(venues).values())


class StakeStanding:
    """A deployer's stake in units of the stake asset: ``held``, ``backing`` live venues, ``free``.

    ``per_venue`` is what one more venue of the given kinds needs; ``needs`` what each living venue does; ``shared_by``
    how many of them carry risk on it (a front carries none).
    """

    def __init__(self, user_id: int, kinds: Iterable[str] = SPOT_ONLY) -> None:
        self.asset = stake_asset()
        self.per_venue = min_stake(kinds)
        self.held = stake_balance(user_id)
        venues = Venue.objects.filter(deployer__user_id=user_id, state__in=BACKED_STATES)
        self.needs = {pk: min_stake(traded) for pk, traded in _kinds_of(venues).items()}
        self.shared_by = sum(venue.fronts_id is None for venue in venues)
        self.backing = sum(self.needs.values())

    @property
    def free(self) -> int:
        """What no minimum needs and may be released."""
        return max(0, self.held - self.backing)

    @property
    def short_for_next(self) -> int:
        """What is missing for one more venue; 0 if it can be launched."""
        return max(0, self.backing + self.per_venue - self.held)


def stake_standing(user_id: int, kinds: Iterable[str] = SPOT_ONLY) -> StakeStanding:
    """The user's stake: what is held, what it backs, what one more venue of these kinds would need."""
    return StakeStanding(user_id, kinds)


def _kinds_of(venues: Iterable[Venue]) -> dict[int, set[str]]:
    kinds: dict[int, set[str]] = {venue.pk: {FRONT} if venue.fronts_id else set() for venue in venues}
    for pk, kind in Market.objects.filter(venue_id__in=kinds).values_list("venue_id", "kind").distinct():
        kinds[pk].add(kind)
    return kinds


@dataclass(frozen=True)
class Price:
    """What one unit of the stake asset is worth in a settlement asset, and what says so."""

    value: Decimal
    source: str


def stake_price(settlement: Asset) -> Price:
    """The newest price of the stake asset in ``settlement``; that of the settings before there is one, 0 without."""
    newest = StakePrice.objects.filter(settlement=settlement).order_by("-pk").first()
    if newest is not None:
        return Price(Decimal(newest.price), newest.source)
    return Price(Decimal(settings.STAKE_PRICES.get(settlement.symbol, "0")), "settings")


def capacity_from(
    stake: int, venues: int, settlement: Asset, price: Decimal, asset: Asset, multiple: int | None = None
) -> int:
    """Units of ``settlement`` that ``stake`` units, shared evenly among a deployer's venues, allow one of them.

    ``multiple`` is another than the one in force.
    """
    times = whole("capacity_multiple") if multiple is None else multiple
    worth = Decimal(stake).scaleb(settlement.scale - asset.scale) * price * times
    return int(worth / max(1, venues))


def stake_for(capacity: int, venues: int, settlement: Asset, price: Decimal, asset: Asset) -> int:
    """The least stake, in its units, with which each of ``venues`` may carry ``capacity`` units of ``settlement``."""
    if not price or not capacity:
        return 0
    share = Decimal(capacity).scaleb(asset.scale - settlement.scale) / (price * whole("capacity_multiple"))
    units = int(share)
    while capacity_from(units, 1, settlement, price, asset) < capacity:
        units += 1
    return units * max(1, venues)


def minimums(kinds: Collection[tuple[str, str]]) -> list[tuple[str, int]]:
    """``(label, units)`` of what each kind of market asks for, in the order given."""
    return [(label, min_stake([kind])) for kind, label in kinds]
