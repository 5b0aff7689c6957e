"""What a venue has earned, read from the daily sums: by day, by market, by month. Amounts are units of the quote asset.

Fees are as traders paid them. Of what builders leave the protocol gets its share, referrers theirs, the venue the rest;
the kernel does this fill by fill and rounds down, so the fee account itself may differ by the dust of rounding.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone
from exchange_kernel import BILL_KINDS

from exchange_os.ledger.models import Asset
from venues.models import PPM, Market, PaymentDay, RevenueDay, Venue
from venues.selectors import markets_of


@dataclass(frozen=True)
class Earned:
    """What some markets earned in some days."""

    trades: int = 0
    volume: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    builders: int = 0
    referrers: int = 0
    protocol: int = 0

    @property
    def fees(self) -> int:
        """What traders paid, rebates taken off."""
        return self.taker_fees + self.maker_fees

    @property
    def venue(self) -> int:
        """What is left to the venue."""
        return self.fees - self.builders - self.referrers - self.protocol

    def __add__(self, other: "Earned") -> "Earned":
        return Earned(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class MarketRevenue:
    """A market and what it earned."""

    market: Market
    earned: Earned


def today() -> date:
    """The day it is in UTC, in which days of revenue are."""
    return timezone.now().astimezone(UTC).date()


def revenue_assets(venue: Venue) -> list[Asset]:
    """What fees of the venue are paid in, the asset of most markets first."""
    counts: dict[Asset, int] = defaultdict(int)
    for market in markets_of(venue).select_related("quote"):
        counts[market.quote] += 1
    return sorted(counts, key=lambda asset: (-counts[asset], asset.symbol))


def revenue_by_market(venue: Venue, asset: Asset, since: date, until: date) -> list[MarketRevenue]:
    """What each market quoted in ``asset`` earned on the days from ``since`` to ``until``, both with; most first."""
    markets = _markets(venue, asset)
    found = _earned(venue, markets, since, until)
    by_market: dict[int, Earned] = defaultdict(Earned)
    for (number, _), earned in found.items():
        by_market[number] += earned
    rows = [MarketRevenue(markets[number], earned) for number, earned in by_market.items()]
    return sorted(rows, key=lambda row: (-row.earned.venue, row.market.symbol))


def revenue_by_day(venue: Venue, asset: Asset, since: date, until: date) -> list[tuple[date, Earned]]:
    """What the venue earned on each day, oldest first; days without a trade are there too."""
    found = _earned(venue, _markets(venue, asset), since, until)
    by_day: dict[date, Earned] = defaultdict(Earned)
    for (_, day), earned in found.items():
        by_day[day] += earned
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    return [(day, by_day[day]) for day in days]


def total(parts: Iterable[Earned]) -> Earned:
    """All of them together."""
    return sum(parts, Earned())


def months_of(venue: Venue) -> list[date]:
    """The first days of the months in which the venue traded, newest first."""
    days = RevenueDay.objects.filter(group_id=venue.group_id).dates("day", "month", order="DESC")
    return list(days)


def _markets(venue: Venue, asset: Asset) -> dict[int, Market]:
    rows = markets_of(venue).filter(quote=asset).select_related("quote", "event")
    return {market.number: market for market in rows}


def _earned(
    venue: Venue, markets: dict[int, Market], since: date, until: date
) -> dict[tuple[int, date], Earned]:
    """``{(market, day): what it earned}``, from two reads of the daily sums."""
    paid: dict[tuple[int, date], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    payments = PaymentDay.objects.filter(
        group_id=venue.group_id, market__in=markets, day__gte=since, day__lte=until
    )
    for market, day, kind, amount in payments.values_list("market", "day", "kind", "amount"):
        paid[market, day][kind] += amount
    found = {}
    for row in RevenueDay.objects.filter(
        group_id=venue.group_id, market__in=markets, day__gte=since, day__lte=until
    ):
        to = paid[row.market, row.day]
        builders, referrers = to[BILL_KINDS["builder_fee"]], to[BILL_KINDS["referral"]]
        shared = max(0, row.taker_fees + row.maker_fees - builders)
        found[row.market, row.day] = Earned(
            row.trades,
            row.volume,
            row.taker_fees,
            row.maker_fees,
            builders,
            referrers,
            shared * venue.protocol_share_ppm // PPM,
        )
    return found


def front_revenue_by_day(front: Venue, asset: Asset, since: date, until: date) -> list[tuple[date, int]]:
    """What a front's deployer was paid as its builder on each day, in units of ``asset``, oldest first."""
    rows = _builder_days(front, asset, since, until).values("day").annotate(units=Sum("amount"))
    by_day = {row["day"]: int(row["units"]) for row in rows}
    days = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    return [(day, by_day.get(day, 0)) for day in days]


def front_revenue_by_market(front: Venue, asset: Asset, since: date, until: date) -> list[tuple[Market, int]]:
    """What a front's deployer was paid as its builder in each market, most first."""
    markets = _markets(front, asset)
    rows = _builder_days(front, asset, since, until).values("market").annotate(units=Sum("amount"))
    found = [(markets[row["market"]], int(row["units"])) for row in rows]
    return sorted(found, key=lambda row: (-row[1], row[0].symbol))


def front_revenue_by_market_and_day(
    front: Venue, asset: Asset, since: date, until: date
) -> list[tuple[date, Market, int]]:
    """What a front's deployer was paid as its builder, by day and market, days without a payment left out."""
    markets = _markets(front, asset)
    rows = _builder_days(front, asset, since, until).values("day", "market").annotate(units=Sum("amount"))
    found = [(row["day"], markets[row["market"]], int(row["units"])) for row in rows]
    return sorted(found, key=lambda row: (row[0], row[1].symbol))


def front_months_of(front: Venue) -> list[date]:
    """The first days of the months in which a front's deployer was paid, newest first."""
    paid = PaymentDay.objects.filter(
        group_id=front.group_id, account=front.builder_account or 0, kind=BILL_KINDS["builder_fee"]
    )
    return list(paid.dates("day", "month", order="DESC"))


def _builder_days(front: Venue, asset: Asset, since: date, until: date) -> QuerySet[PaymentDay]:
    return PaymentDay.objects.filter(
        group_id=front.group_id,
        account=front.builder_account or 0,
        kind=BILL_KINDS["builder_fee"],
        market__in=_markets(front, asset),
        day__gte=since,
        day__lte=until,
    )
